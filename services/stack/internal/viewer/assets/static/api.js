// Client of Jaeger's query API. The search uses /api/traces, which has microseconds but supports tags. A single trace
// comes from /api/v3, which is OTLP with nanoseconds: a command takes about 10 µs, some phases less than 1 µs.

async function get(path, signal) {
  const response = await fetch(path, { signal, headers: { Accept: "application/json" } });
  const body = await response.json().catch(() => null);
  if (response.ok && body) return body;
  const text = body?.errors?.[0]?.msg ?? body?.error?.message ?? response.statusText;
  throw Object.assign(new Error(text || `HTTP ${response.status}`), { status: response.status });
}

export async function services(signal) {
  return ((await get("/api/services", signal)).data ?? []).sort();
}

export async function operations(service, signal) {
  const found = (await get(`/api/operations?service=${encodeURIComponent(service)}`, signal)).data ?? [];
  return [...new Set(found.map((o) => o.name))].sort();
}

/** Returns the newest matching traces. Without a service it searches all services and removes duplicates. */
export async function search(query, signal) {
  const names = query.service ? [query.service] : await services(signal);
  const lists = await Promise.all(names.map((name) => searchService(name, query, signal)));
  const byID = new Map(lists.flat().map((t) => [t.id, t]));
  return [...byID.values()].sort((a, b) => b.start - a.start).slice(0, query.limit);
}

async function searchService(service, query, signal) {
  const q = new URLSearchParams({ service, limit: query.limit, lookback: "6h" });
  if (query.operation) q.set("operation", query.operation);
  if (query.min) q.set("minDuration", query.min);
  const tags = parseTags(query.tags);
  if (Object.keys(tags).length) q.set("tags", JSON.stringify(tags));
  return ((await get(`/api/traces?${q}`, signal)).data ?? []).map(summarize);
}

/** Parses a=b c="d e" into an object. A word without a value is a tag with the value "true". */
export function parseTags(text) {
  const tags = {};
  for (const [, key, , quoted, plain] of (text ?? "").matchAll(/([^\s=]+)(=(?:"([^"]*)"|(\S*)))?/g)) {
    tags[key] = quoted ?? plain ?? "true";
  }
  return tags;
}

function summarize(t) {
  const ids = new Set(t.spans.map((s) => s.spanID));
  const isRoot = (s) => !(s.references ?? []).some((r) => ids.has(r.spanID));
  const root = t.spans.filter(isRoot).sort((a, b) => a.startTime - b.startTime)[0] ?? t.spans[0];
  const start = Math.min(...t.spans.map((s) => s.startTime));
  const end = Math.max(...t.spans.map((s) => s.startTime + s.duration));
  const counts = new Map();
  for (const s of t.spans) {
    const name = t.processes[s.processID].serviceName;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const failed = t.spans.filter((s) => (s.tags ?? []).some((tag) => tag.key === "error" && String(tag.value) === "true")).length;
  return {
    id: t.traceID, name: root.operationName, service: t.processes[root.processID].serviceName,
    start: start / 1000, duration: (end - start) * 1000, spans: t.spans.length, services: counts, failed,
  };
}

const KINDS = ["", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"];

/** Returns a trace {id, start, length, spans}. start is in nanoseconds since the epoch (BigInt), other times are in
 * nanoseconds since start. The spans are in depth-first order and have their depth. */
export async function trace(id, signal) {
  const body = await get(`/api/v3/traces/${encodeURIComponent(id)}`, signal);
  const spans = [];
  for (const rs of body.result?.resourceSpans ?? []) {
    const resource = attributes(rs.resource?.attributes);
    for (const ss of rs.scopeSpans ?? []) {
      for (const s of ss.spans ?? []) spans.push(span(s, resource, ss.scope));
    }
  }
  if (!spans.length) throw Object.assign(new Error("the trace has no spans"), { status: 404 });
  return buildTree(id, spans);
}

function span(s, resource, scope) {
  return {
    id: s.spanId, parentID: s.parentSpanId || "", name: s.name, kind: KINDS[s.kind ?? 0] ?? "",
    service: resource.find(([k]) => k === "service.name")?.[1] ?? "unknown",
    from: BigInt(s.startTimeUnixNano), to: BigInt(s.endTimeUnixNano),
    failed: s.status?.code === 2, message: s.status?.message ?? "", traceState: s.traceState ?? "",
    attributes: attributes(s.attributes), resource, scope: [scope?.name, scope?.version].filter(Boolean).join(" "),
    events: (s.events ?? []).map((e) => ({ name: e.name, at: BigInt(e.timeUnixNano ?? 0), attributes: attributes(e.attributes) })),
    links: (s.links ?? []).map((l) => l.traceId), children: [],
  };
}

function attributes(list) {
  return (list ?? []).map(({ key, value }) => [key, plain(value)]);
}

function plain(v) {
  if (!v) return "";
  if ("arrayValue" in v) return (v.arrayValue.values ?? []).map(plain).join(", ");
  if ("kvlistValue" in v) return JSON.stringify(Object.fromEntries(attributes(v.kvlistValue.values)));
  return String(Object.values(v)[0] ?? "");
}

function buildTree(id, spans) {
  const byID = new Map(spans.map((s) => [s.id, s]));
  const start = spans.reduce((m, s) => (s.from < m ? s.from : m), spans[0].from);
  const roots = [];
  for (const s of spans) {
    s.start = Number(s.from - start);
    s.end = Number(s.to - start);
    s.duration = s.end - s.start;
    s.phases = phasesOf(s);
    const parent = byID.get(s.parentID);
    if (parent && parent !== s) {
      s.parent = parent;
      parent.children.push(s);
    } else {
      s.orphan = s.parentID !== "";
      roots.push(s);
    }
  }
  const ordered = [];
  const walk = (s, depth) => {
    s.depth = depth;
    ordered.push(s);
    s.children.sort((a, b) => a.start - b.start || a.end - b.end);
    s.children.forEach((c) => walk(c, depth + 1));
  };
  roots.sort((a, b) => a.start - b.start).forEach((s) => walk(s, 0));
  return { id, start, length: Math.max(1, ...ordered.map((s) => s.end)), spans: ordered };
}

/** Names and descriptions of the phases of mini-redis's SERVER spans, in order. */
export const PHASES = [
  ["queue", "waiting in the event loop after it was read"],
  ["lock", "waiting for the execution lock"],
  ["blocked", "blocked until a key was ready"],
  ["exec", "executing the command"],
  ["flush", "writing the reply"],
];

function phasesOf(s) {
  const values = new Map(s.attributes);
  const phases = PHASES.filter(([name]) => values.has(`mini_redis.phase.${name}_ns`))
    .map(([name, meaning]) => ({ name, meaning, ns: Number(values.get(`mini_redis.phase.${name}_ns`)) }));
  let at = s.start;
  for (const p of phases) {
    p.start = at;
    at += p.ns;
  }
  return phases;
}
