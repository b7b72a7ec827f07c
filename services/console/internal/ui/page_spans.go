package ui

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"mini-redis/services/console/internal/model"
	"mini-redis/services/console/internal/table"
)

// timeFormat is the format of times on detail pages.
const timeFormat = "15:04:05.000000"

// spanPage shows a span and the received spans of its trace.
type spanPage struct {
	scrollable
	key  key
	span *model.Span // last known state
}

func (p *spanPage) refresh(a *App) {
	if s := a.target(p.key).FindSpan(p.key.id); s != nil {
		p.span = s
	}
}

func (p *spanPage) draw(a *App, width, height int) []string {
	s, f, more := p.span, fieldList{a: a}, fieldList{a: a}
	f.add("Span", s.SpanID())
	if s.Parent != "" {
		f.add("Parent", s.Parent)
	}
	f.time("Took", a.styles.time(s.Duration()), "")
	f.add("Start", s.Start.In(a.zone).Format(timeFormat))
	if s.Open() {
		f.add("End", "still open")
	} else {
		f.add("End", s.End.In(a.zone).Format(timeFormat))
	}
	more.add("Kind", s.Kind)
	more.add("Status", s.Status)
	more.add("Scope", s.Scope)
	more.add("Target", s.Target.Name)
	if s.Task != 0 {
		more.add("Task", spanTask(s))
	}
	lines := append([]string{a.styles.Heading("Span  " + clean(s.Name)), a.styles.Bold("Trace:") + " " + clean(s.Trace)}, a.sideBySide(f.lines, more.lines, width)...)
	lines = append(lines, "", a.styles.Heading("Attributes"))
	for _, x := range s.Fields {
		lines = append(lines, a.styles.Tone(clean(x.Name), table.Key)+"="+clean(x.Value))
	}
	lines = append(lines, p.events(a)...)
	lines = append(lines, "", a.styles.Heading("Trace (spans received so far)"))
	return p.window(append(lines, p.trace(a)...), height)
}

// trace draws the spans of the trace, from all targets, as a tree.
func (p *spanPage) trace(a *App) (lines []string) {
	var spans []*model.Span
	known := map[string]bool{}
	for _, t := range a.store.Targets {
		t.EachSpan(func(s *model.Span) {
			if s.Trace == p.span.Trace {
				spans = append(spans, s)
				known[s.SpanID()] = true
			}
		})
	}
	if !known[p.span.SpanID()] {
		spans, known[p.span.SpanID()] = append(spans, p.span), true
	}
	sort.SliceStable(spans, func(i, j int) bool { return spans[i].Start.Before(spans[j].Start) })
	var addChildren func(parent string, depth int)
	addChildren = func(parent string, depth int) {
		for _, s := range spans {
			if s.Parent == parent || parent == "" && !known[s.Parent] {
				lines = append(lines, p.line(a, s, depth))
				if depth < len(spans) && s.SpanID() != parent {
					addChildren(s.SpanID(), depth+1)
				}
			}
		}
	}
	addChildren("", 0)
	return lines
}

func (p *spanPage) line(a *App, s *model.Span, depth int) string {
	mark := "  "
	if s.ID == p.span.ID {
		mark = "> "
	}
	took := a.styles.time(s.Duration())
	name := clean(s.Name)
	if len(a.store.Targets) > 1 {
		name += " (" + clean(s.Target.Name) + ")"
	}
	line := mark + strings.Repeat("  ", depth) + name + "  " + a.styles.Tone(took.Text, took.Tone)
	if s.Open() {
		line += "  " + a.styles.Tone("open", table.Good)
	}
	return line
}

// events lists the events of the span and the log events that were logged in it, by time.
func (p *spanPage) events(a *App) (lines []string) {
	type moment struct {
		at   time.Time
		line string
	}
	var all []moment
	for _, e := range p.span.Events {
		all = append(all, moment{e.At, fmt.Sprintf("%s  %s", a.styles.Bold(clean(e.Name)), clean(fieldsText(e.Fields)))})
	}
	for _, t := range a.store.Targets {
		for _, e := range t.LatestEvents() {
			if e.Span == p.span.SpanID() && e.Trace == p.span.Trace {
				l := level(e.Level)
				all = append(all, moment{e.At, fmt.Sprintf("%s %s  %s", a.styles.Tone(l.Text, l.Tone), clean(e.Message), clean(fieldsText(e.Fields)))})
			}
		}
	}
	if len(all) == 0 && p.span.EventsDropped == 0 {
		return nil
	}
	slices.SortStableFunc(all, func(a, b moment) int { return a.at.Compare(b.at) })
	lines = append(lines, "", a.styles.Heading("Events"))
	for _, m := range all {
		after, _ := a.styles.duration(max(m.at.Sub(p.span.Start), 0))
		lines = append(lines, fmt.Sprintf("%9s  %s", "+"+after, m.line))
	}
	if n := p.span.EventsDropped; n > 0 {
		lines = append(lines, a.styles.Tone(fmt.Sprintf("%s dropped", plural(int(n), "more event")), table.Warn))
	}
	return lines
}

// eventPage shows an event.
type eventPage struct {
	scrollable
	event *model.Event
}

func (p *eventPage) refresh(*App) {}

func (p *eventPage) draw(a *App, width, height int) []string {
	e, f, more := p.event, fieldList{a: a}, fieldList{a: a}
	l := level(e.Level)
	f.time("Level", l, "")
	f.add("At", e.At.In(a.zone).Format(timeFormat))
	if e.Location != "" {
		f.add("Location", e.Location)
		f.add("Target", e.Module)
	}
	if t := e.Target.TaskOfEvent(e); t != 0 {
		more.add("Task", e.Target.TaskTitle(t))
	}
	if e.Trace != "" {
		more.add("Trace", e.Trace)
		more.add("Span", e.Span)
	}
	lines := []string{a.styles.Heading("Event")}
	lines = append(lines, wrap(clean(e.Message), " ", width)...)
	lines = append(lines, "")
	lines = append(lines, a.sideBySide(f.lines, more.lines, width)...)
	if len(e.Fields) > 0 {
		lines = append(lines, "", a.styles.Heading("Fields"))
	}
	for _, x := range e.Fields {
		lines = append(lines, a.styles.Tone(clean(x.Name), table.Key)+"="+clean(x.Value))
	}
	if e.FieldsDropped > 0 {
		lines = append(lines, a.styles.Tone(fmt.Sprintf("%s dropped", plural(int(e.FieldsDropped), "more field")), table.Warn))
	}
	if s := e.Target.FindSpan(model.ParseSpanID(e.Span)); s != nil && s.Trace == e.Trace {
		of := &spanPage{span: s}
		lines = append(lines, "", a.styles.Heading("Trace (spans received so far)"))
		lines = append(lines, of.trace(a)...)
	}
	return p.window(lines, height)
}
