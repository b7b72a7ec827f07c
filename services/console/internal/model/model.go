// Package model is what the console knows of the programs it watches: the
// updates of console/wire put together, and the figures that follow from them.
// It draws nothing and talks to nobody (package source does, package ui shows).
// The figures are tokio-console's own, so that both show the same.
//
// One goroutine uses a World.
package model

import (
	"time"

	"mini-redis/console/hdr"
	"mini-redis/console/wire/commonpb"
	"mini-redis/console/wire/goroutinespb"
)

// World is all targets.
type World struct {
	Targets []*Target
	// RetainFor is how long what has ended stays in the tables; negative: for
	// ever.
	RetainFor time.Duration
}

// Add makes a target known.
func (w *World) Add(name string) *Target {
	t := &Target{Name: name, Index: len(w.Targets), retain: &w.RetainFor}
	t.Reset()
	w.Targets = append(w.Targets, t)
	return t
}

// Status is how a target can be reached.
type Status struct {
	Connected bool
	Text      string // why not, or since when
}

// Dropped counts what the program could not tell.
type Dropped struct{ Tasks, Resources, AsyncOps, Spans, Events uint64 }

// Any reports whether anything was dropped.
func (d Dropped) Any() bool { return d != Dropped{} }

// Target is one program.
type Target struct {
	Name   string
	Index  int
	Status Status // of its console
	Pprof  Status // of its profiles, where they are asked for
	// SpanStatus and EventStatus say why there are none, where the program has
	// refused.
	SpanStatus, EventStatus Status
	Paused                  bool

	Now       time.Time // of the last update, by the program's clock
	Before    time.Time // of the update before
	Updates   int
	Tasks     map[uint64]*Task
	Resources map[uint64]*Resource
	Ops       map[uint64]*Op
	Dropped   Dropped
	// CountsWakers says that the program has told of wakers at all.
	CountsWakers bool

	Spans      []*Span // the latest, oldest first
	SpanCount  uint64
	Events     []*Event // the latest, oldest first
	EventCount uint64
	Goroutines *goroutinespb.Snapshot
	Details    map[uint64]*Details

	metas       map[uint64]*meta
	resourceIDs numbers
	opIDs       numbers
	spans       spanReader
	eventMetas  map[uint64]*meta
	retain      *time.Duration
}

type meta struct {
	name, target string
	location     string
	level        commonpb.Metadata_Level
	fields       []string
	event        bool
}

// Reset forgets everything but the target's name: it was connected to anew, and
// numbers may mean something else now.
func (t *Target) Reset() {
	t.Now, t.Before, t.Updates = time.Time{}, time.Time{}, 0
	t.Tasks, t.Resources, t.Ops = map[uint64]*Task{}, map[uint64]*Resource{}, map[uint64]*Op{}
	t.Dropped = Dropped{}
	t.CountsWakers = false
	t.Details = map[uint64]*Details{}
	t.metas = map[uint64]*meta{}
	t.resourceIDs, t.opIDs = numbers{}, numbers{}
}

// numbers counts items in the order in which they are first heard of.
type numbers struct {
	last uint64
	of   map[uint64]uint64
}

func (n *numbers) get(wire uint64) uint64 {
	if wire == 0 {
		return 0
	}
	if n.of == nil {
		n.of = map[uint64]uint64{}
	}
	if n.of[wire] == 0 {
		n.last++
		n.of[wire] = n.last
	}
	return n.of[wire]
}

// Field is a name and a value.
type Field struct {
	Name, Value, Unit string
	Number            uint64 // the value of a field that is a number, unsigned
}

// Task is a task.
type Task struct {
	Target   *Target
	Wire     uint64 // the number on the wire
	ID       uint64 // the number shown: the program's own, where it says so
	Name     string
	Kind     string
	Location string
	Module   string // what made it, a package or a crate
	Fields   []Field
	Parent   uint64 // wire number of the task that made it, where that is known
	Stats    TaskStats
}

// TaskStats are a task's figures. Zero times are never.
type TaskStats struct {
	Created, Dropped         time.Time
	Polls, Wakes, SelfWakes  uint64
	WakerClones, WakerDrops  uint64
	LastWake                 time.Time
	First, Started, Ended    time.Time
	BusyTotal, ScheduledTime time.Duration
}

// Resource is a resource.
type Resource struct {
	Target           *Target
	Wire             uint64
	ID               uint64 // the number shown: a count, for wire numbers may be anything
	Kind, Type       string
	Module           string
	Location         string
	Internal         bool
	Parent           uint64
	Created, Dropped time.Time
	Attributes       []Field
}

// Op is an async operation.
type Op struct {
	Target           *Target
	Wire             uint64
	ID               uint64 // the number shown
	Source           string
	Resource, Task   uint64 // Task is 0 where it is not known who waits
	Parent           uint64
	Created, Dropped time.Time
	Polls            uint64
	BusyTotal        time.Duration
	Started, Ended   time.Time
	Attributes       []Field
}

// Details are a task's histograms; nil where the program sends none.
type Details struct {
	Polls, Scheduled *hdr.Histogram
}

// State is what a task does.
type State int

// The states, in the order in which they are sorted.
const (
	Running State = iota
	Scheduled
	Idle
	Done
)

func (s State) String() string { return [...]string{"running", "scheduled", "idle", "done"}[s] }

// State is what the task does now.
func (t *Task) State() State {
	switch s := &t.Stats; {
	case !s.Dropped.IsZero():
		return Done
	case s.Started.After(s.Ended):
		return Running
	case s.LastWake.After(s.Started):
		return Scheduled
	}
	return Idle
}

// Blocking reports whether the task may block as it likes: it is no async task.
func (t *Task) Blocking() bool { return t.Kind == "blocking" || t.Kind == "block_on" }

// Total is how long the task lives, or lived.
func (t *Task) Total() time.Duration { return since(t.Stats.Created, t.Stats.Dropped, t.Target.Now) }

// Busy is how long it ran.
func (t *Task) Busy() time.Duration {
	if t.State() == Running {
		return t.Stats.BusyTotal + max(t.Target.Now.Sub(t.Stats.Started), 0)
	}
	return t.Stats.BusyTotal
}

// Waited is how long it was ready and did not run. Where it was woken while it
// ran, that begins with the end of the run.
func (t *Task) Waited() time.Duration {
	if t.State() != Scheduled {
		return t.Stats.ScheduledTime
	}
	from := t.Stats.LastWake
	if t.Stats.Ended.After(from) {
		from = t.Stats.Ended
	}
	return t.Stats.ScheduledTime + max(t.Target.Now.Sub(from), 0)
}

// IdleTime is the rest.
func (t *Task) IdleTime() time.Duration { return max(t.Total()-t.Busy()-t.Waited(), 0) }

// Wakers is how many wakers there are.
func (t *Task) Wakers() uint64 {
	if t.Stats.WakerDrops > t.Stats.WakerClones {
		return 0
	}
	return t.Stats.WakerClones - t.Stats.WakerDrops
}

// SelfWakePercent is the share of its wakes that it caused itself.
func (t *Task) SelfWakePercent() float64 {
	if t.Stats.Wakes == 0 {
		return 0
	}
	return 100 * float64(t.Stats.SelfWakes) / float64(t.Stats.Wakes)
}

// Total is how long the resource exists, or did.
func (r *Resource) Total() time.Duration { return since(r.Created, r.Dropped, r.Target.Now) }

// Attribute returns the first attribute of that name.
func (r *Resource) Attribute(name string) (Field, bool) {
	for _, a := range r.Attributes {
		if a.Name == name {
			return a, true
		}
	}
	return Field{}, false
}

// Name is the name that the program gives the resource, or "".
func (r *Resource) Name() string {
	f, _ := r.Attribute("name")
	return f.Value
}

// Total is how long the operation waits, or waited.
func (o *Op) Total() time.Duration { return since(o.Created, o.Dropped, o.Target.Now) }

// Busy is how long it was tried.
func (o *Op) Busy() time.Duration {
	if !o.Started.IsZero() && o.Ended.IsZero() && o.Dropped.IsZero() {
		return o.BusyTotal + max(o.Target.Now.Sub(o.Started), 0)
	}
	return o.BusyTotal
}

// Done reports whether it is over.
func (o *Op) Done() bool { return !o.Dropped.IsZero() }

func since(from, to, now time.Time) time.Duration {
	if to.IsZero() {
		to = now
	}
	return max(to.Sub(from), 0)
}
