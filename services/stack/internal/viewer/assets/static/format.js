// Formatting of numbers and times, and creation of DOM elements. Text is always inserted as a text node, so that data of a
// span cannot become markup.

/** Formats a duration in nanoseconds with three significant digits. */
export function duration(ns) {
  if (ns === 0) return "0";
  if (ns < 1e3) return `${Math.round(ns)} ns`;
  for (const [limit, unit, size] of [[1e6, "µs", 1e3], [1e9, "ms", 1e6], [60e9, "s", 1e9]]) {
    if (ns < limit * 0.9995) return `${significant(ns / size)} ${unit}`;
  }
  return `${Math.floor(ns / 60e9)} min ${Math.round((ns % 60e9) / 1e9)} s`;
}

function significant(x) {
  return x >= 100 ? x.toFixed(0) : x >= 10 ? x.toFixed(1) : x.toFixed(2);
}

/** Formats part/whole as a percentage. */
export function percent(part, whole) {
  if (whole <= 0) return "–";
  const p = (100 * part) / whole;
  return p > 0 && p < 1 ? "<1 %" : `${Math.round(p)} %`;
}

/** Formats the time since ms (milliseconds since the epoch). */
export function ago(ms, now = Date.now()) {
  const s = Math.max(0, Math.round((now - ms) / 1000));
  if (s < 60) return `${s} s ago`;
  if (s < 3600) return `${Math.floor(s / 60)} min ago`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ago`;
  return new Date(ms).toLocaleDateString();
}

const CLOCK = new Intl.DateTimeFormat(undefined, {
  year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hourCycle: "h23",
});

/** Formats nanoseconds since the epoch (BigInt) as local time with milliseconds. */
export function clock(ns) {
  return CLOCK.format(new Date(Number(ns / 1000000n)));
}

export function plural(n, word) {
  return `${n} ${word}${n === 1 ? "" : "s"}`;
}

/** Creates an element: el("a.link", {href: "/"}, "text", otherElement). Attributes on<event> add event listeners. Null
 * children are omitted. */
export function el(spec, attributes, ...children) {
  const [tag, ...classes] = spec.split(".");
  const e = document.createElement(tag || "div");
  if (classes.length) e.className = classes.join(" ");
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) e.addEventListener(name.slice(2), value);
    else if (name === "style") Object.entries(value).forEach(([k, v]) => e.style.setProperty(k, v));
    else e.setAttribute(name, value === true ? "" : value);
  }
  e.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== false));
  return e;
}

/** Announces a change to screen readers. */
export function announce(text) {
  document.getElementById("announce").textContent = text;
}
