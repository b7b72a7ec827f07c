// The page of one trace: its summary, its waterfall and the details of expanded spans.
import * as api from "./api.js";
import { announce, clock, duration, el, plural } from "./format.js";
import { serviceColor } from "./colors.js";
import { details, legend } from "./details.js";

// Several programs export the spans of a trace in separate batches, so a recent trace may be incomplete. The page reloads
// it until it is this old.
const RECENT_MS = 15_000;
const RETRY_MS = 1_500;

export async function showTrace(main, id, signal, navigate) {
  document.title = `Trace ${id.slice(0, 8)} · mini-redis`;
  main.replaceChildren(el("p.note", null, "Loading the trace…"));
  let shown = 0;
  for (let waited = 0; ; waited += RETRY_MS) {
    try {
      const trace = await api.trace(id, signal);
      if (trace.spans.length !== shown) render(main, trace, navigate);
      shown = trace.spans.length;
      if (Date.now() - Number((trace.start + BigInt(Math.round(trace.length))) / 1000000n) > RECENT_MS) return;
    } catch (error) {
      if (signal.aborted) return;
      if (!shown) main.replaceChildren(problem(id, error, waited < RECENT_MS));
      if (error.status !== 404) return;
    }
    if (waited >= RECENT_MS || !(await sleep(RETRY_MS, signal))) return;
  }
}

function sleep(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(true), ms);
    signal.addEventListener("abort", () => { clearTimeout(timer); resolve(false); });
  });
}

function problem(id, error, retrying) {
  const text = error.status !== 404 ? `Jaeger returned an error: ${error.message}`
    : retrying ? "The trace has not arrived yet. Spans take up to 2 s to arrive. Retrying…"
      : "Jaeger does not have this trace. It keeps only the newest traces, those of the last minutes, in memory.";
  return el("div.note", { role: "alert" }, el("p", null, "Trace ", el("code", null, id)), el("p", null, text), el("p", null, el("a", { href: "/search" }, "All traces")));
}

function render(main, trace, navigate) {
  const root = trace.spans[0];
  const failed = trace.spans.filter((s) => s.failed).length;
  const services = [...new Set(trace.spans.map((s) => s.service))];
  document.title = `${root.name} ${duration(trace.length)} · ${trace.id.slice(0, 8)}`;
  announce(`Trace of ${plural(trace.spans.length, "span")}, ${duration(trace.length)}`);
  const waterfall = new Waterfall(trace, navigate);
  main.replaceChildren(
    el("nav.crumbs", { "aria-label": "Breadcrumb" }, el("a", { href: "/search" }, "Traces"), el("span", { "aria-hidden": "true" }, "/"), el("code", null, trace.id), copyButton(trace.id)),
    el("h1", null, el("span.service", { style: { "--c": serviceColor(root.service) } }, root.service), " ", root.name, " ", failed > 0 && el("span.badge.error", null, plural(failed, "error"))),
    el("dl.summary", null,
      fact("Duration", duration(trace.length)), fact("Spans", String(trace.spans.length)),
      fact("Services", services.join(", ")), fact("Started", clock(trace.start))),
    waterfall.element);
}

function fact(name, value) {
  return el("div", null, el("dt", null, name), el("dd", null, value));
}

function copyButton(text) {
  const button = el("button.quiet", { type: "button", onclick: async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Select it to copy"; // the clipboard API requires https or loopback
    }
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  } }, "Copy");
  return button;
}

const MAX_ROWS = 1000; // more rows would block the page

class Waterfall {
  constructor(trace, navigate) {
    this.trace = trace;
    this.navigate = navigate;
    this.view = { from: 0, to: trace.length };
    this.spans = trace.spans.slice(0, MAX_ROWS);
    this.element = el("section.waterfall", { "aria-label": "Waterfall" });
    this.rows = this.spans.map((s) => this.row(s));
    this.axis = el("div.axis", { "aria-hidden": "true" });
    this.reset = el("button.quiet", { type: "button", onclick: () => this.zoom(0, trace.length) }, "Show all");
    const hasPhases = trace.spans.some((s) => s.phases.length);
    this.element.append(
      el("div.tools", null, hasPhases ? legend() : el("span"), this.reset),
      el("div.head", null, el("span", null, "Service and operation"), this.axis),
      el("ol.spans", { onkeydown: (event) => this.key(event) }, this.rows.map((r) => r.element)),
    );
    if (trace.spans.length > MAX_ROWS) this.element.append(el("p.note", null, `Only the first ${MAX_ROWS} of ${trace.spans.length} spans are shown.`));
    this.element.append(el("p.keys", null, el("kbd", null, "↑"), " ", el("kbd", null, "↓"), " move · ", el("kbd", null, "Enter"), " details · ", el("kbd", null, "z"), " zoom to the span · ", el("kbd", null, "0"), " show all · ", el("kbd", null, "Esc"), " all traces"));
    this.draw();
    const linked = this.rows.find((r) => location.hash === `#${r.span.id}`);
    if (linked) this.toggle(linked, true);
    else if (this.rows.length <= 3) this.rows.filter((r) => r.span.phases.length).forEach((r) => this.toggle(r, true));
  }

  row(span) {
    const bar = el("span.bar", { style: { "--c": serviceColor(span.service) } });
    const label = el("span.took");
    const button = el("button.row", { type: "button", "aria-expanded": "false", "aria-controls": `d-${span.id}`, onclick: () => this.toggle(row) },
      el("span.name", { style: { "--depth": Math.min(span.depth, 12) } },
        el("span.chevron", { "aria-hidden": "true" }),
        el("span.service", { style: { "--c": serviceColor(span.service) } }, span.service), " ",
        el("span.op", null, span.name), " ",
        span.kind && span.kind !== "INTERNAL" && el(`span.badge.kind`, null, span.kind), " ",
        span.failed && el("span.badge.error", null, "ERROR")),
      el("span.track", null, bar, label),
    );
    button.classList.add(span.kind.toLowerCase() || "unset");
    if (span.failed) button.classList.add("failed");
    const element = el("li", { id: `s-${span.id}`, "data-kind": span.kind, "data-depth": span.depth }, button);
    const row = { span, element, button, bar, label, open: false };
    return row;
  }

  /** Positions the bars, the labels and the axis for the visible time range. */
  draw() {
    const { from, to } = this.view;
    const length = to - from;
    const at = (ns) => (100 * (ns - from)) / length;
    this.axis.replaceChildren(...[0, 0.25, 0.5, 0.75, 1].map((f) => el("span", { style: { left: `${100 * f}%` } }, duration(from + f * length))));
    this.reset.hidden = from === 0 && to === this.trace.length;
    for (const { span, bar, label } of this.rows) {
      const left = at(span.start), right = at(span.end);
      const visible = right >= 0 && left <= 100;
      bar.hidden = !visible;
      const l = Math.max(0, left), r = Math.min(100, right);
      bar.style.left = `${l}%`;
      bar.style.width = `${Math.max(0, r - l)}%`;
      bar.replaceChildren(...(visible ? this.segments(span, l, r, at) : []));
      bar.classList.toggle("phased", span.phases.length > 0);
      // The label is after its bar if there is space, otherwise before it, otherwise inside it.
      label.textContent = duration(span.duration);
      const place = !visible ? "end" : r < 78 ? "after" : l > 22 ? "before" : "inside";
      label.dataset.place = place;
      label.style.left = place === "after" ? `${r}%` : "";
      label.style.right = place === "before" ? `${100 - l}%` : "";
    }
  }

  segments(span, left, right, at) {
    const width = Math.max(right - left, 1e-9);
    return span.phases.filter((p) => p.ns > 0).map((p) => {
      const l = Math.max(left, at(p.start)), r = Math.min(right, at(p.start + p.ns));
      return el(`span.phase.${p.name}`, { title: `${p.name} ${duration(p.ns)}`, style: { left: `${(100 * (l - left)) / width}%`, width: `${Math.max(0, (100 * (r - l)) / width)}%` } });
    });
  }

  toggle(row, open = !row.open) {
    row.open = open;
    row.button.setAttribute("aria-expanded", String(open));
    row.element.querySelector(".details")?.remove();
    if (open) row.element.append(details(row.span, this.trace, { zoom: () => this.zoomTo(row.span), link: `/trace/${this.trace.id}#${row.span.id}` }));
  }

  zoomTo(span) {
    const margin = Math.max(1, span.duration * 0.04);
    this.zoom(Math.max(0, span.start - margin), Math.min(this.trace.length, span.end + margin));
  }

  zoom(from, to) {
    this.view = { from, to: Math.max(to, from + 1) };
    this.draw();
    announce(`Showing ${duration(to - from)} of ${duration(this.trace.length)}`);
  }

  key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || !event.target.matches("button.row")) return;
    const at = this.rows.findIndex((r) => r.button === event.target);
    const row = this.rows[at];
    const actions = {
      ArrowDown: () => this.rows[Math.min(at + 1, this.rows.length - 1)].button.focus(),
      ArrowUp: () => this.rows[Math.max(at - 1, 0)].button.focus(),
      Home: () => this.rows[0].button.focus(),
      End: () => this.rows.at(-1).button.focus(),
      ArrowRight: () => this.toggle(row, true),
      ArrowLeft: () => this.toggle(row, false),
      z: () => this.zoomTo(row.span),
      0: () => this.zoom(0, this.trace.length),
      Escape: () => this.navigate("/search"),
    };
    if (!actions[event.key]) return;
    event.preventDefault();
    actions[event.key]();
  }
}

