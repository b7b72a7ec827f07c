package ui

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"mini-redis/console"
	"mini-redis/console/wire/goroutinespb"
	"mini-redis/services/console/internal/model"
	"mini-redis/services/console/internal/table"
)

// page shows the details of one item.
type page interface {
	refresh(a *App)
	draw(a *App, width, height int) []string
	// table returns the table that the movement keys apply to, or nil if they scroll the page.
	table() *table.Table
	scroll(n int)
}

// scrollable implements scrolling of a page of lines.
type scrollable struct{ offset int }

func (s *scrollable) table() *table.Table { return nil }
func (s *scrollable) scroll(n int)        { s.offset = max(s.offset+n, 0) }

func (s *scrollable) window(lines []string, height int) []string {
	s.offset = max(min(s.offset, len(lines)-height), 0)
	return lines[s.offset:min(len(lines), s.offset+height)]
}

// fieldList is a list of names and values.
type fieldList struct {
	a     *App
	lines []string
}

func (f *fieldList) add(name, value string) {
	f.lines = append(f.lines, f.a.styles.Bold(name+":")+" "+clean(value))
}

func (f *fieldList) time(name string, c table.Cell, more string) {
	f.lines = append(f.lines, f.a.styles.Bold(name+":")+" "+f.a.styles.Tone(c.Text, c.Tone)+more)
}

// sideBySide draws two blocks next to each other, or below each other if width is less than 80.
func (a *App) sideBySide(left, right []string, width int) []string {
	half := width / 2
	if width < 80 {
		return append(left, right...)
	}
	var out []string
	for i := range max(len(left), len(right)) {
		line := ""
		if i < len(left) {
			line = a.cut(left[i], half-2)
		}
		if i < len(right) {
			line += strings.Repeat(" ", max(half-ansi.StringWidth(line), 0)) + right[i]
		}
		out = append(out, line)
	}
	return out
}

// taskPage shows a task.
type taskPage struct {
	scrollable
	key  key
	task *model.Task // last known state
}

func (p *taskPage) refresh(a *App) {
	if t := a.target(p.key).Tasks[p.key.id]; t != nil {
		p.task = t
	}
}

func (p *taskPage) draw(a *App, width, height int) []string {
	t, s := p.task, a.styles
	title := "Task " + strconv.FormatUint(t.ID, 10)
	if t.Name != "" {
		title += "  " + clean(t.Name)
	}
	lines := []string{s.Heading(title)}
	lines = append(lines, a.sideBySide(p.general(a), p.wakers(a), width)...)
	for _, w := range a.findings.ForTask(t) {
		lines = append(lines, a.warning(w.Text, width)...)
	}
	lines = append(lines, p.waits(a)...)
	if d := t.Target.Details[t.WireID]; d != nil {
		lines = append(lines, "")
		lines = append(lines, a.histogram("Poll times", d.Polls, width)...)
		lines = append(lines, "")
		lines = append(lines, a.histogram("Scheduled times", d.Scheduled, width)...)
	}
	lines = append(lines, "", s.Heading("Fields"))
	for _, f := range t.Fields {
		lines = append(lines, s.Tone(clean(f.Name), table.Key)+"="+clean(f.Value+f.Unit))
	}
	lines = append(lines, s.Tone("target", table.Key)+"="+clean(t.Module))
	lines = append(lines, p.spans(a)...)
	return p.window(lines, height)
}

// warning wraps a warning's text.
func (a *App) warning(text string, width int) (lines []string) {
	for _, line := range wrap(a.styles.pick("⚠ ", "! ")+clean(text), " ", width) {
		lines = append(lines, a.styles.Tone(line, table.Warn))
	}
	return lines
}

func (p *taskPage) general(a *App) []string {
	t, f := p.task, fieldList{a: a}
	st := state(t.State())
	f.time("State", st, "  "+clean(t.Kind))
	f.time("Total", a.styles.time(t.Total()), "")
	f.time("Busy", a.styles.time(t.Busy()), "  "+share(t.Busy(), t.Total()))
	f.time("Scheduled", a.styles.time(t.ScheduledTime()), "  "+share(t.ScheduledTime(), t.Total()))
	f.time("Idle", a.styles.time(t.IdleTime()), "  "+share(t.IdleTime(), t.Total()))
	f.add("Location", t.Location)
	return f.lines
}

func (p *taskPage) wakers(a *App) []string {
	t, f := p.task, fieldList{a: a}
	f.add("Polls", strconv.FormatUint(t.Stats.Polls, 10))
	woken := fmt.Sprintf("%d times", t.Stats.Wakes)
	if t.Stats.SelfWakes > 0 {
		woken += fmt.Sprintf(", %d by itself (%.0f%%)", t.Stats.SelfWakes, t.SelfWakePercent())
	}
	f.add("Woken", woken)
	if !t.Stats.LastWake.IsZero() {
		f.time("Last woken", a.styles.time(max(t.Target.Now.Sub(t.Stats.LastWake), 0)), " ago")
	}
	if t.Stats.WakerClones > 0 {
		f.add("Wakers", fmt.Sprintf("%d (%d cloned, %d dropped)", t.Wakers(), t.Stats.WakerClones, t.Stats.WakerDrops))
	}
	if t.Parent != 0 && t.Target.Tasks[t.Parent] != nil {
		f.add("Parent", t.Target.TaskTitle(t.Parent))
	}
	return f.lines
}

// waits lists the resources that the task waits for and those that it holds.
func (p *taskPage) waits(a *App) (lines []string) {
	t := p.task
	for _, o := range sortedOps(t.Target) {
		if o.Task != t.WireID || o.Done() {
			continue
		}
		since, _ := a.styles.duration(o.Total())
		line := "waits in " + o.Source
		if r := t.Target.Resources[o.Resource]; r != nil {
			line += " for " + resourceTitle(r)
			if h, ok := r.Attribute(console.HolderAttribute); ok {
				line += ", held by task " + t.Target.TaskTitle(h.Number)
			}
		}
		lines = append(lines, clean(line+", "+since+" so far"))
	}
	for _, r := range sortedResources(t.Target) {
		for _, f := range r.Attributes {
			if f.Name == console.HolderAttribute && f.Number == t.WireID && r.Dropped.IsZero() {
				lines = append(lines, clean("holds "+resourceTitle(r)))
			}
		}
	}
	return lines
}

func sortedOps(t *model.Target) []*model.Op {
	list := make([]*model.Op, 0, len(t.Ops))
	for _, o := range t.Ops {
		list = append(list, o)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].WireID < list[j].WireID })
	return list
}

func sortedResources(t *model.Target) []*model.Resource {
	list := make([]*model.Resource, 0, len(t.Resources))
	for _, r := range t.Resources {
		list = append(list, r)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].WireID < list[j].WireID })
	return list
}

// recent is the number of spans and of events that a task's page shows.
const recent = 8

// spans lists the latest spans that ran in the task.
func (p *taskPage) spans(a *App) (lines []string) {
	var own []*model.Span
	p.task.Target.EachSpan(func(s *model.Span) {
		if s.Task == p.task.WireID {
			own = append(own, s)
		}
	})
	for i := len(own) - 1; i >= 0 && len(lines) < recent; i-- {
		took, end := a.styles.time(own[i].Duration()), a.spanEnd(own[i])
		lines = append(lines, fmt.Sprintf("%-12s  %s  %s  %s", end.Text, clean(own[i].Name), a.styles.Tone(took.Text, took.Tone), clean(own[i].Trace)))
	}
	if len(lines) > 0 {
		lines = append([]string{"", a.styles.Heading("Latest spans")}, lines...)
	}
	return append(lines, p.events(a)...)
}

// events lists the latest events that were logged in the task.
func (p *taskPage) events(a *App) (lines []string) {
	latest := p.task.Target.LatestEvents()
	for i := len(latest) - 1; i >= 0 && len(lines) < recent; i-- {
		if e := latest[i]; p.task.Target.TaskOfEvent(e) == p.task.WireID {
			l := level(e.Level)
			lines = append(lines, fmt.Sprintf("%s  %s %s", e.At.In(a.zone).Format("15:04:05.000"), a.styles.Tone(l.Text, l.Tone), clean(e.Message)))
		}
	}
	if len(lines) > 0 {
		lines = append([]string{"", a.styles.Heading("Latest events")}, lines...)
	}
	return lines
}

// goroutinePage shows a goroutine.
type goroutinePage struct {
	scrollable
	key key
	g   *goroutinespb.Goroutine
}

func (p *goroutinePage) refresh(a *App) {
	for _, g := range a.target(p.key).Goroutines.GetGoroutines() {
		if g.GetId() == p.key.id {
			p.g = g
		}
	}
}

func (p *goroutinePage) draw(a *App, width, height int) []string {
	g, f, times := p.g, fieldList{a: a}, fieldList{a: a}
	st := g.GetState()
	if g.GetLeaked() {
		st += " (leaked: blocked on an unreachable object)"
	}
	f.add("State", st)
	if d := g.GetBlockedFor().AsDuration(); d > 0 {
		f.time("Blocked for", a.styles.time(d), " (at least)")
	}
	f.add("Created by", g.GetCreatedBy())
	f.add("At", g.GetLocation())
	if g.GetParent() != 0 {
		f.add("In goroutine", strconv.FormatUint(g.GetParent(), 10))
	}
	if g.GetTask() != 0 {
		f.add("Task", a.target(p.key).TaskTitle(g.GetTask()))
	}
	for _, k := range slices.Sorted(maps.Keys(g.GetLabels())) {
		f.add(k, g.GetLabels()[k])
	}
	if t := g.GetTimes(); t != nil {
		window := a.target(p.key).Goroutines.GetWindow().AsDuration()
		times.time("Window", a.styles.time(window), "")
		for _, x := range []struct {
			name string
			cell table.Cell
		}{{"Running", a.styles.time(t.Running.AsDuration())}, {"Ready", a.styles.time(t.Runnable.AsDuration())}, {"Waiting", a.styles.time(t.Waiting.AsDuration())}} {
			times.time(x.name, x.cell, fmt.Sprintf("  %.1f%%", 100*x.cell.Num/max(float64(window), 1)))
		}
		times.add("Starts", strconv.FormatUint(t.Scheduled, 10))
	}
	lines := append([]string{a.styles.Heading(fmt.Sprintf("Goroutine %d  %s", g.GetId(), clean(g.GetName())))}, a.sideBySide(f.lines, times.lines, width)...)
	lines = append(lines, "", a.styles.Heading("Stack"))
	for _, frame := range g.GetStack() {
		lines = append(lines, clean(frame))
	}
	return p.window(lines, height)
}
