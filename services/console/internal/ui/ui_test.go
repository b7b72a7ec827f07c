package ui

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"google.golang.org/protobuf/types/known/timestamppb"

	"mini-redis/console/wire/commonpb"
	"mini-redis/console/wire/goroutinespb"
	"mini-redis/console/wire/tracepb"
	"mini-redis/services/console/internal/lint"
	"mini-redis/services/console/internal/model"
	"mini-redis/services/console/internal/source"
)

// fakeSource emits nothing and records the requests.
type fakeSource struct {
	names      []string
	paused     []bool
	spans      int
	events     int
	goroutines int
	details    []uint64
}

func (q *fakeSource) Targets(store *model.Store) {
	for _, n := range q.names {
		store.Add(n)
	}
}
func (q *fakeSource) Run(context.Context, func(source.Event)) error { return nil }
func (q *fakeSource) Pause(p bool)                                  { q.paused = append(q.paused, p) }
func (q *fakeSource) Spans()                                        { q.spans++ }
func (q *fakeSource) Events()                                       { q.events++ }
func (q *fakeSource) Goroutines()                                   { q.goroutines++ }
func (q *fakeSource) Details(_ int, task uint64)                    { q.details = append(q.details, task) }

// press presses keys, by Bubble Tea's names for them.
func press(t *testing.T, a *App, keys ...string) tea.Cmd {
	t.Helper()
	var cmd tea.Cmd
	for _, name := range keys {
		_, cmd = a.Update(keyNamed(t, name))
	}
	return cmd
}

func keyNamed(t *testing.T, name string) tea.KeyPressMsg {
	t.Helper()
	special := map[string]rune{"enter": tea.KeyEnter, "esc": tea.KeyEscape, "down": tea.KeyDown, "up": tea.KeyUp, "left": tea.KeyLeft, "right": tea.KeyRight, "backspace": tea.KeyBackspace, "pgdown": tea.KeyPgDown, "home": tea.KeyHome}
	if code, ok := special[name]; ok {
		return tea.KeyPressMsg{Code: code}
	}
	if name == "space" {
		return tea.KeyPressMsg{Code: ' ', Text: " "}
	}
	if c, ok := strings.CutPrefix(name, "ctrl+"); ok {
		return tea.KeyPressMsg{Code: rune(c[0]), Mod: tea.ModCtrl}
	}
	k := tea.KeyPressMsg{Code: []rune(name)[0], Text: name}
	if k.String() != name {
		t.Fatalf("key %q is named %q", name, k.String())
	}
	return k
}

func typeText(t *testing.T, a *App, text string) {
	t.Helper()
	for _, r := range text {
		if r == ' ' {
			press(t, a, "space")
		} else {
			press(t, a, string(r))
		}
	}
}

// screens lists the views and the keys that lead to them.
var screens = []struct {
	name string
	keys []string
}{
	{"tasks", nil},
	{"tasks-tree-by-name", []string{"T", "h"}},
	{"task", []string{"/", "s", "p", "i", "n", "s", "enter", "enter"}},
	{"resources", []string{"r"}},
	{"resource", []string{"r", "enter"}},
	{"async-ops", []string{"a"}},
	{"goroutines", []string{"o"}},
	{"goroutine", []string{"o", "enter"}},
	{"goroutine-sites", []string{"o", "b"}},
	{"spans", []string{"s"}},
	{"span", []string{"s", "G", "enter"}},
	{"span-open", []string{"s", "/", "o", "p", "e", "n", "enter", "enter"}},
	{"events", []string{"v"}},
	{"event", []string{"v", "j", "enter"}},
	{"warnings", []string{"w"}},
	{"summary", []string{"u"}},
	{"help", []string{"?"}},
	{"filter", []string{"/", "c", "l", "e", "r", "k"}},
}

var modes = map[string]Styles{
	"plain":  {Palette: NoColors},
	"ascii":  {Palette: NoColors, ASCII: true},
	"colors": {Palette: Colors256},
}

// TestScreens compares every view, at several widths and in several styles, with testdata.
func TestScreens(t *testing.T) {
	if *update {
		makeRecording(t, filepath.Join("testdata", "fixture.recording"))
	}
	for _, s := range screens {
		for mode, styles := range modes {
			for _, width := range []int{40, 80, 120, 160} {
				if mode != "plain" && width != 80 && !(mode == "ascii" && width == 40) {
					continue
				}
				name := fmt.Sprintf("%s-%d-%s", s.name, width, mode)
				t.Run(name, func(t *testing.T) {
					a := recorded(t, 1, styles)
					a.Update(tea.WindowSizeMsg{Width: width, Height: 24})
					press(t, a, s.keys...)
					golden(t, name, a.Screen(), styles)
				})
			}
		}
	}
	a := recorded(t, 2, modes["plain"])
	a.Update(tea.WindowSizeMsg{Width: 120, Height: 24})
	golden(t, "two-targets-120-plain", a.Screen(), modes["plain"])
}

// golden checks a screen's size and characters, and compares it with a file.
func golden(t *testing.T, name, screen string, styles Styles) {
	t.Helper()
	lines := strings.Split(screen, "\n")
	if len(lines) != 24 {
		t.Errorf("%d lines, want 24", len(lines))
	}
	var width int
	fmt.Sscanf(name[strings.LastIndexByte(name[:strings.LastIndexByte(name, '-')], '-')+1:], "%d", &width)
	for _, line := range lines {
		if w := ansi.StringWidth(line); w > width {
			t.Errorf("a line is %d wide: %q", w, line)
		}
	}
	if styles.ASCII && strings.IndexFunc(screen, func(r rune) bool { return r > 0x7e }) >= 0 {
		t.Error("the screen contains non-ASCII characters")
	}
	if styles.Palette == NoColors && strings.Contains(screen, "\x1b[3") {
		t.Error("the screen contains colors")
	}
	path := filepath.Join("testdata", name+".txt")
	for i, line := range lines {
		lines[i] = strings.TrimRight(strings.ReplaceAll(line, "\x1b", "␛"), " ")
	}
	got := strings.Join(lines, "\n") + "\n"
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the screen differs from %s (go test -update writes it):\n%s", path, got)
	}
}

func TestKeys(t *testing.T) {
	a := recorded(t, 1, Styles{})
	q := a.source.(*fakeSource)
	shows := func(text string) {
		t.Helper()
		if !strings.Contains(ansi.Strip(a.Screen()), text) {
			t.Errorf("%q is not on the screen:\n%s", text, ansi.Strip(a.Screen()))
		}
	}
	press(t, a, "/")
	typeText(t, a, "clerk of alice")
	shows("Tasks (1 of 7)")
	press(t, a, "enter", "enter")
	shows("waits in Mutex.Lock for Mutex bob, held by task")
	shows("holds Mutex alice")
	shows("deadlock:")
	if last := q.details[len(q.details)-1]; last == 0 {
		t.Error("the task's details were not requested")
	}
	press(t, a, "esc")
	if last := q.details[len(q.details)-1]; last != 0 {
		t.Errorf("the details of task %d are still requested", last)
	}
	press(t, a, "esc")
	shows("Tasks (7)")
	press(t, a, "w", "enter")
	shows("Task ")
	press(t, a, "r", "/")
	typeText(t, a, "alice")
	press(t, a, "enter", "enter")
	shows("Resource ")
	shows("Async ops (1)")
	press(t, a, "enter")
	shows("Task ") // the waiting task
	press(t, a, "esc", "esc", "esc")
	shows("Resources (")

	press(t, a, "t", "G", "k", "g", "g")
	if a.list().table.Selected() != a.list().table.Rows()[0].ID {
		t.Error("gg does not select the first row")
	}
	first := a.list().table.Rows()[0].ID
	press(t, a, "i")
	if a.list().table.Rows()[len(a.list().table.Rows())-1].ID != first {
		t.Error("i does not invert the order")
	}
}

func TestSpacePauses(t *testing.T) {
	a := recorded(t, 1, Styles{})
	q := a.source.(*fakeSource)
	press(t, a, "space")
	if !strings.Contains(a.Screen(), "PAUSED") {
		t.Error("the screen does not show PAUSED")
	}
	target := a.store.Targets[0]
	before := target.Goroutines
	a.Apply(source.Event{Goroutines: &goroutinespb.Snapshot{Total: 99}})
	if target.Goroutines != before {
		t.Error("a profile that arrives during a pause changes what is shown")
	}
	open := len(target.OpenSpans())
	a.Apply(source.Event{Trace: &tracepb.TraceEvent{Event: &tracepb.TraceEvent_CloseSpan{CloseSpan: &tracepb.TraceEvent_Close{
		SpanId: &commonpb.SpanId{Id: target.OpenSpans()[0].ID}, At: timestamppb.Now(),
	}}}})
	if len(target.OpenSpans()) != open-1 {
		t.Error("the end of a span that arrives during a pause is ignored")
	}
	press(t, a, "space")
	if !slices.Equal(q.paused, []bool{true, false}) {
		t.Errorf("pause requests %v, want true, false", q.paused)
	}
}

func TestDataIsRequestedWhenItsViewIsOpened(t *testing.T) {
	a := recorded(t, 1, Styles{})
	q := a.source.(*fakeSource)
	press(t, a, "r", "a", "t", "?", "q")
	if q.spans != 0 || q.goroutines != 0 || q.events != 0 {
		t.Errorf("%d requests for spans, %d for goroutines, %d for events", q.spans, q.goroutines, q.events)
	}
	press(t, a, "esc", "s", "o", "v")
	if q.spans != 1 || q.goroutines != 1 || q.events != 1 {
		t.Errorf("%d requests for spans, %d for goroutines, %d for events", q.spans, q.goroutines, q.events)
	}
}

func TestQuit(t *testing.T) {
	for _, keys := range [][]string{{"q"}, {"ctrl+c"}, {"ctrl+d"}, {"?", "q"}, {"/", "ctrl+c"}} {
		a := recorded(t, 1, Styles{})
		if cmd := press(t, a, keys...); cmd == nil {
			t.Errorf("%v do not quit", keys)
		}
	}
	a := recorded(t, 1, Styles{})
	if cmd := press(t, a, "/", "q"); cmd != nil {
		t.Error("q in a filter quits")
	}
}

func TestEditFilter(t *testing.T) {
	a := recorded(t, 1, Styles{})
	press(t, a, "/")
	typeText(t, a, "busy>soon")
	if !strings.Contains(a.Screen(), "neither a number nor a duration") {
		t.Error("an invalid filter is not reported")
	}
	press(t, a, "ctrl+u")
	typeText(t, a, "clerkx")
	press(t, a, "backspace")
	if n := a.list().table.Len(); n != 2 {
		t.Errorf("%d rows, want 2", n)
	}
	press(t, a, "esc")
	if n := a.list().table.Len(); n != 7 || a.prompt != nil {
		t.Errorf("%d rows after esc, want 7", n)
	}
	a.Update(tea.PasteMsg{Content: "ignored"})
	press(t, a, "/")
	a.Update(tea.PasteMsg{Content: "cle\nrk"})
	if n := a.list().table.Len(); n != 2 {
		t.Errorf("%d rows after a paste, want 2", n)
	}
}

func TestExportNotice(t *testing.T) {
	a := recorded(t, 1, Styles{})
	var got Table
	var fail error
	a.o.Export = func(_ *model.Store, f *lint.Findings, view string, table Table) (string, error) {
		got = table
		return view + ".csv", fail
	}
	press(t, a, "e")
	if !strings.Contains(a.Screen(), "written: tasks.csv") || len(got.Rows) != 7 || got.Columns[1] != "ID" {
		t.Errorf("columns %v, screen\n%s", got.Columns, a.Screen())
	}
	fail = errors.New("disk full")
	press(t, a, "e")
	if !strings.Contains(a.Screen(), "export failed: disk full") {
		t.Errorf("the failed export is not reported:\n%s", a.Screen())
	}
}

func TestEmptyLists(t *testing.T) {
	f := func(want string, keys []string, events ...source.Event) {
		t.Helper()
		a := New(&fakeSource{names: []string{"x"}}, Options{Lint: lint.Defaults()})
		a.Apply(events...)
		press(t, a, keys...)
		if !strings.Contains(a.Screen(), want) {
			t.Errorf("%q is not on the screen:\n%s", want, a.Screen())
		}
	}
	refused := source.Event{Status: &source.StreamStatus{Text: "refused: the console asks for a token"}}
	connected := source.Event{Status: &source.StreamStatus{Connected: true}}
	f("Connecting...", nil)
	f("Not connected: refused: the console asks for a token", nil, refused)
	f("no update received yet", nil, connected)
	f("no pprof", []string{"o"}, connected)
	f("No spans yet", []string{"s"}, connected)
	f("No warnings.", []string{"w"})
}

// TestControlCharacters gives items names with escape sequences, which must not reach the terminal.
func TestControlCharacters(t *testing.T) {
	a := recorded(t, 1, Styles{})
	for _, x := range a.store.Targets[0].Tasks {
		x.Name = "a\x1b[2Jb\nc\u202ed"
		x.Fields = append(x.Fields, model.Field{Name: "f\x1b", Value: "\x1b]0;title\a"})
	}
	for _, r := range a.store.Targets[0].Resources {
		r.Kind = "\x1b[31m"
	}
	a.refresh()
	for _, keys := range [][]string{nil, {"enter"}, {"r"}, {"r", "enter"}, {"a"}, {"u"}, {"w"}} {
		press(t, a, "t")
		press(t, a, keys...)
		screen := a.Screen()
		if strings.Contains(screen, "\x1b[2J") || strings.Contains(screen, "\x1b]0") || strings.Contains(screen, "\x1b[31m") || len(strings.Split(screen, "\n")) != 24 {
			t.Errorf("%v:\n%q", keys, screen)
		}
	}
}

func TestScreenSizes(t *testing.T) {
	a := recorded(t, 2, Styles{Palette: Colors16})
	for _, keys := range [][]string{{"t"}, {"t", "enter"}, {"r"}, {"r", "enter"}, {"a"}, {"o"}, {"o", "enter"}, {"s", "enter"}, {"w"}, {"u"}, {"?"}} {
		press(t, a, keys...)
		for _, size := range [][2]int{{1, 1}, {5, 3}, {20, 6}, {39, 10}, {300, 80}} {
			a.Update(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
			for _, line := range strings.Split(a.Screen(), "\n") {
				if ansi.StringWidth(line) > size[0] {
					t.Errorf("%v at %v: %q", keys, size, line)
				}
			}
		}
		press(t, a, "esc")
	}
}

func TestDurations(t *testing.T) {
	f := func(d time.Duration, want string) {
		t.Helper()
		if got, _ := (Styles{ASCII: true}).duration(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
	f(0, "0ns")
	f(999, "999ns")
	f(1000, "1us")
	f(1500, "1.50us")
	f(999_999, "999us")
	f(12_345_678, "12.3ms")
	f(time.Second-1, "999ms")
	f(59_999*ms, "59.9s")
	f(61*time.Second, "1m01s")
	f(time.Hour+time.Minute, "1h01m")
	f(50*time.Hour, "2d02h")
}
