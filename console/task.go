package console

import (
	"sync"

	"mini-redis/console/hdr"
)

// Kinds of tasks. A viewer shows the kind and takes it into account in its warnings: it does not
// warn that a blocking task never yields or has no waker.
const (
	KindTask     = "task"     // polled by another goroutine, for example an event loop
	KindBlocking = "blocking" // a goroutine of its own, which may block anywhere
)

// TaskOptions describes a task.
type TaskOptions struct {
	Name   string
	Kind   string // default KindTask
	Fields []Field
	Parent *Task
	// Site is where the task was created. Default: the caller of NewTask.
	Site Site
	// Key associates spans with the task. It is the address of a connection's peer, HOST:PORT: a
	// span whose attributes network.peer.address and network.peer.port form the key ran in this
	// task.
	Key string
	// CountsWakers states that the program reports every waker with WakerCloned and WakerDropped.
	// Otherwise a live task is reported with one waker, unless it is of KindBlocking.
	CountsWakers bool
}

// Task is a task of the program. Its methods may be called from any goroutine. They do nothing on a
// nil Task.
type Task struct {
	entry
	c            *Console
	name         string
	kind         string
	key          string
	fields       []Field
	site         Site
	parent       uint64
	meta         uint64
	countsWakers bool
	gid          int64 // goroutine ID, 0 for a task that is no goroutine

	mu sync.Mutex
	s  taskStats
}

// taskStats is the mutable state of a task. Times are readings of Mono, 0 if it has not happened.
type taskStats struct {
	mutated                   uint64 // number of changes
	created, dropped          int64
	polls, wakes, selfWakes   uint64
	clones, drops             uint64
	first, started, ended     int64
	woken                     int64 // the first wake since the last poll began
	lastWake                  int64
	busy, scheduled           int64
	polling                   bool
	detailSubscribers         int // number of viewers that have the task's details open
	recent                    recent
	pollTimes, scheduledTimes *hdr.Histogram
}

// NewTask registers a task. It returns nil if the console is disabled or already has MaxTasks
// tasks.
func (c *Console) NewTask(o TaskOptions) *Task {
	if c == nil {
		return nil
	}
	if o.Site == (Site{}) {
		o.Site = CallSite(1)
	}
	return c.newTask(o, 0, c.clock.Mono())
}

func (c *Console) newTask(o TaskOptions, gid, created int64) *Task {
	set(&o.Kind, KindTask)
	t := &Task{
		entry: entry{id: c.nextID()}, c: c, name: o.Name, kind: o.Kind, key: o.Key, fields: o.Fields, site: o.Site,
		meta: c.metas.id(metaTask, o.Site.pkg), countsWakers: o.CountsWakers, gid: gid,
	}
	if o.Parent != nil {
		t.parent = o.Parent.id
	}
	t.s.created = created
	if !t.countsWakers && t.kind != KindBlocking {
		t.s.clones = 1
	}
	if !c.tasks.add(t) {
		return nil
	}
	if t.key != "" {
		c.keys.Store(t.key, t)
	}
	return t
}

// ID returns the number that identifies the task to viewers, or 0 for a nil Task.
func (t *Task) ID() uint64 {
	if t == nil {
		return 0
	}
	return t.id
}

// Name returns the task's name, or "" for a nil Task.
func (t *Task) Name() string {
	if t == nil {
		return ""
	}
	return t.name
}

// lock locks the task and returns its state, which the caller may change until it calls unlock.
func (t *Task) lock() *taskStats {
	t.mu.Lock()
	return &t.s
}

func (t *Task) unlock() {
	t.s.mutated++
	t.mu.Unlock()
}

// Wake records that the task was scheduled to be polled at the given time.
func (t *Task) Wake(at int64) {
	if t == nil {
		return
	}
	s := t.lock()
	s.wake(at)
	t.unlock()
}

// SelfWake records that the task scheduled itself at the given time, because it had more work than
// one poll allows.
func (t *Task) SelfWake(at int64) {
	if t == nil {
		return
	}
	s := t.lock()
	s.wake(at)
	s.selfWakes++
	t.unlock()
}

// BeginPoll records that the task began to run at the given time.
func (t *Task) BeginPoll(at int64) {
	if t == nil {
		return
	}
	s := t.lock()
	s.begin(at, t.c)
	t.unlock()
}

// EndPoll records that the task stopped running at the given time, to wait.
func (t *Task) EndPoll(at int64) {
	if t == nil {
		return
	}
	s := t.lock()
	s.finish(at, t.c)
	t.unlock()
}

// Polled combines Wake, BeginPoll and EndPoll, for a loop that has the three times afterwards.
// woken is 0 if the task was not woken.
func (t *Task) Polled(woken, began, ended int64) {
	if t == nil {
		return
	}
	s := t.lock()
	switch {
	case woken != 0:
		s.wake(woken)
	case s.first == 0:
		s.first = began // it was not woken, so the time since its creation is not scheduled time
	}
	s.begin(began, t.c)
	s.finish(ended, t.c)
	t.unlock()
}

// Park records that the task's goroutine is about to block. It does nothing for a task of another
// kind than KindBlocking: a wait of an event loop during a poll is part of the poll.
func (t *Task) Park(at int64) {
	if t == nil || t.kind != KindBlocking {
		return
	}
	t.EndPoll(at)
}

// Unpark records that the task's goroutine runs again at time at, and that it was woken at time
// woken. woken is 0 if that is not known, and then no scheduled time is recorded. Like Park it does
// nothing for a task of another kind than KindBlocking.
func (t *Task) Unpark(woken, at int64) {
	if t == nil || t.kind != KindBlocking {
		return
	}
	s := t.lock()
	if woken == 0 {
		s.wakes++
		s.lastWake = at
	} else {
		s.wake(min(max(woken, s.ended), at))
	}
	s.begin(at, t.c)
	t.unlock()
}

// WakerCloned counts a new waker of the task. Call it only if TaskOptions.CountsWakers is set.
func (t *Task) WakerCloned() {
	if t == nil {
		return
	}
	t.lock().clones++
	t.unlock()
}

// WakerDropped counts a waker of the task that no longer exists. Call it only if
// TaskOptions.CountsWakers is set.
func (t *Task) WakerDropped() {
	if t == nil {
		return
	}
	t.lock().drops++
	t.unlock()
}

// Drop records that the task has ended. Later calls of any method change nothing that a viewer
// shows.
func (t *Task) Drop() {
	if t == nil {
		return
	}
	at := t.c.clock.Mono()
	s := t.lock()
	if s.dropped == 0 {
		s.finish(at, t.c)
		s.dropped = at
		if !t.countsWakers {
			s.drops = s.clones
		}
	}
	t.unlock()
	t.c.tasks.close(t, at)
	if t.key != "" {
		t.c.keys.CompareAndDelete(t.key, t)
	}
}

func (s *taskStats) wake(at int64) {
	s.wakes++
	s.lastWake = max(s.lastWake, at)
	if s.woken == 0 {
		s.woken = at
	}
}

func (s *taskStats) begin(at int64, c *Console) {
	if s.polling || s.dropped != 0 {
		return
	}
	s.polling = true
	s.polls++
	if s.first == 0 {
		s.first = at
		if s.woken == 0 {
			s.woken = s.created // the task has been waiting for its first poll since its creation
		}
	}
	if s.woken != 0 {
		waited := max(at-max(s.woken, s.ended), 0)
		s.scheduled += waited
		s.record(waited, scheduledTime, c)
		s.woken = 0
	}
	s.started = at
}

func (s *taskStats) finish(at int64, c *Console) {
	if !s.polling {
		return
	}
	s.polling = false
	took := max(at-s.started, 0)
	s.busy += took
	s.record(took, pollTime, c)
	s.ended = max(at, s.started)
}
