// The search form and the list of traces. The state of the form is in the URL, so that a search can be shared and is
// restored by the back button.
import * as api from "./api.js";
import { ago, announce, clock, duration, el, plural } from "./format.js";
import { serviceColor } from "./colors.js";

const LIMITS = [20, 50, 100, 200];

export async function showSearch(main, params, signal, navigate) {
  document.title = "Traces · mini-redis";
  const query = {
    service: params.get("service") ?? "", operation: params.get("operation") ?? "", tags: params.get("tags") ?? "",
    min: params.get("min") ?? "", limit: Number(params.get("limit")) || LIMITS[0],
  };
  const results = el("section.results", { "aria-label": "Traces" }, el("p.note", null, "Searching…"));
  const form = el("form.search", { "aria-label": "Search traces", onsubmit: (event) => { event.preventDefault(); navigate(address(form)); } });
  main.replaceChildren(el("h1.hidden", null, "Search traces"), form, results);
  fillForm(form, query, [query.service], [query.operation]);
  form.addEventListener("change", (event) => {
    if (event.target.name === "service") form.elements.operation.value = "";
    if (event.target.tagName === "SELECT") navigate(address(form));
  });
  // Load the options of the form and the results concurrently.
  formOptions(query, signal).then(([services, operations]) => fillForm(form, query, services, operations)).catch(() => {});
  await load(results, query, signal);
}

function address(form) {
  const params = new URLSearchParams();
  for (const [name, value] of new FormData(form)) {
    if (value.trim() && !(name === "limit" && Number(value) === LIMITS[0])) params.set(name, value.trim());
  }
  return `/search${params.size ? `?${params}` : ""}`;
}

async function formOptions(query, signal) {
  return Promise.all([api.services(signal), query.service ? api.operations(query.service, signal) : []]);
}

function fillForm(form, query, services, operations) {
  const focused = document.activeElement?.name;
  const typed = form.elements.tags && { tags: form.elements.tags.value, min: form.elements.min.value };
  const select = (name, label, values, any) => field(name, label, el("select", { name, id: name },
    any && el("option", { value: "" }, any),
    [...new Set([...values, String(query[name])])].filter(Boolean).map((v) => el("option", { value: v, selected: String(v) === String(query[name]) }, String(v)))));
  const input = (name, label, placeholder, extra) =>
    field(name, label, el("input", { name, id: name, placeholder, value: typed?.[name] ?? query[name], spellcheck: "false", autocomplete: "off", ...extra }));
  form.replaceChildren(
    select("service", "Service", services, "all"),
    select("operation", "Operation", operations, "all"),
    input("tags", "Tags", "db.operation.name=GET error", { class: "wide" }),
    input("min", "Min duration", "500us, 1.5ms", { size: 8, pattern: "\\s*\\d+(\\.\\d+)?(ns|us|µs|ms|s|m)\\s*", title: "a number with a unit: ns, us, ms, s" }),
    select("limit", "Last", LIMITS),
    el("button", null, "Find"),
  );
  if (focused && form.elements[focused]) form.elements[focused].focus();
}

function field(name, label, control) {
  return el(`div.field.${name}`, null, el("label", { for: name }, label), control);
}

async function load(results, query, signal) {
  try {
    const traces = await api.search(query, signal);
    announce(`${plural(traces.length, "trace")} found`);
    results.replaceChildren(...(traces.length ? list(traces, query) : [emptyResult(query)]));
  } catch (error) {
    if (signal.aborted) return;
    results.replaceChildren(el("p.note.problem", { role: "alert" }, `Jaeger returned an error: ${error.message}`));
  }
}

function emptyResult(query) {
  const filtered = query.service || query.operation || query.tags || query.min;
  return el("div.note", null,
    el("p", null, filtered ? "No trace matches." : "No traces yet."),
    el("p", null, filtered ? el("a", { href: "/search" }, "Show all traces") : "Traces appear about 1 s after the first call to the server."));
}

function list(traces, query) {
  const longest = Math.max(...traces.map((t) => t.duration));
  const reload = el("button.quiet", { type: "button", onclick: () => window.dispatchEvent(new PopStateEvent("popstate")) }, "Refresh");
  return [
    el("div.count", null, el("span", null, `Newest ${plural(traces.length, "trace")}${query.service ? ` of ${query.service}` : ""}`), reload),
    el("ol.traces", null, traces.map((t) => row(t, longest))),
  ];
}

function row(t, longest) {
  const when = clock(BigInt(Math.round(t.start * 1000)) * 1000n);
  return el("li", null, el("a.trace", { href: `/trace/${t.id}` },
    el("span.title", null,
      el("span.service", { style: { "--c": serviceColor(t.service) } }, t.service), " ",
      el("strong", null, t.name), " ",
      t.failed > 0 && el("span.badge.error", null, plural(t.failed, "error"))),
    el("span.facts", null, facts(t), el("time.when", { title: when }, ago(t.start))),
    el("span.took", null,
      el("span.meter", { "aria-hidden": "true" }, el("span", { style: { width: `${Math.max(0.5, (100 * t.duration) / longest)}%` } })),
      el("span.duration", null, duration(t.duration)))));
}

function facts(t) {
  const first = (name) => (name === t.service ? 0 : 1); // the service of the root span first, then by name
  const others = [...t.services].sort(([a], [b]) => first(a) - first(b) || a.localeCompare(b)).map(([name, n]) => `${name} ${n}`).join(" · ");
  return el("span", null, `${plural(t.spans, "span")}: ${others}`);
}
