package display

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"mini-redis/services/stack/internal/build"
)

// clock is a fake clock.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time          { return c.now }
func (c *clock) advance(d time.Duration) { c.now = c.now.Add(d) }

func newDisplay(terminal bool) (*Display, *bytes.Buffer, *clock) {
	out, c := &bytes.Buffer{}, &clock{time.Unix(1_000_000, 0)}
	return New(out, terminal, c.Now), out, c
}

func TestLiveLinesInFile(t *testing.T) {
	d, out, c := newDisplay(false)
	for range 31 { // 30 s
		d.Live("status", "up "+c.now.Format("05"))
		c.advance(time.Second)
	}
	d.Live("drain", "waiting")
	d.Transient("not shown")
	d.ClearLive()
	if got, want := out.String(), "up 40\nup 55\nup 10\nwaiting\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLiveLineOnTerminal(t *testing.T) {
	d, out, _ := newDisplay(true)
	d.Live("s", "one")
	d.Transient("two")
	d.Printf("stays %d", 1)
	d.Print("more\n")
	d.Live("s", "three")
	d.ClearLive()
	d.ClearLive()
	want := "\r\x1b[K\x1b[?7lone\x1b[?7h" + "\r\x1b[K\x1b[?7ltwo\x1b[?7h" + "\r\x1b[Kstays 1\n" + "more\n" + "\r\x1b[K\x1b[?7lthree\x1b[?7h" + "\r\x1b[K"
	if got := out.String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestBuildInFile(t *testing.T) {
	d, out, c := newDisplay(false)
	p := build.Progress{Target: "jaeger", Phase: build.Resolving}
	d.Build("4/4", p)
	p.Modules, p.Elapsed = 1, 2*time.Second
	d.Build("4/4", p)
	p.Phase, p.Total = build.Compiling, 100
	for range 100 {
		p.Done++
		p.Elapsed += time.Second
		c.advance(time.Second)
		d.Build("4/4", p)
	}
	p.Phase = build.Linking
	d.Build("4/4", p)
	p.Phase = build.Finished
	d.Build("4/4", p)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 9 || lines[0] != "[4/4] jaeger: downloading modules (1), 2s" || lines[1] != "[4/4] jaeger: compiling, 1 of 100 packages, 3s" ||
		lines[2] != "[4/4] jaeger: compiling, 16 of 100 packages, 18s" || lines[8] != "[4/4] jaeger: built in 1m42s" {
		t.Errorf("%d lines:\n%s", len(lines), out)
	}
}

func TestShortBuildIsOneLine(t *testing.T) {
	d, out, _ := newDisplay(false)
	for _, phase := range []build.Phase{build.Resolving, build.Compiling, build.Linking, build.Finished} {
		d.Build("1/4", build.Progress{Target: "mini-redis", Phase: phase, Total: 2, Elapsed: 400 * time.Millisecond})
	}
	if got := out.String(); got != "[1/4] mini-redis: built in 400ms\n" {
		t.Errorf("got %q, want one line", got)
	}
}

func TestBuildOnTerminal(t *testing.T) {
	d, out, _ := newDisplay(true)
	d.Build("2/4", build.Progress{Target: "collector", Phase: build.Compiling, Done: 500, Total: 1000, Elapsed: 61 * time.Second})
	if want := "[2/4] collector: compiling ████████████░░░░░░░░░░░░ 500 of 1000 packages, 1m1s"; !strings.Contains(out.String(), want) {
		t.Errorf("got %q", out)
	}
	d.Build("2/4", build.Progress{Target: "collector", Phase: build.Waiting, Elapsed: 3 * time.Second})
	if !strings.Contains(out.String(), "waiting for another process that builds it, 3s") {
		t.Errorf("got %q", out)
	}
}

func TestTable(t *testing.T) {
	got := Table([][]string{{"a", "long cell", "x"}, {"näme", "", ""}, {"b", "c", ""}})
	if want := "  a     long cell  x\n  näme\n  b     c\n"; got != want {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}

func TestBufferIsNotTerminal(t *testing.T) {
	if IsTerminal(&bytes.Buffer{}, func(string) string { return "xterm" }) {
		t.Error("IsTerminal returned true for a buffer")
	}
}
