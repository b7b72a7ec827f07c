// Package export writes all data as JSON, or one table as CSV.
package export

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"sort"
	"time"

	"mini-redis/services/console/internal/lint"
	"mini-redis/services/console/internal/model"
)

// Document is the JSON document. Items are sorted by number. Durations are in nanoseconds and times
// in RFC 3339. Fields without a value are omitted.
type Document struct {
	Targets  []Target  `json:"targets"`
	Warnings []Warning `json:"warnings,omitempty"`
}

// Target is one program.
type Target struct {
	Name       string      `json:"name"`
	Now        *time.Time  `json:"now,omitempty"`
	Dropped    any         `json:"dropped,omitempty"`
	Tasks      []Task      `json:"tasks"`
	Resources  []Resource  `json:"resources"`
	AsyncOps   []Op        `json:"async_ops"`
	Goroutines []Goroutine `json:"goroutines,omitempty"`
	Sites      []Site      `json:"goroutine_sites,omitempty"`
	Spans      []Span      `json:"spans,omitempty"`
	Events     []Event     `json:"events,omitempty"`
}

// Task, Resource, Op, Goroutine, Site, Span, Event and Warning are the items of the document. Each
// has the fields of the row in the corresponding table.
type (
	Task struct {
		ID        uint64            `json:"id"`
		WireID    uint64            `json:"wire_id"`
		Name      string            `json:"name,omitempty"`
		Kind      string            `json:"kind,omitempty"`
		State     string            `json:"state"`
		Location  string            `json:"location,omitempty"`
		Target    string            `json:"target,omitempty"`
		Parent    uint64            `json:"parent,omitempty"`
		Total     time.Duration     `json:"total_ns"`
		Busy      time.Duration     `json:"busy_ns"`
		Scheduled time.Duration     `json:"scheduled_ns"`
		Idle      time.Duration     `json:"idle_ns"`
		Polls     uint64            `json:"polls"`
		Wakes     uint64            `json:"wakes"`
		SelfWakes uint64            `json:"self_wakes"`
		Wakers    uint64            `json:"wakers"`
		Fields    map[string]string `json:"fields,omitempty"`
	}
	Resource struct {
		ID         uint64        `json:"id"`
		WireID     uint64        `json:"wire_id"`
		Kind       string        `json:"kind"`
		Type       string        `json:"type,omitempty"`
		Location   string        `json:"location,omitempty"`
		Target     string        `json:"target,omitempty"`
		Parent     uint64        `json:"parent,omitempty"`
		Internal   bool          `json:"internal,omitempty"`
		Dropped    bool          `json:"dropped,omitempty"`
		Total      time.Duration `json:"total_ns"`
		Attributes []Attribute   `json:"attributes,omitempty"`
	}
	Attribute struct {
		Name  string `json:"name"`
		Value string `json:"value"`
		Unit  string `json:"unit,omitempty"`
	}
	Op struct {
		ID       uint64        `json:"id"`
		Source   string        `json:"source"`
		Resource uint64        `json:"resource"`
		Task     uint64        `json:"task,omitempty"`
		Done     bool          `json:"done,omitempty"`
		Total    time.Duration `json:"total_ns"`
		Busy     time.Duration `json:"busy_ns"`
		Polls    uint64        `json:"polls"`
	}
	Goroutine struct {
		ID       uint64        `json:"id"`
		Name     string        `json:"name"`
		State    string        `json:"state"`
		Leaked   bool          `json:"leaked,omitempty"`
		Location string        `json:"location,omitempty"`
		Task     uint64        `json:"task,omitempty"`
		Running  time.Duration `json:"running_ns,omitempty"`
		Runnable time.Duration `json:"runnable_ns,omitempty"`
		Waiting  time.Duration `json:"waiting_ns,omitempty"`
	}
	Site struct {
		Name     string            `json:"name"`
		Location string            `json:"location,omitempty"`
		Count    uint64            `json:"count"`
		States   map[string]uint64 `json:"states"`
	}
	Span struct {
		Name     string            `json:"name"`
		Trace    string            `json:"trace_id"`
		ID       string            `json:"span_id"`
		Parent   string            `json:"parent_span_id,omitempty"`
		Kind     string            `json:"kind,omitempty"`
		Status   string            `json:"status,omitempty"`
		Start    time.Time         `json:"start"`
		Duration time.Duration     `json:"duration_ns"` // up to the last update if the span is open
		Open     bool              `json:"open,omitempty"`
		Task     uint64            `json:"task,omitempty"`
		Fields   map[string]string `json:"fields,omitempty"`
		Events   []SpanEvent       `json:"events,omitempty"`
	}
	SpanEvent struct {
		Time   time.Time         `json:"time"`
		Name   string            `json:"name"`
		Fields map[string]string `json:"fields,omitempty"`
	}
	Event struct {
		Time     time.Time         `json:"time"`
		Level    string            `json:"level"`
		Message  string            `json:"message"`
		Fields   map[string]string `json:"fields,omitempty"`
		Trace    string            `json:"trace_id,omitempty"`
		Span     string            `json:"span_id,omitempty"`
		Task     uint64            `json:"task,omitempty"`
		Target   string            `json:"target,omitempty"`
		Location string            `json:"location,omitempty"`
	}
	Warning struct {
		Lint   string `json:"lint"`
		Target string `json:"target"`
		Text   string `json:"text"`
	}
)

// JSON writes the targets and the warnings as a [Document].
func JSON(w io.Writer, store *model.Store, f *lint.Findings) error {
	d := Document{Targets: []Target{}}
	for _, t := range store.Targets {
		d.Targets = append(d.Targets, target(t))
	}
	for _, x := range f.List {
		d.Warnings = append(d.Warnings, Warning{x.Lint, x.Target.Name, x.Text})
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(d)
}

// CSV writes a table with its header.
func CSV(w io.Writer, columns []string, rows [][]string) error {
	c := csv.NewWriter(w)
	_ = c.Write(columns)
	_ = c.WriteAll(rows)
	c.Flush()
	return c.Error()
}

func target(t *model.Target) Target {
	out := Target{Name: t.Name, Tasks: []Task{}, Resources: []Resource{}, AsyncOps: []Op{}}
	if !t.Now.IsZero() {
		out.Now = &t.Now
	}
	if t.Dropped.Any() {
		out.Dropped = t.Dropped
	}
	for _, x := range t.Tasks {
		out.Tasks = append(out.Tasks, Task{
			ID: x.ID, WireID: x.WireID, Name: x.Name, Kind: x.Kind, State: x.State().String(), Location: x.Location, Target: x.Module, Parent: x.Parent,
			Total: x.Total(), Busy: x.Busy(), Scheduled: x.ScheduledTime(), Idle: x.IdleTime(), Polls: x.Stats.Polls, Wakes: x.Stats.Wakes,
			SelfWakes: x.Stats.SelfWakes, Wakers: x.Wakers(), Fields: fields(x.Fields),
		})
	}
	sort.Slice(out.Tasks, func(i, j int) bool { return out.Tasks[i].WireID < out.Tasks[j].WireID })
	for _, x := range t.Resources {
		r := Resource{
			ID: x.ID, WireID: x.WireID, Kind: x.Kind, Type: x.Type, Location: x.Location, Target: x.Module, Parent: t.ResourceNumber(x.Parent), Internal: x.Internal,
			Dropped: !x.Dropped.IsZero(), Total: x.Total(),
		}
		for _, a := range x.Attributes {
			r.Attributes = append(r.Attributes, Attribute{a.Name, a.Value, a.Unit})
		}
		out.Resources = append(out.Resources, r)
	}
	sort.Slice(out.Resources, func(i, j int) bool { return out.Resources[i].ID < out.Resources[j].ID })
	for _, x := range t.Ops {
		out.AsyncOps = append(out.AsyncOps, Op{x.ID, x.Source, t.ResourceNumber(x.Resource), x.Task, x.Done(), x.Total(), x.Busy(), x.Polls})
	}
	sort.Slice(out.AsyncOps, func(i, j int) bool { return out.AsyncOps[i].ID < out.AsyncOps[j].ID })
	goroutines(&out, t)
	t.EachSpan(func(x *model.Span) { out.Spans = append(out.Spans, span(x)) })
	for _, x := range t.LatestEvents() {
		out.Events = append(out.Events, Event{
			x.At, x.Level.String(), x.Message, fields(x.Fields), x.Trace, x.Span, t.TaskOfEvent(x), x.Module, x.Location,
		})
	}
	return out
}

func span(x *model.Span) Span {
	s := Span{
		Name: x.Name, Trace: x.Trace, ID: x.SpanID(), Parent: x.Parent, Kind: x.Kind, Status: x.Status, Start: x.Start, Duration: x.Duration(),
		Open: x.Open(), Task: x.Task, Fields: fields(x.Fields),
	}
	for _, e := range x.Events {
		s.Events = append(s.Events, SpanEvent{e.At, e.Name, fields(e.Fields)})
	}
	return s
}

func goroutines(out *Target, t *model.Target) {
	for _, g := range t.Goroutines.GetGoroutines() {
		x := Goroutine{ID: g.GetId(), Name: g.GetName(), State: g.GetState(), Leaked: g.GetLeaked(), Location: g.GetLocation(), Task: g.GetTask()}
		if m := g.GetTimes(); m != nil {
			x.Running, x.Runnable, x.Waiting = m.Running.AsDuration(), m.Runnable.AsDuration(), m.Waiting.AsDuration()
		}
		out.Goroutines = append(out.Goroutines, x)
	}
	for _, s := range t.Goroutines.GetSites() {
		out.Sites = append(out.Sites, Site{s.GetName(), s.GetLocation(), s.GetCount(), s.GetStates()})
	}
}

func fields(list []model.Field) map[string]string {
	if len(list) == 0 {
		return nil
	}
	m := map[string]string{}
	for _, f := range list {
		m[f.Name] = f.Value + f.Unit
	}
	return m
}
