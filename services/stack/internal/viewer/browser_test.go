package viewer

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// harness shows the page in a frame with a given width, runs a script on it and writes the script's
// result as JSON into its own document.
const harness = `<!doctype html><title>harness</title><iframe id="frame" width="%d" height="900" src="%s"></iframe><pre id="result"></pre>
<script>
const frame = document.getElementById("frame");
const $ = (selector) => frame.contentDocument.querySelector(selector);
const $$ = (selector) => [...frame.contentDocument.querySelectorAll(selector)];
const text = (e) => e ? e.textContent.replace(/\s+/g, " ").trim() : null;
async function until(found) { for (;;) { const value = frame.contentDocument && found(); if (value) return value; await new Promise((r) => setTimeout(r, 20)); } }
const press = (key, on) => (on ?? frame.contentDocument.activeElement).dispatchEvent(new frame.contentWindow.KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
const overflow = () => frame.contentDocument.documentElement.scrollWidth - frame.contentDocument.documentElement.clientWidth;
(async () => { %s })().then((value) => { document.getElementById("result").textContent = JSON.stringify(value); },
  (error) => { document.getElementById("result").textContent = JSON.stringify({ Error: String(error) }); });
</script>`

// browse opens the page at path in a frame of the given width, runs script, which is the body of a
// function, and decodes its return value into result.
func browse(t *testing.T, path string, width int, script string, result any) {
	t.Helper()
	chromium := findChromium(t)
	jaeger := serveJaeger(t, fmt.Sprintf(harness, width, path, script))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--user-data-dir="+t.TempDir(),
		"--window-size=1400,1000", "--virtual-time-budget=30000", "--dump-dom", jaeger.URL+"/harness").Output()
	if err != nil {
		t.Fatalf("chromium: %v", err)
	}
	match := regexp.MustCompile(`(?s)<pre id="result">(.*?)</pre>`).FindStringSubmatch(string(out))
	if match == nil || match[1] == "" {
		t.Fatalf("the script did not finish; the page is:\n%s", out)
	}
	text := html.UnescapeString(match[1])
	if strings.HasPrefix(text, `{"Error":`) {
		t.Fatal(text)
	}
	if err := json.Unmarshal([]byte(text), result); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
}

func findChromium(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a browser; not with -short")
	}
	for _, name := range []string{os.Getenv("CHROMIUM"), "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); name != "" && err == nil {
			return path
		}
	}
	t.Skip("chromium is not installed (CHROMIUM sets its path)")
	return ""
}

// renderedSpan is a row of the waterfall as rendered by the browser.
type renderedSpan struct {
	Name        string
	Depth       string
	Left, Width float64 // of the bar, in percent of the track
	Duration    string
	Phases      []string // name, left and width in percent of the bar
}

const readWaterfall = `
  await until(() => $$(".spans > li").length === 5);
  const share = (part, whole, edge) => Math.round(1000 * (part.getBoundingClientRect()[edge] - (edge === "left" ? whole.getBoundingClientRect().left : 0)) / whole.getBoundingClientRect().width) / 10;
  const waterfall = () => $$(".spans > li").map((li) => {
    const bar = li.querySelector(".bar"), track = li.querySelector(".track");
    return {
      Name: text(li.querySelector(".name")), Depth: li.dataset.depth, Duration: text(li.querySelector(".track .took")),
      Left: share(bar, track, "left"), Width: share(bar, track, "width"),
      Phases: [...bar.querySelectorAll(".phase")].map((p) => p.className.replace("phase ", "") + " " + Math.round(share(p, bar, "left")) + " " + Math.round(share(p, bar, "width"))),
    };
  });
`

func TestWaterfall(t *testing.T) {
	var got struct {
		Title, Heading, Summary string
		Spans                   []renderedSpan
		Overflow                int
	}
	browse(t, "/trace/"+knownTrace, 1280, readWaterfall+`
	return { Title: frame.contentDocument.title, Heading: text($("h1")), Summary: text($(".summary")), Spans: waterfall(), Overflow: overflow() };`, &got)
	if got.Title != "hello 1.00 ms · 73b887c5" || got.Heading != "hello hello 1 error" || !strings.HasPrefix(got.Summary, "Duration1.00 msSpans5Serviceshello, mini-redis") {
		t.Errorf("title %q, heading %q, summary %q", got.Title, got.Heading, got.Summary)
	}
	want := []renderedSpan{
		{"hello hello", "0", 0, 100, "1.00 ms", nil},
		{"hello SET CLIENT", "1", 10, 40, "400 µs", nil},
		{"mini-redis SET SERVER", "2", 20, 10, "100 µs", []string{"queue 0 10", "exec 10 60", "flush 70 30"}},
		{"hello GET CLIENT", "1", 55, 40, "400 µs", nil},
		{"mini-redis GET SERVER ERROR", "2", 70, 10, "100 µs", []string{"queue 0 20", "exec 20 50", "flush 70 30"}},
	}
	if len(got.Spans) != len(want) {
		t.Fatalf("%d spans, want %d: %+v", len(got.Spans), len(want), got.Spans)
	}
	for i, w := range want {
		g := got.Spans[i]
		if g.Name != w.Name || g.Depth != w.Depth || g.Duration != w.Duration || !near(g.Left, w.Left) || !near(g.Width, w.Width) || strings.Join(g.Phases, "|") != strings.Join(w.Phases, "|") {
			t.Errorf("span %d is\n%+v, want\n%+v", i, g, w)
		}
	}
	if got.Overflow > 0 {
		t.Errorf("the page is %d px wider than its window", got.Overflow)
	}
}

// near accepts the difference of one pixel of a border.
func near(got, want float64) bool { return got > want-0.5 && got < want+0.5 }

func TestKeyboard(t *testing.T) {
	var got struct {
		Moved, Opened, Closed, Zoomed, All string
		Details                            string
		Injected                           bool
		Left                               string
	}
	browse(t, "/trace/"+knownTrace, 1280, readWaterfall+`
	const focused = () => text(frame.contentDocument.activeElement.querySelector(".name"));
	$$("button.row")[0].focus();
	press("ArrowDown"); press("ArrowDown");
	const found = { Moved: focused() };
	frame.contentDocument.activeElement.click();
	found.Opened = frame.contentDocument.activeElement.getAttribute("aria-expanded");
	found.Details = text($(".details .parts"));
	press("ArrowLeft");
	found.Closed = String($(".details"));
	press("z");
	found.Zoomed = waterfall()[2].Width > 90 ? "fills" : "does not fill";
	press("0");
	found.All = String(waterfall()[2].Width);
	press("End"); press("ArrowRight");
	await new Promise((r) => setTimeout(r, 50));
	found.Injected = $$(".details img").length > 0;
	press("Escape");
	found.Left = await until(() => $(".traces") && frame.contentWindow.location.pathname);
	return found;`, &got)
	if got.Moved != "mini-redis SET SERVER" || got.Opened != "true" || got.Closed != "null" || got.Zoomed != "fills" || got.All != "10" || got.Left != "/search" {
		t.Errorf("%+v", got)
	}
	if want := "queue10.0 µs10 %"; !strings.HasPrefix(got.Details, want) || !strings.Contains(got.Details, "exec60.0 µs60 %") {
		t.Errorf("details %q", got.Details)
	}
	if got.Injected {
		t.Error("the text of an attribute was inserted as markup")
	}
}

func TestLinkToSpanOpensDetails(t *testing.T) {
	var got string
	browse(t, "/trace/"+knownTrace+"#b000000000000001", 1280, `return text(await until(() => $(".details .parts")));`, &got)
	for _, want := range []string{"client40.0 µs10 %", "server100 µs25 %", "between260 µs65 %"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q does not contain %q", got, want)
		}
	}
}

func TestSearch(t *testing.T) {
	var got struct {
		Rows       []string
		Link       string
		Services   []string
		Operations []string
		Overflow   int
	}
	browse(t, "/search?service=hello&tags=error+db.operation.name%3DGET&min=1us", 400, `
	await until(() => $(".traces") && $$("#operation option").length > 1);
	return { Rows: $$(".traces .title").map(text), Link: $(".trace").getAttribute("href"), Services: $$("#service option").map(text), Operations: $$("#operation option").map(text), Overflow: overflow() };`, &got)
	if strings.Join(got.Rows, "|") != "hello hello 1 error" || got.Link != "/trace/"+knownTrace {
		t.Errorf("rows %q, link %q", got.Rows, got.Link)
	}
	if strings.Join(got.Services, " ") != "all hello mini-redis" || strings.Join(got.Operations, " ") != "all GET SET" {
		t.Errorf("services %q, operations %q", got.Services, got.Operations)
	}
	if got.Overflow > 0 {
		t.Errorf("the page is %d px wider than its window of 400 px", got.Overflow)
	}
}

func TestSearchQuery(t *testing.T) {
	var got string
	browse(t, "/search", 1280, `
	await until(() => $(".traces"));
	const { search } = await frame.contentWindow.eval("import('/static/api.js')");
	let query = "";
	const fetched = frame.contentWindow.fetch;
	frame.contentWindow.fetch = async (...args) => { const r = await fetched(...args); query ||= r.headers.get("Query") ?? ""; return r; };
	await search({ service: "hello", operation: "GET", tags: 'error a="b c" d=1', min: "2ms", limit: 7 });
	return query;`, &got)
	for _, want := range []string{"service=hello", "operation=GET", "minDuration=2ms", "limit=7", "tags=%7B%22error%22%3A%22true%22%2C%22a%22%3A%22b+c%22%2C%22d%22%3A%221%22%7D"} {
		if !strings.Contains(got, want) {
			t.Errorf("the query %q does not contain %q", got, want)
		}
	}
}

func TestNarrowWaterfall(t *testing.T) {
	var got struct {
		Overflow int
		Below    bool
	}
	browse(t, "/trace/"+knownTrace, 400, `
	await until(() => $$(".spans > li").length === 5);
	$$("button.row")[2].click();
	const row = $$("button.row")[2];
	return { Overflow: overflow(), Below: row.querySelector(".track").getBoundingClientRect().top >= row.querySelector(".name").getBoundingClientRect().bottom };`, &got)
	if got.Overflow > 0 || !got.Below {
		t.Errorf("%+v: want the bar below the name and no horizontal overflow at 400 px", got)
	}
}

func TestNoTraceFound(t *testing.T) {
	f := func(path, want string) {
		t.Helper()
		var got string
		browse(t, path, 900, `return text(await until(() => /No trace|does not have/.test(text($("main"))) && $("main .note")));`, &got)
		if !strings.Contains(got, want) {
			t.Errorf("%s shows %q, want %q", path, got, want)
		}
	}
	f("/search?min=1h", "No trace matches.")
	f("/trace/00000000000000000000000000000abc", "Jaeger does not have this trace")
}
