package ui

import (
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"mini-redis/services/console/internal/model"
	"mini-redis/services/console/internal/table"
)

func timeOf(ns uint64) time.Duration { return time.Duration(min(ns, 1<<62)) }

// wrap breaks a line at separators so that each part fits the width, if its words do.
func wrap(line, separator string, width int) (lines []string) {
	current := ""
	for _, word := range strings.Split(strings.TrimSpace(line), separator) {
		switch {
		case current == "":
			current = word
		case ansi.StringWidth(current+separator+word) > width:
			lines, current = append(lines, current), word
		default:
			current += separator + word
		}
	}
	return append(lines, current)
}

// keysHelp lists the keys and what they do.
var keysHelp = []struct{ keys, what string }{
	{"t r a", "tasks, resources, async operations"},
	{"o s v", "goroutines, spans, events"},
	{"w u", "warnings, summary"},
	{"enter", "details of the row"},
	{"esc", "back, clear the filter"},
	{"left right, h l", "choose the column to sort by"},
	{"i", "invert the order"},
	{"up down, k j", "move"},
	{"pgup pgdn", "move by one screen"},
	{"gg G", "first row, last row"},
	{"/", "filter: words, !not, column:text, busy>10ms"},
	{"T", "tree by parent"},
	{"b", "goroutines by site"},
	{"space", "pause, resume"},
	{"e", "export the table as CSV, everything as JSON"},
	{"?", "this help"},
	{"q", "quit"},
}

func (a *App) helpLines() []string {
	lines := []string{a.styles.Heading("Help"), ""}
	for _, k := range keysHelp {
		lines = append(lines, fmt.Sprintf("%s%s %s", a.styles.Bold(k.keys), strings.Repeat(" ", max(16-len(k.keys), 0)), k.what))
	}
	return append(lines, "", a.styles.Tone("press any key to go back", table.Faint))
}

// summary draws the most important figures of each target.
func (a *App) summary(width, height int) []string {
	var lines []string
	for _, t := range a.store.Targets {
		s, tone := a.status(t)
		lines = append(lines, a.styles.Heading(clean(t.Name))+"  "+a.styles.Tone(s, tone))
		lines = append(lines, a.summaryTasks(t)...)
		lines = append(lines, a.summaryResources(t)...)
		if g := t.Goroutines; g != nil {
			lines = append(lines, fmt.Sprintf("  goroutines  %d%s", g.GetTotal(), a.goroutineStates(t)))
		}
		if open := len(t.OpenSpans()); t.SpanCount > 0 || open > 0 {
			lines = append(lines, fmt.Sprintf("  spans       %d ended, %d open", t.SpanCount, open))
		}
		if t.EventCount > 0 {
			lines = append(lines, fmt.Sprintf("  events      %d%s", t.EventCount, severeEvents(t)))
		}
		n := 0
		for _, w := range a.findings.List {
			if w.Target == t {
				if n++; n <= 5 {
					lines = append(lines, "  "+a.styles.Tone(a.styles.pick("⚠ ", "! ")+clean(w.Text), table.Warn))
				}
			}
		}
		if n > 5 {
			lines = append(lines, fmt.Sprintf("  and %d more warnings (w)", n-5))
		}
		lines = append(lines, "")
	}
	return lines[:min(len(lines), height)]
}

// severeEvents counts the errors and warnings among the events that are kept.
func severeEvents(t *model.Target) string {
	n := map[model.Level]int{}
	for _, e := range t.LatestEvents() {
		n[e.Level]++
	}
	return fmt.Sprintf(": %s, %s", plural(n[model.Error], "error"), plural(n[model.Warn], "warning"))
}

func (a *App) summaryTasks(t *model.Target) []string {
	var n [4]int
	tasks := make([]*model.Task, 0, len(t.Tasks))
	for _, x := range t.Tasks {
		n[x.State()]++
		if x.State() != model.Done {
			tasks = append(tasks, x)
		}
	}
	lines := []string{fmt.Sprintf("  tasks       %d: %d running, %d scheduled, %d idle; %d ended", len(tasks), n[0], n[1], n[2], n[3])}
	sort.Slice(tasks, func(i, j int) bool {
		if x, y := tasks[i].Busy(), tasks[j].Busy(); x != y {
			return x > y
		}
		return tasks[i].WireID < tasks[j].WireID
	})
	for _, x := range tasks[:min(len(tasks), 3)] {
		if x.Busy() == 0 {
			break
		}
		busy, tone := a.styles.duration(x.Busy())
		lines = append(lines, fmt.Sprintf("    busiest   %s  %s  %s", clean(t.TaskTitle(x.WireID)), a.styles.Tone(busy, tone), share(x.Busy(), x.Total())))
	}
	return lines
}

func (a *App) summaryResources(t *model.Target) []string {
	kinds, waiting := map[string]uint64{}, 0
	for _, r := range t.Resources {
		if r.Dropped.IsZero() {
			kinds[r.Kind]++
		}
	}
	var longest time.Duration
	for _, o := range t.Ops {
		if !o.Done() {
			waiting++
			longest = max(longest, o.Total())
		}
	}
	lines := []string{"  resources   " + clean(statesText(kinds))}
	if waiting > 0 {
		d, tone := a.styles.duration(longest)
		lines = append(lines, fmt.Sprintf("  waiting     %d, longest %s", waiting, a.styles.Tone(d, tone)))
	}
	return lines
}

func (a *App) goroutineStates(t *model.Target) string {
	states := map[string]uint64{}
	for _, s := range t.Goroutines.GetSites() {
		for name, n := range s.GetStates() {
			states[name] += n
		}
	}
	if len(states) == 0 {
		return ""
	}
	return ": " + clean(statesText(states))
}
