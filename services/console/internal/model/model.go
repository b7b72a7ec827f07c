// Package model holds the state of the watched programs. It applies the messages of console/wire
// and computes the figures that are shown, by the same rules as tokio-console. It performs no I/O:
// package source receives the messages and package ui draws the state.
//
// A Store is used by one goroutine at a time.
package model

import (
	"time"

	"mini-redis/console/hdr"
	"mini-redis/console/wire/commonpb"
	"mini-redis/console/wire/goroutinespb"
)

// Store holds all targets.
type Store struct {
	Targets []*Target
	// RetainFor is how long ended items are kept. Negative: they are never removed.
	RetainFor time.Duration
}

// Add adds a target.
func (s *Store) Add(name string) *Target {
	t := &Target{Name: name, Index: len(s.Targets), retain: &s.RetainFor}
	t.Reset()
	s.Targets = append(s.Targets, t)
	return t
}

// Status is the state of a target's connection or of one of its streams.
type Status struct {
	Connected bool
	Text      string // the error if it is not connected
}

// Dropped counts the items that the program or the viewer discarded.
type Dropped struct{ Tasks, Resources, AsyncOps, Spans, Events uint64 }

// Any reports whether any count is not zero.
func (d Dropped) Any() bool { return d != Dropped{} }

// Target is one watched program.
type Target struct {
	Name   string
	Index  int
	Status Status // of its console
	Pprof  Status // of its pprof profiles, if they are requested
	// SpanStatus and EventStatus hold the error if the program does not serve the stream.
	SpanStatus, EventStatus Status
	Paused                  bool

	Now       time.Time // time of the last update, by the program's clock
	Previous  time.Time // time of the update before that
	Updates   int
	Tasks     map[uint64]*Task
	Resources map[uint64]*Resource
	Ops       map[uint64]*Op
	Dropped   Dropped
	// CountsWakers is true once the program has reported a waker. Programs that report none do not
	// count them.
	CountsWakers bool

	Spans      []*Span // the latest ended spans, oldest first
	SpanCount  uint64
	Events     []*Event // the latest events, oldest first
	EventCount uint64
	Goroutines *goroutinespb.Snapshot
	Details    map[uint64]*Details

	metas       map[uint64]*meta
	resourceIDs idNumbers
	opIDs       idNumbers
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

// Reset discards the tasks, resources and async operations. It is called when the target is
// connected again, because the program may have been restarted and its IDs then identify other
// items.
func (t *Target) Reset() {
	t.Now, t.Previous, t.Updates = time.Time{}, time.Time{}, 0
	t.Tasks, t.Resources, t.Ops = map[uint64]*Task{}, map[uint64]*Resource{}, map[uint64]*Op{}
	t.Dropped = Dropped{}
	t.CountsWakers = false
	t.Details = map[uint64]*Details{}
	t.metas = map[uint64]*meta{}
	t.resourceIDs, t.opIDs = idNumbers{}, idNumbers{}
}

// idNumbers assigns consecutive idNumbers to wire IDs, in the order in which they are first seen.
type idNumbers struct {
	last uint64
	of   map[uint64]uint64
}

func (n *idNumbers) get(wire uint64) uint64 {
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

// Field is a field of a task, span or event, or an attribute of a resource or async operation.
type Field struct {
	Name, Value, Unit string
	Number            uint64 // the value of an unsigned integer field, else 0
}

// Task is a task of the program.
type Task struct {
	Target   *Target
	WireID   uint64 // ID on the wire
	ID       uint64 // ID that is shown: the field task.id if the program sends it, else the wire ID
	Name     string
	Kind     string
	Location string
	Module   string // package or crate that created it
	Fields   []Field
	Parent   uint64 // wire ID of the task that created it, 0 if not known
	Stats    TaskStats
}

// TaskStats holds a task's counters and times. A zero time means that the event has not occurred.
type TaskStats struct {
	Created, Dropped         time.Time
	Polls, Wakes, SelfWakes  uint64
	WakerClones, WakerDrops  uint64
	LastWake                 time.Time
	First, Started, Ended    time.Time // of the first poll; of the latest poll
	BusyTotal, ScheduledTime time.Duration
}

// Resource is a resource of the program.
type Resource struct {
	Target           *Target
	WireID           uint64
	ID               uint64 // number that is shown, counted from 1: wire IDs may be arbitrary
	Kind, Type       string
	Module           string
	Location         string
	Internal         bool
	Parent           uint64
	Created, Dropped time.Time
	Attributes       []Field
}

// Op is an async operation: a task's wait for a resource.
type Op struct {
	Target           *Target
	WireID           uint64
	ID               uint64 // number that is shown, counted from 1
	Source           string
	Resource, Task   uint64 // wire IDs; Task is 0 if the waiting task is not known
	Parent           uint64
	Created, Dropped time.Time
	Polls            uint64
	BusyTotal        time.Duration
	Started, Ended   time.Time
	Attributes       []Field
}

// Details holds a task's histograms, in nanoseconds. A histogram that the program does not send is
// nil.
type Details struct {
	Polls, Scheduled *hdr.Histogram
}

// State is the state of a task.
type State int

// The states, in sort order.
const (
	Running State = iota
	Scheduled
	Idle
	Done
)

func (s State) String() string { return [...]string{"running", "scheduled", "idle", "done"}[s] }

// State returns the task's state at the last update.
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

// Blocking reports whether the task is a blocking task, which may block its thread or goroutine.
func (t *Task) Blocking() bool { return t.Kind == "blocking" || t.Kind == "block_on" }

// Total returns the time from the task's creation to its end, or to the last update.
func (t *Task) Total() time.Duration { return since(t.Stats.Created, t.Stats.Dropped, t.Target.Now) }

// Busy returns the time spent in polls, including the current one.
func (t *Task) Busy() time.Duration {
	if t.State() == Running {
		return t.Stats.BusyTotal + max(t.Target.Now.Sub(t.Stats.Started), 0)
	}
	return t.Stats.BusyTotal
}

// ScheduledTime returns the time between wakes and the following polls. If the task was woken
// during a poll, the time begins at the end of that poll.
func (t *Task) ScheduledTime() time.Duration {
	if t.State() != Scheduled {
		return t.Stats.ScheduledTime
	}
	from := t.Stats.LastWake
	if t.Stats.Ended.After(from) {
		from = t.Stats.Ended
	}
	return t.Stats.ScheduledTime + max(t.Target.Now.Sub(from), 0)
}

// IdleTime returns the part of Total that is neither busy nor scheduled.
func (t *Task) IdleTime() time.Duration { return max(t.Total()-t.Busy()-t.ScheduledTime(), 0) }

// Wakers returns the number of wakers that exist.
func (t *Task) Wakers() uint64 {
	if t.Stats.WakerDrops > t.Stats.WakerClones {
		return 0
	}
	return t.Stats.WakerClones - t.Stats.WakerDrops
}

// SelfWakePercent returns the percentage of the task's wakes that the task caused itself.
func (t *Task) SelfWakePercent() float64 {
	if t.Stats.Wakes == 0 {
		return 0
	}
	return 100 * float64(t.Stats.SelfWakes) / float64(t.Stats.Wakes)
}

// Total returns the time from the resource's creation to its end, or to the last update.
func (r *Resource) Total() time.Duration { return since(r.Created, r.Dropped, r.Target.Now) }

// Attribute returns the first attribute with the given name.
func (r *Resource) Attribute(name string) (Field, bool) {
	for _, a := range r.Attributes {
		if a.Name == name {
			return a, true
		}
	}
	return Field{}, false
}

// Name returns the name that the program gave the resource, or "".
func (r *Resource) Name() string {
	f, _ := r.Attribute("name")
	return f.Value
}

// Total returns the time from the operation's creation to its end, or to the last update.
func (o *Op) Total() time.Duration { return since(o.Created, o.Dropped, o.Target.Now) }

// Busy returns the time spent in polls of the operation, including the current one.
func (o *Op) Busy() time.Duration {
	if !o.Started.IsZero() && o.Ended.IsZero() && o.Dropped.IsZero() {
		return o.BusyTotal + max(o.Target.Now.Sub(o.Started), 0)
	}
	return o.BusyTotal
}

// Done reports whether the operation has ended.
func (o *Op) Done() bool { return !o.Dropped.IsZero() }

func since(from, to, now time.Time) time.Duration {
	if to.IsZero() {
		to = now
	}
	return max(to.Sub(from), 0)
}
