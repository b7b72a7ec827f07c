// Each service has one color, which depends only on its name. The hues differ from those of the phases.
const KNOWN = { "client-load": 228, hello: 228, "mini-redis": 2, "mini-redis-cli": 268, "trace-proxy": 190, pub: 290, sub: 320, chat: 250 };

export function serviceColor(name) {
  let hue = KNOWN[name];
  if (hue === undefined) {
    let h = 7;
    for (const c of name) h = (h * 31 + c.codePointAt(0)) >>> 0;
    hue = 180 + (h % 180);
  }
  return `hsl(${hue} var(--service-tone))`;
}
