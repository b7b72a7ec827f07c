package ui

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"mini-redis/services/console/internal/table"
)

// View implements tea.Model.
func (a *App) View() tea.View {
	v := tea.NewView(a.Screen())
	v.AltScreen = true
	v.WindowTitle = "console"
	return v
}

// Screen draws the screen: as many lines as the terminal has, but at least four, none wider than
// it.
func (a *App) Screen() string {
	height := max(a.height, 4)
	lines := []string{a.header(), a.tabs()}
	body := height - len(lines) - 1
	switch {
	case a.help:
		lines = append(lines, a.helpLines()...)
	case a.page() != nil:
		lines = append(lines, a.page().draw(a, a.width, body)...)
	case a.view == viewSummary:
		lines = append(lines, a.summary(a.width, body)...)
	default:
		lines = append(lines, a.listLines(body)...)
	}
	for len(lines) < height-1 {
		lines = append(lines, "")
	}
	lines = append(lines[:height-1], a.footer())
	for i, line := range lines {
		lines[i] = a.cut(line, a.width)
	}
	return strings.Join(lines, "\n")
}

// cut truncates a line to a width.
func (a *App) cut(line string, width int) string {
	if ansi.StringWidth(line) <= width {
		return line
	}
	return ansi.Truncate(line, width, a.styles.pick("…", "~"))
}

// header draws the targets and their connections, the number of warnings and of dropped items.
func (a *App) header() string {
	var parts []string
	for _, t := range a.store.Targets {
		name := a.styles.Bold(clean(t.Name))
		s, tone := a.status(t)
		if a.width < narrowWidth && s == "(connected)" {
			s = a.styles.pick("●", "up")
		}
		parts = append(parts, name+" "+a.styles.Tone(s, tone))
		if len(a.store.Targets) > 3 {
			parts = []string{a.manyTargets()}
			break
		}
	}
	line := strings.Join(parts, "  ")
	if a.paused {
		line += "  " + a.styles.Tone(a.styles.Bold("PAUSED"), table.Warn)
	}
	if n := len(a.findings.List); n > 0 {
		words := plural(n, "warning")
		if a.width < narrowWidth {
			words = fmt.Sprint(n)
		}
		line += "  " + a.styles.Tone(a.styles.pick("⚠ ", "! ")+words, table.Warn)
	}
	return line + a.dropped()
}

// narrowWidth is the width below which shorter texts are used.
const narrowWidth = 60

func (a *App) manyTargets() string {
	up := 0
	for _, t := range a.store.Targets {
		if t.Status.Connected || t.Pprof.Connected {
			up++
		}
	}
	tone := table.Good
	if up < len(a.store.Targets) {
		tone = table.Warn
	}
	return a.styles.Tone(fmt.Sprintf("%d of %s connected", up, plural(len(a.store.Targets), "target")), tone)
}

func (a *App) dropped() string {
	var tasks, resources, ops, spans, events uint64
	for _, t := range a.store.Targets {
		tasks, resources = tasks+t.Dropped.Tasks, resources+t.Dropped.Resources
		ops, spans, events = ops+t.Dropped.AsyncOps, spans+t.Dropped.Spans, events+t.Dropped.Events
	}
	var parts []string
	for _, p := range []struct {
		n    uint64
		name string
	}{{tasks, "task event"}, {resources, "resource event"}, {ops, "async op event"}, {spans, "span"}, {events, "log event"}} {
		if p.n > 0 {
			parts = append(parts, plural(int(p.n), p.name))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "  " + a.styles.Tone("dropped: "+strings.Join(parts, ", "), table.Bad)
}

// tabs draws the line of views with the current one marked.
func (a *App) tabs() string {
	full, short := -2, -2
	for _, v := range views {
		full += len(v.key) + 1 + len(v.name) + 2
		short += len(v.key) + 1 + len(v.short) + 2
	}
	var b strings.Builder
	for i, v := range views {
		if i > 0 {
			b.WriteString("  ")
		}
		name := v.key
		switch {
		case full <= a.width:
			name += " " + v.name
		case short <= a.width:
			name += " " + v.short
		case v.view == a.view:
			name += " " + v.name
		}
		if v.view == a.view {
			name = a.styles.Reverse(name)
		}
		b.WriteString(name)
	}
	return b.String()
}

// footer draws the filter, a notice, or the most important keys.
func (a *App) footer() string {
	t := a.scroller()
	switch {
	case a.prompt != nil:
		line := "/" + a.prompt.text + a.styles.Reverse(" ")
		if a.prompt.err != nil {
			line += " " + a.styles.Tone(a.prompt.err.Error(), table.Bad)
		}
		return line
	case a.notice != "":
		return a.notice
	case t.Filter.Active() && (a.page() == nil || a.page().table() != nil):
		return fmt.Sprintf("filter %s: %d of %d (esc: clear)", a.styles.Bold(t.Filter.Text), t.Len(), t.Total())
	case a.ended != "":
		return a.ended + " (q: quit)"
	case a.page() != nil:
		return a.styles.Tone("esc back  space pause  ? help  q quit", table.Faint)
	}
	arrows := a.styles.pick("←→", "h/l")
	return a.styles.Tone(arrows+" sort  i invert  enter details  / filter  space pause  ? help  q quit", table.Faint)
}

// listLines draws the current list with its title.
func (a *App) listLines(height int) []string {
	l := a.list()
	title := fmt.Sprintf("%s (%d)", l.title, l.table.Len())
	if l.table.Filter.Active() {
		title = fmt.Sprintf("%s (%d of %d)", l.title, l.table.Len(), l.table.Total())
	}
	lines := []string{a.styles.Heading(title) + a.listNote(l)}
	if l.table.Total() == 0 {
		if why := a.emptyText(l); why != "" {
			return append(append(lines, ""), wrap(why, " ", a.width)...)
		}
	}
	if l.kind == kindWarning {
		return append(lines, a.warningLines(l, height-1)...)
	}
	return append(lines, l.table.Draw(a.width, height-1, a.styles.theme())...)
}

// warningLines draws the table of warnings with the full text of the selected one below it.
func (a *App) warningLines(l *list, height int) []string {
	var full []string
	if id := l.table.Selected(); id != nil {
		for _, r := range l.table.Rows() {
			if r.ID == id {
				full = append([]string{""}, a.warning(r.Cells[1].Text, a.width)...)
			}
		}
	}
	full = full[:min(len(full), height/2)]
	return append(l.table.Draw(a.width, min(height-len(full), l.table.Len()+1), a.styles.theme()), full...)
}

// listNote returns the text after a list's title.
func (a *App) listNote(l *list) string {
	switch l.kind {
	case kindTask:
		n := a.countStates()
		if a.width < narrowWidth {
			return fmt.Sprintf("  %d run, %d sched, %d idle", n[0], n[1], n[2])
		}
		return fmt.Sprintf("  %d running, %d scheduled, %d idle", n[0], n[1], n[2])
	case kindGoroutine, kindSite:
		for _, t := range a.store.Targets {
			if g := t.Goroutines; g != nil {
				return a.goroutineNote(g)
			}
		}
	case kindSpan:
		open, n := 0, uint64(0)
		for _, t := range a.store.Targets {
			open, n = open+len(t.OpenSpans()), n+t.SpanCount
		}
		switch {
		case open == 0 && n == 0:
			return ""
		case a.width < narrowWidth:
			return fmt.Sprintf("  %d open, %d ended", open, n)
		}
		return fmt.Sprintf("  %d open, latest of %d ended", open, n)
	case kindEvent:
		n := uint64(0)
		for _, t := range a.store.Targets {
			n += t.EventCount
		}
		if n > 0 {
			return fmt.Sprintf("  latest of %d", n)
		}
	}
	return ""
}

// clean removes control characters, because a program's text must not control the terminal.
func clean(s string) string { return strings.Map(visible, s) }
