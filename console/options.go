package console

import (
	"log/slog"
	"time"
)

// Defaults of [Options]. Where console-subscriber has the same setting, the default is the same.
const (
	DefaultRetention       = time.Hour
	DefaultPublishInterval = time.Second
	DefaultDurationMax     = time.Second
	DefaultMaxTasks        = 100_000
	DefaultMaxResources    = 20_000
	DefaultMaxAsyncOps     = 100_000
	DefaultMaxClosed       = 1024
)

// Options configures a [Console]. The zero value uses the defaults.
type Options struct {
	// Clock provides the time. Default: the system clock.
	Clock Clock
	// Retention is how long ended items are kept, so that a viewer that connects later still
	// receives them. Default: [DefaultRetention].
	Retention time.Duration
	// MaxClosed bounds the number of ended tasks that are kept, and likewise of resources and of
	// async operations, independently of Retention. Default: [DefaultMaxClosed].
	MaxClosed int
	// PublishInterval is the interval at which a viewer is sent changes. Default:
	// [DefaultPublishInterval].
	PublishInterval time.Duration
	// MaxTasks, MaxResources and MaxAsyncOps bound the number of items that exist at the same time.
	// An item over the limit is not recorded and is counted as a dropped event. Defaults:
	// [DefaultMaxTasks], [DefaultMaxResources], [DefaultMaxAsyncOps].
	MaxTasks, MaxResources, MaxAsyncOps int
	// PollDurationMax and ScheduledDurationMax are the upper bounds of the histograms. A longer
	// duration is counted as an outlier. Default: [DefaultDurationMax].
	PollDurationMax, ScheduledDurationMax time.Duration
	// AlwaysHistograms records the histograms of a task from its creation on. Otherwise they cover
	// the time during which a viewer has the task's details open, and up to 31 durations before
	// that.
	AlwaysHistograms bool
	// Spans is the source of the program's spans. If nil, Trace/Watch is not served.
	Spans SpanSource
	// Goroutines reads the program's goroutines while a viewer watches them. If nil, the Goroutines
	// service is not served.
	Goroutines GoroutineSource
	// Logs is the handler through which the program's logger writes. If nil, the Events service is
	// not served. A LogTap belongs to one console.
	Logs *LogTap
	// Logger receives a debug record when a viewer of updates connects or disconnects. Default:
	// none.
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

// Clock provides the wall-clock time and a monotonic reading in nanoseconds, which counts from an
// unspecified time before the program started. Mono never decreases and never returns 0.
type Clock interface {
	Now() time.Time
	Mono() int64
}

type systemClock struct{ start time.Time }

func (c systemClock) Now() time.Time { return time.Now() }
func (c systemClock) Mono() int64    { return int64(time.Since(c.start)) + 1 }
