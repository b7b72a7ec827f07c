// The page's two views and the addresses they live at: /search?... and /trace/<id>, as in Jaeger's own UI, so that links
// written for either work with both.
import { showSearch } from "./search.js";
import { showTrace } from "./trace.js";

const main = document.getElementById("main");
let leaving = new AbortController();

function route(focus) {
  leaving.abort(); // whatever the view before was still waiting for
  leaving = new AbortController();
  const id = location.pathname.match(/^\/trace\/([0-9a-fA-F]{1,32})\/?$/)?.[1];
  if (id) showTrace(main, id.toLowerCase(), leaving.signal, navigate);
  else showSearch(main, new URLSearchParams(location.search), leaving.signal, navigate);
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
document.querySelector(".skip").addEventListener("click", (event) => { // <base> would turn the fragment into another page
  event.preventDefault();
  main.focus();
});
window.addEventListener("popstate", () => route(false));
route(false);
