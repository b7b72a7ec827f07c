package ui

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"mini-redis/console"
	"mini-redis/services/console/internal/model"
	"mini-redis/services/console/internal/table"
)

// key identifies an item in all tables.
type key struct {
	target int
	kind   kind
	id     uint64 // wire ID, goroutine ID, span ID or event number
}

// kind is the kind of an item.
type kind int

const (
	kindTask kind = iota
	kindResource
	kindOp
	kindGoroutine
	kindSite
	kindSpan
	kindEvent
	kindWarning
)

// list is a table of the items of one kind.
type list struct {
	kind    kind
	title   string
	table   table.Table
	rows    func(a *App) []table.Row
	columns func(a *App) []table.Column
}

// fill updates the table from the state.
func (l *list) fill(a *App) {
	l.table.Columns = l.columns(a)
	rows := l.rows(a)
	if len(a.store.Targets) < 2 {
		for i := range rows { // the target column is shown only for several targets
			rows[i].Cells = rows[i].Cells[:len(l.table.Columns)]
		}
	}
	l.table.SetRows(rows)
}

// order returns the sort key of rows that are equal in the sort column.
func order(t *model.Target, n uint64) [2]uint64 { return [2]uint64{uint64(t.Index), n} }

// withTarget appends the target column if there are several targets.
func withTarget(a *App, columns ...table.Column) []table.Column {
	if len(a.store.Targets) > 1 {
		columns = append(columns, table.Column{Title: "Target", Max: 24, Rank: 1})
	}
	return columns
}

func taskColumns(a *App) []table.Column {
	return withTarget(a,
		table.Column{Title: "Warn", Right: true, Descending: true, Rank: 6},
		table.Column{Title: "ID", Right: true},
		table.Column{Title: "State", Rank: 2},
		table.Column{Title: "Name", Max: 40},
		table.Column{Title: "Total", Right: true, Descending: true, Unit: time.Second, Rank: 2},
		table.Column{Title: "Busy", Right: true, Descending: true, Unit: time.Second, Rank: 1},
		table.Column{Title: "Sched", Right: true, Descending: true, Unit: time.Second, Rank: 3},
		table.Column{Title: "Idle", Right: true, Descending: true, Unit: time.Second, Rank: 4},
		table.Column{Title: "Polls", Right: true, Descending: true, Rank: 3},
		table.Column{Title: "Wakes", Right: true, Descending: true, Rank: 7},
		table.Column{Title: "Kind", Max: 12, Rank: 6},
		table.Column{Title: "Location", Max: 36, Rank: 8},
		table.Column{Title: "Fields", Rank: 9},
	)
}

func taskRows(a *App) (rows []table.Row) {
	for _, target := range a.store.Targets {
		for _, t := range target.Tasks {
			row := table.Row{ID: key{target.Index, kindTask, t.WireID}, TieBreak: order(target, t.WireID), Done: t.State() == model.Done}
			if target.Tasks[t.Parent] != nil {
				row.Parent = key{target.Index, kindTask, t.Parent}
			}
			row.Cells = []table.Cell{
				a.warnings(a.findings.CountForTask(t)), number(t.ID), state(t.State()), text(t.Name),
				a.styles.time(t.Total()), a.styles.time(t.Busy()), a.styles.time(t.ScheduledTime()), a.styles.time(t.IdleTime()),
				number(t.Stats.Polls), number(t.Stats.Wakes), text(t.Kind), text(t.Location),
				faint(strings.TrimSpace(fieldsText(t.Fields) + " target=" + t.Module)), text(target.Name),
			}
			rows = append(rows, row)
		}
	}
	return rows
}

func (a *App) warnings(n int) table.Cell {
	if n == 0 {
		return emptyCell()
	}
	return table.Cell{Text: a.styles.pick("⚠", "!") + strconv.Itoa(n), Num: float64(n), Tone: table.Warn}
}

func resourceColumns(a *App) []table.Column {
	return withTarget(a,
		table.Column{Title: "Warn", Right: true, Descending: true, Rank: 4},
		table.Column{Title: "ID", Right: true},
		table.Column{Title: "Kind", Max: 16},
		table.Column{Title: "Name", Max: 32},
		table.Column{Title: "Total", Right: true, Descending: true, Unit: time.Second, Rank: 3},
		table.Column{Title: "Wait", Right: true, Descending: true, Rank: 1},
		table.Column{Title: "Type", Max: 28, Rank: 5},
		table.Column{Title: "Vis", Rank: 8},
		table.Column{Title: "Parent", Right: true, Rank: 7},
		table.Column{Title: "Location", Max: 36, Rank: 6},
		table.Column{Title: "Attributes", Rank: 2},
	)
}

func resourceRows(a *App) (rows []table.Row) {
	for _, target := range a.store.Targets {
		waiting := map[uint64]uint64{}
		for _, o := range target.Ops {
			if !o.Done() {
				waiting[o.Resource]++
			}
		}
		for _, r := range target.Resources {
			vis, parent := text("public"), emptyCell()
			if r.Internal {
				vis = faint("internal")
			}
			if r.Parent != 0 {
				parent = number(target.ResourceNumber(r.Parent))
			}
			row := table.Row{ID: key{target.Index, kindResource, r.WireID}, TieBreak: order(target, r.ID), Done: !r.Dropped.IsZero()}
			if target.Resources[r.Parent] != nil {
				row.Parent = key{target.Index, kindResource, r.Parent}
			}
			row.Cells = []table.Cell{
				a.warnings(a.findings.CountForResource(r)), number(r.ID), text(r.Kind), text(r.Name()), a.styles.time(r.Total()),
				number(waiting[r.WireID]), text(r.Type), vis, parent, text(r.Location),
				faint(attributesText(target, r.Attributes)), text(target.Name),
			}
			rows = append(rows, row)
		}
	}
	return rows
}

// taskAttributes holds the attributes whose values are wire IDs of tasks.
var taskAttributes = map[string]bool{console.HolderAttribute: true, "user": true, "subscriber": true}

// attributesText formats a resource's attributes, with the names of tasks. It omits the name, which
// has its own column.
func attributesText(t *model.Target, list []model.Field) string {
	var shown []model.Field
	for _, f := range list {
		if f.Name == "name" {
			continue
		}
		if taskAttributes[f.Name] {
			f.Value = t.TaskTitle(f.Number)
		}
		shown = append(shown, f)
	}
	return fieldsText(shown)
}

func opColumns(a *App) []table.Column {
	return withTarget(a,
		table.Column{Title: "ID", Right: true, Rank: 2},
		table.Column{Title: "Task", Max: 32},
		table.Column{Title: "Source", Max: 24},
		table.Column{Title: "Resource", Max: 32, Rank: 1},
		table.Column{Title: "Total", Right: true, Descending: true, Unit: time.Second},
		table.Column{Title: "Busy", Right: true, Descending: true, Unit: time.Second, Rank: 5},
		table.Column{Title: "Idle", Right: true, Descending: true, Unit: time.Second, Rank: 6},
		table.Column{Title: "Polls", Right: true, Descending: true, Rank: 4},
		table.Column{Title: "Parent", Right: true, Rank: 8},
		table.Column{Title: "Attributes", Rank: 7},
	)
}

// opRows lists the operations on the resource of, or on all resources if of is zero.
func opRows(a *App, of key) (rows []table.Row) {
	for _, target := range a.store.Targets {
		for _, o := range target.Ops {
			if of != (key{}) && (of.target != target.Index || of.id != o.Resource) {
				continue
			}
			on, parent := strconv.FormatUint(target.ResourceNumber(o.Resource), 10), emptyCell()
			if r := target.Resources[o.Resource]; r != nil {
				on = resourceTitle(r)
			}
			if o.Parent != 0 {
				parent = number(target.OpNumber(o.Parent))
			}
			row := table.Row{ID: key{target.Index, kindOp, o.WireID}, TieBreak: order(target, o.ID), Done: o.Done()}
			if target.Ops[o.Parent] != nil {
				row.Parent = key{target.Index, kindOp, o.Parent}
			}
			row.Cells = []table.Cell{
				number(o.ID), text(target.TaskTitle(o.Task)), text(o.Source), text(on), a.styles.time(o.Total()), a.styles.time(o.Busy()),
				a.styles.time(max(o.Total()-o.Busy(), 0)), number(o.Polls), parent, faint(fieldsText(o.Attributes)), text(target.Name),
			}
			rows = append(rows, row)
		}
	}
	return rows
}

func resourceTitle(r *model.Resource) string {
	if n := r.Name(); n != "" {
		return r.Kind + " " + n
	}
	return fmt.Sprintf("%s %d", r.Kind, r.ID)
}
