package ui

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"

	"mini-redis/console/wire/goroutinespb"
	"mini-redis/services/console/internal/table"
)

func goroutineColumns(a *App) []table.Column {
	return withTarget(a,
		table.Column{Title: "ID", Right: true},
		table.Column{Title: "State", Max: 24},
		table.Column{Title: "Name", Max: 44},
		table.Column{Title: "Run", Right: true, Descending: true, Unit: time.Second, Rank: 1},
		table.Column{Title: "Ready", Right: true, Descending: true, Unit: time.Second, Rank: 2},
		table.Column{Title: "Wait", Right: true, Descending: true, Unit: time.Second, Rank: 3},
		table.Column{Title: "Starts", Right: true, Descending: true, Rank: 5},
		table.Column{Title: "Blocked", Right: true, Descending: true, Unit: time.Minute, Rank: 4},
		table.Column{Title: "Task", Max: 24, Rank: 6},
		table.Column{Title: "Created at", Max: 36, Rank: 7},
	)
}

func goroutineRows(a *App) (rows []table.Row) {
	for _, target := range a.store.Targets {
		for _, g := range target.Goroutines.GetGoroutines() {
			st := table.Cell{Text: g.GetState()}
			switch {
			case g.GetLeaked():
				st = table.Cell{Text: g.GetState() + " (leaked)", Tone: table.Bad}
			case g.GetState() == "running" || g.GetState() == "runnable":
				st.Tone = table.Good
			}
			blocked := emptyCell()
			if d := g.GetBlockedFor().AsDuration(); d > 0 {
				blocked = a.styles.time(d)
			}
			row := table.Row{ID: key{target.Index, kindGoroutine, g.GetId()}, TieBreak: order(target, g.GetId()), SearchText: strings.Join(g.GetStack(), " ") + " " + g.GetCreatedBy()}
			if g.GetParent() != 0 {
				row.Parent = key{target.Index, kindGoroutine, g.GetParent()}
			}
			row.Cells = append([]table.Cell{number(g.GetId()), st, text(g.GetName())}, a.times(g.GetTimes())...)
			row.Cells = append(row.Cells, blocked, text(target.TaskTitle(g.GetTask())), text(g.GetLocation()), text(target.Name))
			rows = append(rows, row)
		}
	}
	return rows
}

// times returns the cells of the running, runnable and waiting times and of the starts. They are
// empty if no execution trace was read.
func (a *App) times(t *goroutinespb.Times) []table.Cell {
	if t == nil {
		return []table.Cell{emptyCell(), emptyCell(), emptyCell(), emptyCell()}
	}
	return []table.Cell{
		a.styles.time(t.Running.AsDuration()), a.styles.time(t.Runnable.AsDuration()), a.styles.time(t.Waiting.AsDuration()), number(t.Scheduled),
	}
}

func siteColumns(a *App) []table.Column {
	return withTarget(a,
		table.Column{Title: "Count", Right: true, Descending: true},
		table.Column{Title: "Name", Max: 44},
		table.Column{Title: "Run", Right: true, Descending: true, Unit: time.Second, Rank: 1},
		table.Column{Title: "Ready", Right: true, Descending: true, Unit: time.Second, Rank: 3},
		table.Column{Title: "Wait", Right: true, Descending: true, Unit: time.Second, Rank: 4},
		table.Column{Title: "Starts", Right: true, Descending: true, Rank: 5},
		table.Column{Title: "Leaked", Right: true, Descending: true, Rank: 6},
		table.Column{Title: "At", Max: 36, Rank: 7},
		table.Column{Title: "States", Rank: 2},
	)
}

func siteRows(a *App) (rows []table.Row) {
	for _, target := range a.store.Targets {
		for i, s := range target.Goroutines.GetSites() {
			leaked := emptyCell()
			if s.GetLeaked() > 0 {
				leaked = table.Cell{Text: strconv.FormatUint(s.GetLeaked(), 10), Num: float64(s.GetLeaked()), Tone: table.Bad}
			}
			row := table.Row{ID: siteKey{target.Index, s.GetName(), s.GetLocation()}, TieBreak: order(target, uint64(i))}
			row.Cells = append([]table.Cell{number(s.GetCount()), text(s.GetName())}, a.times(s.GetTimes())...)
			row.Cells = append(row.Cells, leaked, text(s.GetLocation()), faint(statesText(s.GetStates())), text(target.Name))
			rows = append(rows, row)
		}
	}
	return rows
}

// siteKey identifies a site.
type siteKey struct {
	target         int
	name, location string
}

// statesText formats the number of items per state, in decreasing order.
func statesText(states map[string]uint64) string {
	names := make([]string, 0, len(states))
	for name := range states {
		names = append(names, name)
	}
	sort.Slice(names, func(i, j int) bool {
		if a, b := states[names[i]], states[names[j]]; a != b {
			return a > b
		}
		return names[i] < names[j]
	})
	for i, name := range names {
		names[i] = fmt.Sprintf("%d %s", states[name], name)
	}
	return strings.Join(names, ", ")
}

func warningColumns(a *App) []table.Column {
	return withTarget(a,
		table.Column{Title: "Lint"},
		table.Column{Title: "What"},
	)
}

// warningKey identifies a warning by the item that it is about.
type warningKey struct {
	lint string
	key
	text string // set if the warning is about no item with an ID
}

func warningRows(a *App) (rows []table.Row) {
	for i, w := range a.findings.List {
		id := warningKey{lint: w.Lint, key: key{target: w.Target.Index}}
		switch {
		case len(w.Tasks) > 0:
			id.kind, id.id = kindTask, w.Tasks[0]
		case len(w.Resources) > 0:
			id.kind, id.id = kindResource, w.Resources[0]
		case w.Goroutine != 0:
			id.kind, id.id = kindGoroutine, w.Goroutine
		default:
			id.kind, id.text = kindWarning, w.Text
		}
		rows = append(rows, table.Row{ID: id, TieBreak: [2]uint64{uint64(i)}, Cells: []table.Cell{
			{Text: w.Lint, Tone: table.Warn}, text(w.Text), text(w.Target.Name),
		}})
	}
	return rows
}

// newLists returns the lists, by view.
func newLists() map[view]*list {
	m := map[view]*list{
		viewTasks:      {kind: kindTask, title: "Tasks", columns: taskColumns, rows: taskRows},
		viewResources:  {kind: kindResource, title: "Resources", columns: resourceColumns, rows: resourceRows},
		viewOps:        {kind: kindOp, title: "Async ops", columns: opColumns, rows: func(a *App) []table.Row { return opRows(a, key{}) }},
		viewGoroutines: {kind: kindGoroutine, title: "Goroutines", columns: goroutineColumns, rows: goroutineRows},
		viewSites:      {kind: kindSite, title: "Goroutines by site", columns: siteColumns, rows: siteRows},
		viewSpans:      {kind: kindSpan, title: "Spans", columns: spanColumns, rows: spanRows},
		viewEvents:     {kind: kindEvent, title: "Events", columns: eventColumns, rows: eventRows},
		viewWarnings:   {kind: kindWarning, title: "Warnings", columns: warningColumns, rows: warningRows},
	}
	m[viewTasks].table.SortBy, m[viewTasks].table.TreeCol = 4, 3
	m[viewResources].table.SortBy, m[viewResources].table.TreeCol = 1, 3
	m[viewOps].table.SortBy, m[viewOps].table.TreeCol = 4, 1
	m[viewGoroutines].table.SortBy, m[viewGoroutines].table.TreeCol = 3, 2
	m[viewSpans].table.TreeCol = 1
	return m
}
