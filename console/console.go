package console

import (
	"sync"
	"sync/atomic"
	"time"
)

// Console records the tasks, resources and async operations of a program. Create it with [New]. A
// nil *Console is disabled.
type Console struct {
	o     Options
	clock Clock

	lastID    atomic.Uint64
	metas     metaTable
	tasks     registry[*Task]
	resources registry[*Resource]
	ops       registry[*AsyncOp]
	pollOps   pollLog

	watchers atomic.Int32 // open streams of updates or details
	running  sync.Map     // goroutine ID -> *Task, for tasks that are goroutines
	keys     sync.Map     // TaskOptions.Key -> *Task

	base struct { // the wall-clock time of one reading of Mono
		sync.Mutex
		wall time.Time
		mono int64
	}
}

// New returns a console without viewers. [Console.Listen] serves it.
func New(o Options) *Console {
	o = o.withDefaults()
	c := &Console{o: o, clock: o.Clock}
	if o.Logs != nil {
		o.Logs.hub.console.Store(c)
	}
	c.base.wall, c.base.mono = c.clock.Now(), c.clock.Mono()
	c.tasks.setLimits(o.MaxTasks, o.MaxClosed, o.Retention)
	c.resources.setLimits(o.MaxResources, o.MaxClosed, o.Retention)
	c.ops.setLimits(o.MaxAsyncOps, o.MaxClosed, o.Retention)
	return c
}

// Watched reports whether a viewer has a stream of updates or of task details open. A program may
// skip recording that costs more than a counter while Watched returns false.
func (c *Console) Watched() bool { return c != nil && c.watchers.Load() > 0 }

// Mono returns the reading of the console's clock in nanoseconds. It returns 0 for a nil Console.
func (c *Console) Mono() int64 {
	if c == nil {
		return 0
	}
	return c.clock.Mono()
}

// recordsDurations reports whether individual durations are recorded for histograms.
func (c *Console) recordsDurations() bool { return c.o.AlwaysHistograms || c.watchers.Load() > 0 }

func (c *Console) nextID() uint64 { return c.lastID.Add(1) }

// maxClockDrift is the difference between the wall clock and the monotonic clock above which epoch
// takes a new wall-clock base. The clocks diverge if the machine is suspended or its time is set.
const maxClockDrift = 50 * time.Millisecond

// epoch returns the wall-clock time at which Mono was 0, and the current reading of Mono.
func (c *Console) epoch() (at time.Time, mono int64) {
	c.base.Lock()
	defer c.base.Unlock()
	now, mono := c.clock.Now(), c.clock.Mono()
	if off := now.Sub(c.base.wall) - time.Duration(mono-c.base.mono); off.Abs() > maxClockDrift {
		c.base.wall, c.base.mono = now, mono
	}
	return c.base.wall.Add(-time.Duration(c.base.mono)), mono
}
