package console

import (
	"log/slog"
	"time"
)

// Defaults of [Options]; where console-subscriber has the setting, they are its.
const (
	DefaultRetention       = time.Hour
	DefaultPublishInterval = time.Second
	DefaultDurationMax     = time.Second
	DefaultMaxTasks        = 100_000
	DefaultMaxResources    = 20_000
	DefaultMaxAsyncOps     = 100_000
	DefaultMaxClosed       = 1024
)

// Options are how a [Console] keeps and publishes. The zero value is of use.
type Options struct {
	// Clock tells the time; nil is the machine's.
	Clock Clock
	// Retention is how long what has ended stays known, so that a viewer that
	// connects later still sees it.
	Retention time.Duration
	// MaxClosed bounds how many ended tasks stay known, and resources, and async
	// operations, however long Retention is.
	MaxClosed int
	// PublishInterval is how often a viewer is told what has changed.
	PublishInterval time.Duration
	// MaxTasks, MaxResources and MaxAsyncOps bound how many there may be at a
	// time. One more is not recorded, and counted as a dropped event.
	MaxTasks, MaxResources, MaxAsyncOps int
	// PollDurationMax and ScheduledDurationMax are the upper ends of the
	// histograms. What is longer is an outlier.
	PollDurationMax, ScheduledDurationMax time.Duration
	// AlwaysHistograms records histograms from a task's birth on. Without it they
	// are of the time that somebody looks at the task's details, and of up to 31
	// durations before that.
	AlwaysHistograms bool
	// Spans is where the program's spans are to be had. Without it Trace/Watch is
	// not served.
	Spans SpanSource
	// Goroutines is how goroutines are looked at while somebody watches them.
	// Without it they are not served.
	Goroutines GoroutineSource
	// Logs is what the program's logger writes through. Without it events are not
	// served. A LogTap belongs to one console.
	Logs *LogTap
	// Logger is told of viewers that come and go. nil: nobody is.
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	set(&o.Clock, Clock(systemClock{start: time.Now()}))
	set(&o.Retention, DefaultRetention)
	set(&o.MaxClosed, DefaultMaxClosed)
	set(&o.PublishInterval, DefaultPublishInterval)
	set(&o.MaxTasks, DefaultMaxTasks)
	set(&o.MaxResources, DefaultMaxResources)
	set(&o.MaxAsyncOps, DefaultMaxAsyncOps)
	set(&o.PollDurationMax, DefaultDurationMax)
	set(&o.ScheduledDurationMax, DefaultDurationMax)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

func set[T comparable](to *T, def T) {
	var zero T
	if *to == zero {
		*to = def
	}
}

// Clock tells the time of day, and the nanoseconds since some moment before the
// program began; Mono never goes back and is never 0.
type Clock interface {
	Now() time.Time
	Mono() int64
}

type systemClock struct{ start time.Time }

func (c systemClock) Now() time.Time { return time.Now() }
func (c systemClock) Mono() int64    { return int64(time.Since(c.start)) + 1 }
