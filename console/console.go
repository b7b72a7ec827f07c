package console

import (
	"sync"
	"sync/atomic"
	"time"
)

// Console knows a program's tasks, resources and async operations. Make it with
// [New]; nil is one that is switched off.
type Console struct {
	o     Options
	clock Clock

	lastID    atomic.Uint64
	metas     metaTable
	tasks     registry[*Task]
	resources registry[*Resource]
	ops       registry[*AsyncOp]
	pollOps   pollLog

	watchers atomic.Int32 // viewers of updates or details
	running  sync.Map     // goroutine id -> *Task, of tasks that are goroutines
	keys     sync.Map     // TaskOptions.Key -> *Task

	base struct { // the time of day of a Mono reading
		sync.Mutex
		wall time.Time
		mono int64
	}
}

// New returns a console that nobody watches yet.
func New(o Options) *Console {
	o = o.withDefaults()
	c := &Console{o: o, clock: o.Clock}
	if o.Logs != nil {
		o.Logs.hub.console.Store(c)
	}
	c.base.wall, c.base.mono = c.clock.Now(), c.clock.Mono()
	c.tasks.limit(o.MaxTasks, o.MaxClosed, o.Retention)
	c.resources.limit(o.MaxResources, o.MaxClosed, o.Retention)
	c.ops.limit(o.MaxAsyncOps, o.MaxClosed, o.Retention)
	return c
}

// Watched reports whether a viewer is connected. What costs more than a counter
// may be left out when none is.
func (c *Console) Watched() bool { return c != nil && c.watchers.Load() > 0 }

// Mono reads the console's clock; 0 when the console is off.
func (c *Console) Mono() int64 {
	if c == nil {
		return 0
	}
	return c.clock.Mono()
}

// detailed reports whether durations are to be kept one by one.
func (c *Console) detailed() bool { return c.o.AlwaysHistograms || c.watchers.Load() > 0 }

func (c *Console) nextID() uint64 { return c.lastID.Add(1) }

// drift is how far the machine's two clocks may come apart (it slept, or its
// time was set) before times of day are told anew.
const drift = 50 * time.Millisecond

// epoch returns the time of day at which Mono was 0, for one message.
func (c *Console) epoch() (at time.Time, mono int64) {
	c.base.Lock()
	defer c.base.Unlock()
	now, mono := c.clock.Now(), c.clock.Mono()
	if off := now.Sub(c.base.wall) - time.Duration(mono-c.base.mono); off.Abs() > drift {
		c.base.wall, c.base.mono = now, mono
	}
	return c.base.wall.Add(-time.Duration(c.base.mono)), mono
}
