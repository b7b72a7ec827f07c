package ui

import (
	"fmt"
	"math"
	"time"

	"mini-redis/services/console/internal/model"
	"mini-redis/services/console/internal/table"
)

func spanColumns(a *App) []table.Column {
	return withTarget(a,
		table.Column{Title: "End", Descending: true, Rank: 3},
		table.Column{Title: "Name", Max: 32},
		table.Column{Title: "Took", Right: true, Descending: true, Unit: time.Second},
		table.Column{Title: "Kind", Rank: 5},
		table.Column{Title: "Status", Rank: 4},
		table.Column{Title: "Task", Max: 28, Rank: 2},
		table.Column{Title: "Trace", Rank: 1},
		table.Column{Title: "Span", Rank: 7},
		table.Column{Title: "Events", Right: true, Descending: true, Rank: 8},
		table.Column{Title: "Attributes", Rank: 6},
	)
}

func spanRows(a *App) (rows []table.Row) {
	for _, target := range a.store.Targets {
		i := uint64(0)
		target.EachSpan(func(s *model.Span) {
			row := table.Row{ID: key{target.Index, kindSpan, s.ID}, TieBreak: order(target, i), SearchText: s.Scope + " " + fieldsText(s.Fields)}
			i++
			if id := model.ParseSpanID(s.Parent); id != 0 {
				row.Parent = key{target.Index, kindSpan, id}
			}
			end, status, events := a.spanEnd(s), text(s.Status), emptyCell()
			if s.Status == "Error" {
				status.Tone = table.Bad
			}
			if n := uint64(len(s.Events)) + s.EventsDropped; n > 0 {
				events = number(n)
			}
			row.Cells = []table.Cell{
				end, text(s.Name), a.styles.time(s.Duration()), text(s.Kind), status, text(spanTask(s)), text(s.Trace), faint(s.SpanID()),
				events, faint(fieldsText(distinctiveFields(s.Fields))), text(target.Name),
			}
			rows = append(rows, row)
		})
	}
	return rows
}

// distinctiveFields omits the fields that most spans of a program share or that the span's name and
// task already show: the database system and operation and the addresses. The span's page shows all
// fields.
func distinctiveFields(list []model.Field) (own []model.Field) {
	for _, f := range list {
		switch f.Name {
		case "db.system.name", "db.operation.name", "server.address", "server.port", "client.address", "client.port",
			"network.peer.address", "network.peer.port":
		default:
			own = append(own, f)
		}
	}
	return own
}

// spanEnd returns the cell of a span's end. Open spans sort after all others.
func (a *App) spanEnd(s *model.Span) table.Cell {
	if s.Open() {
		return table.Cell{Text: "open", Num: math.MaxFloat64, Tone: table.Good}
	}
	return sortable(s.End.In(a.zone).Format("15:04:05.000"), float64(s.End.UnixNano()))
}

// spanTask returns the ID and name of the task that a span ran in, also after the task was removed.
func spanTask(s *model.Span) string {
	if s.Task != 0 && s.Target.Tasks[s.Task] == nil && s.TaskName != "" {
		return fmt.Sprintf("%d (%s)", s.Task, s.TaskName)
	}
	return s.Target.TaskTitle(s.Task)
}

func eventColumns(a *App) []table.Column {
	return withTarget(a,
		table.Column{Title: "Time", Descending: true, Rank: 1},
		table.Column{Title: "Level", Descending: true},
		table.Column{Title: "Message", Max: 60},
		table.Column{Title: "Task", Max: 28, Rank: 3},
		table.Column{Title: "Trace", Rank: 4},
		table.Column{Title: "Location", Max: 36, Rank: 5},
		table.Column{Title: "Fields", Rank: 2},
	)
}

func eventRows(a *App) (rows []table.Row) {
	for _, target := range a.store.Targets {
		for _, e := range target.LatestEvents() {
			form := "15:04:05.000"
			if a.width < narrowWidth {
				form = "15:04:05"
			}
			row := table.Row{ID: key{target.Index, kindEvent, e.Number}, TieBreak: order(target, e.Number), SearchText: e.Module + " " + e.Span}
			row.Cells = []table.Cell{
				sortable(e.At.In(a.zone).Format(form), float64(e.At.UnixNano())), level(e.Level), text(e.Message),
				text(target.TaskTitle(target.TaskOfEvent(e))), text(e.Trace), text(e.Location), faint(fieldsText(e.Fields)), text(target.Name),
			}
			rows = append(rows, row)
		}
	}
	return rows
}

var levelTones = map[model.Level]table.Tone{model.Error: table.Bad, model.Warn: table.Warn, model.Info: table.Good, model.Debug: table.Faint, model.Trace: table.Faint}

func level(l model.Level) table.Cell {
	return table.Cell{Text: l.String(), Num: float64(l), Tone: levelTones[l]}
}
