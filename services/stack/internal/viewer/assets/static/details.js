// Details of a span: a breakdown of its duration, its attributes, events, links and resource.
import { PHASES } from "./api.js";
import { duration, el, percent } from "./format.js";
import { serviceColor } from "./colors.js";

export function legend() {
  return el("ul.legend", { "aria-label": "Phases of the server's span" }, PHASES.map(([name, meaning]) => el("li", { title: meaning }, el(`span.swatch.phase.${name}`, { "aria-hidden": "true" }), name)));
}

export function details(span, trace, { zoom, link }) {
  const rest = span.attributes.filter(([k]) => !(span.phases.length && k.startsWith("mini_redis.phase.")));
  return el("div.details", { id: `d-${span.id}`, style: { "--c": serviceColor(span.service) } },
    timeBreakdown(span),
    el("div.columns", null,
      table("Attributes", [...rest, ...(span.message ? [["status message", span.message]] : [])]),
      table("Span", [
        ["starts", span.start ? `${duration(span.start)} after the start of the trace` : "at the start of the trace"], ["duration", duration(span.duration)],
        ["kind", span.kind || "unspecified"], ["status", span.failed ? "error" : "ok or unset"],
        ["span ID", span.id], ["parent", parentText(span)],
        ...(span.traceState ? [["tracestate", span.traceState]] : []), ...(span.scope ? [["instrumentation", span.scope]] : []),
        ...span.links.map((id) => ["linked trace", el("a", { href: `/trace/${id}` }, id)]),
      ]),
      ...span.events.map((e) => table(`Event: ${e.name}`, [["at", duration(Number(e.at - trace.start))], ...e.attributes])),
      resource(span.resource)),
    el("p.actions", null, el("button.quiet", { type: "button", onclick: zoom }, "Zoom to this span"), " ", el("a", { href: link, target: "_self" }, "Link to this span")));
}

function resource(attributes) {
  if (!attributes.length) return null;
  return el("details", null, el("summary", null, "Resource"), rows(attributes));
}

function parentText(span) {
  if (span.parent) return `${span.parent.service} ${span.parent.name}`;
  return span.orphan ? "not in Jaeger" : "none (root span)";
}

function timeBreakdown(span) {
  if (span.phases.length) return phaseTable(span);
  const servers = span.children.filter((c) => c.kind === "SERVER");
  if (span.kind !== "CLIENT" || !servers.length) return null;
  // A server ends its span after it has sent the reply, often after the client's span has ended. The client waited only for
  // the overlap.
  const inside = servers.reduce((sum, c) => sum + Math.max(0, Math.min(c.end, span.end) - Math.max(c.start, span.start)), 0);
  const pool = Math.min(Number(new Map(span.attributes).get("resptrace.wait_ns") ?? 0), span.duration - inside);
  const parts = [["server", "during the server's span", inside], ["between", "the rest: network, kernel and runtime on both sides", span.duration - inside - pool]];
  if (pool > 0) parts.unshift(["client", "before the command was written: waiting for a pool connection, dialing", pool]);
  return el("div.time", null, el("h2", null, "Duration of the client call"), bars(parts, span.duration));
}

function phaseTable(span) {
  return el("div.time", null, el("h2", null, "Phases of the server span"),
    bars(span.phases.map((p) => [p.name, p.meaning, p.ns]), span.duration));
}

function bars(parts, whole) {
  return [
    el("div.strip", { "aria-hidden": "true" }, parts.filter(([, , ns]) => ns > 0).map(([name, , ns]) => el(`span.phase.${name}`, { title: `${name} ${duration(ns)}`, style: { "flex-grow": ns } }))),
    el("table.parts", null, el("tbody", null, parts.map(([name, meaning, ns]) => el("tr", null,
      el("th", { scope: "row" }, el(`span.swatch.phase.${name}`, { "aria-hidden": "true" }), name),
      el("td.number", null, duration(ns)), el("td.number", null, percent(ns, whole)), el("td.meaning", null, meaning))))),
  ];
}

function table(title, pairs) {
  return pairs.length ? el("div", null, el("h2", null, title), rows(pairs)) : null;
}

function rows(pairs) {
  return el("table", null, el("tbody", null, pairs.map(([k, v]) => el("tr", null, el("th", { scope: "row" }, k), el("td", null, v)))));
}
