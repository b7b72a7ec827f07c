// Routing between the two views, /search?... and /trace/<id>. The URLs are those of Jaeger's own UI, so that links work with
// both.
import { showSearch } from "./search.js";
import { showTrace } from "./trace.js";

const main = document.getElementById("main");
let controller = new AbortController(); // aborts the requests of the current view

function route(focus) {
  controller.abort();
  controller = new AbortController();
  const id = location.pathname.match(/^\/trace\/([0-9a-fA-F]{1,32})\/?$/)?.[1];
  if (id) showTrace(main, id.toLowerCase(), controller.signal, navigate);
  else showSearch(main, new URLSearchParams(location.search), controller.signal, navigate);
  if (focus) main.focus({ preventScroll: true });
}

function navigate(path, replace = false) {
  history[replace ? "replaceState" : "pushState"](null, "", path);
  window.scrollTo(0, 0);
  route(true);
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href]");
  if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || link.target) return;
  const to = new URL(link.href);
  if (to.origin !== location.origin || !/^\/(search|trace\/)/.test(to.pathname)) return;
  event.preventDefault();
  navigate(to.pathname + to.search);
});
document.getElementById("jump").addEventListener("submit", (event) => {
  event.preventDefault();
  const id = new FormData(event.target).get("id").trim().toLowerCase();
  if (id) navigate(`/trace/${id}`);
  event.target.reset();
});
document.querySelector(".skip").addEventListener("click", (event) => { // with <base>, the fragment would navigate to another page
  event.preventDefault();
  main.focus();
});
window.addEventListener("popstate", () => route(false));
route(false);
