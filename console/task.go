package console

import (
	"sync"

	"mini-redis/console/hdr"
)

// The kinds of tasks. A viewer shows the kind, and judges by it: a task that
// may block is not reproached with never yielding, or with having no waker.
const (
	KindTask     = "task"     // polled by somebody else, an event loop say
	KindBlocking = "blocking" // a goroutine: it may block where it likes
)

// TaskOptions describe a task.
type TaskOptions struct {
	Name   string
	Kind   string // default KindTask
	Fields []Field
	Parent *Task
	// Site is where the task was made; the zero Site is NewTask's caller.
	Site Site
	// Key is how a span tells that it ran in this task: the address of the peer
	// of a connection. See SpanTask.
	Key string
	// CountsWakers says that the program reports every waker with WakerCloned and
	// WakerDropped. Without it a live task has one: whoever polls it.
	CountsWakers bool
}

// Task is one task. Its methods may be called from any goroutine, and on nil,
// where they do nothing.
type Task struct {
	entry
	c      *Console
	name   string
	kind   string
	key    string
	fields []Field
	site   Site
	parent uint64
	meta   uint64
	counts bool
	gid    int64 // of a task that is a goroutine

	mu sync.Mutex
	s  taskStats
}

// taskStats is what changes over a task's life. Times are readings of Mono, 0
// for never.
type taskStats struct {
	mutated                   uint64 // how often anything here was changed
	created, dropped          int64
	polls, wakes, selfWakes   uint64
	clones, drops             uint64
	first, started, ended     int64
	woken                     int64 // the first wake since the last poll began
	lastWake                  int64
	busy, scheduled           int64
	polling                   bool
	looking                   int // how many look at its details
	recent                    recent
	pollTimes, scheduledTimes *hdr.Histogram
}

// NewTask makes a task known. It returns nil when the console is off, or full.
func (c *Console) NewTask(o TaskOptions) *Task {
	if c == nil {
		return nil
	}
	if o.Site == (Site{}) {
		o.Site = Here(1)
	}
	return c.newTask(o, 0, c.clock.Mono())
}

func (c *Console) newTask(o TaskOptions, gid, created int64) *Task {
	set(&o.Kind, KindTask)
	t := &Task{
		entry: entry{id: c.nextID()}, c: c, name: o.Name, kind: o.Kind, key: o.Key, fields: o.Fields, site: o.Site,
		meta: c.metas.id(metaTask, o.Site.pkg), counts: o.CountsWakers, gid: gid,
	}
	if o.Parent != nil {
		t.parent = o.Parent.id
	}
	t.s.created = created
	if !t.counts && t.kind != KindBlocking {
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

// ID is the number under which viewers know the task, 0 for nil.
func (t *Task) ID() uint64 {
	if t == nil {
		return 0
	}
	return t.id
}

// Name is the task's name.
func (t *Task) Name() string {
	if t == nil {
		return ""
	}
	return t.name
}

// lock returns the task's numbers, to be changed until unlock.
func (t *Task) lock() *taskStats {
	t.mu.Lock()
	return &t.s
}

func (t *Task) unlock() {
	t.s.mutated++
	t.mu.Unlock()
}

// Wake says that at the given time somebody asked for the task to be polled.
func (t *Task) Wake(at int64) {
	if t == nil {
		return
	}
	s := t.lock()
	s.wake(at)
	t.unlock()
}

// SelfWake says that the task asked for it itself: there was more to do than
// its turn allowed.
func (t *Task) SelfWake(at int64) {
	if t == nil {
		return
	}
	s := t.lock()
	s.wake(at)
	s.selfWakes++
	t.unlock()
}

// BeginPoll says that the task began to run.
func (t *Task) BeginPoll(at int64) {
	if t == nil {
		return
	}
	s := t.lock()
	s.begin(at, t.c)
	t.unlock()
}

// EndPoll says that it has come to a point where it waits.
func (t *Task) EndPoll(at int64) {
	if t == nil {
		return
	}
	s := t.lock()
	s.finish(at, t.c)
	t.unlock()
}

// Polled is Wake, BeginPoll and EndPoll in one, for a loop that has the three
// times after the fact. woken is 0 where nobody has woken the task.
func (t *Task) Polled(woken, began, ended int64) {
	if t == nil {
		return
	}
	s := t.lock()
	switch {
	case woken != 0:
		s.wake(woken)
	case s.first == 0:
		s.first = began // a loop that has slept until now has not waited for its turn
	}
	s.begin(began, t.c)
	s.finish(ended, t.c)
	t.unlock()
}

// Park says that the task's goroutine is about to block, Unpark that it runs
// again and when it was woken: 0 where that is not known, and then the time it
// was ready and did not run is not known either. They do nothing for a task
// that is no goroutine: what an event loop waits for in the middle of a poll is
// a part of the poll.
func (t *Task) Park(at int64) {
	if t == nil || t.kind != KindBlocking {
		return
	}
	t.EndPoll(at)
}

// Unpark ends what Park began.
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

// WakerCloned and WakerDropped count what can wake the task, where
// TaskOptions.CountsWakers is set.
func (t *Task) WakerCloned() {
	if t == nil {
		return
	}
	t.lock().clones++
	t.unlock()
}

// WakerDropped is the end of what WakerCloned began.
func (t *Task) WakerDropped() {
	if t == nil {
		return
	}
	t.lock().drops++
	t.unlock()
}

// Drop says that the task has ended. Later calls, of this or of other methods,
// change nothing that a viewer sees.
func (t *Task) Drop() {
	if t == nil {
		return
	}
	at := t.c.clock.Mono()
	s := t.lock()
	if s.dropped == 0 {
		s.finish(at, t.c)
		s.dropped = at
		if !t.counts {
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
			s.woken = s.created // made, and waiting for its first turn ever since
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
