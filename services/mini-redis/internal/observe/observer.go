// Package observe implements the server's telemetry: the spans of its commands, its
// metrics, and the text of INFO.
//
// The [Observer] implements engine.Observer. The engine passes it every command under
// the execution lock, and the event loops pass it every span whose reply has been sent.
// A command without a span costs a few additions. A command with a span becomes a compact
// record, which internal/telemetry exports on a goroutine of its own.
//
// Metrics and INFO read the same counters under the same lock: [Observer.Collector] is
// for internal/telemetry's registry, [Observer.Info] for the command. The figures that
// only the server has come in as [Facts].
//
// The files: span.go decides which calls get a span and fills it, pending.go bounds the
// spans whose replies have not been sent, flush.go ends spans, open.go handles the calls
// that wait for a key, describe.go gives spans their attributes, extract.go parses
// callers' contexts; stats.go counts, collector*.go renders metrics, info*.go INFO.
package observe

import (
	crand "crypto/rand"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/propagation"

	"mini-redis/internal/telemetry"
	"mini-redis/services/mini-redis/internal/engine"
)

// Sink takes finished spans; *telemetry.Sink is one.
type Sink interface {
	// Emit queues the first of the records, as many as there is room for, and returns
	// their number. It copies them and never blocks.
	Emit(records []telemetry.Record) (accepted int)
	// Enabled reports whether spans have a consumer: an exporter or a subscriber.
	Enabled() bool
	// Watched reports whether a subscriber sees spans when they begin. It costs one
	// atomic load.
	Watched() bool
	// Show passes records to the subscribers only: of spans that are open, whose End is
	// 0, and of spans that are not exported.
	Show(records []telemetry.Record)
}

// Options configures an [Observer].
type Options struct {
	Clock      engine.Clock                  // required
	Sink       Sink                          // nil: there are no spans
	Propagator propagation.TextMapPropagator // nil: callers' contexts are ignored
	Version    string                        // of the program: the version of the spans' scope
	Roots      float64                       // limit of root spans per second; 0: no root spans
	MaxSpans   float64                       // limit of spans per second that continue a trace; 0: none
	Keys       bool                          // record the first key of a command in its span
	MaxPending int                           // limit of pending spans; 0 means DefaultMaxPending
	MaxBytes   int64                         // limit of their memory; 0 means DefaultMaxPendingBytes
	Rand       func() uint64                 // generates IDs; nil means a seeded generator
}

// Observer counts, times and traces the server's commands. Its methods are called under
// the execution lock unless they say otherwise.
type Observer struct {
	partition *partition
	commands  []*commandStats // by Spec.ID; nil before the first call
	unknown   *commandStats   // of commands that the table does not have
	processed uint64          // executions of all commands
	batch     batches
	errors    errorCodes
	base      baseline
	rates     rates
	peak      atomic.Int64 // largest memory of the data seen

	tracing bool    // there is a sink
	roots   limiter // of root spans
	remote  limiter // of spans that continue a trace
	viewers limiter // of spans for viewers only

	invalid     uint64 // contexts that could not be parsed
	overRate    uint64 // calls without a span because of MaxSpans
	overPending uint64 // calls without a span because of a limit of pending spans

	extract      extractor
	clock        engine.Clock
	random       func() uint64
	keys         bool
	names        *names
	createdNanos int64 // wall clock

	// The fields below are used without the lock, by Flushed.
	sink       Sink
	spans      sync.Pool // of *span
	emits      sync.Pool // of *emit
	pending    pendingSpans
	wall       wallClock
	emitted    [origins]atomic.Uint64
	overQueue  atomic.Uint64 // spans that the sink had no room for
	exemplarMu sync.Mutex
}

var _ engine.Observer = (*Observer)(nil)

// New creates an observer.
func New(opts Options) *Observer {
	o := &Observer{
		partition: newPartition(), errors: newErrorCodes(), extract: newExtractor(opts.Propagator),
		remote: unlimited(), viewers: newLimiter(viewerRate), tracing: opts.Sink != nil, sink: opts.Sink,
		clock: opts.Clock, random: opts.Rand, keys: opts.Keys, createdNanos: opts.Clock.Now().UnixNano(),
		pending: newPendingSpans(opts.MaxPending, opts.MaxBytes),
	}
	o.names = &names{version: opts.Version, codes: o.errors.names, locals: newInterned("", maxLocals)}
	o.unknown = &commandStats{label: otherName, operation: &operation{name: otherName, names: o.names}}
	o.roots = newLimiter(0)
	if o.tracing {
		o.roots = newLimiter(opts.Roots)
	}
	if opts.MaxSpans > 0 {
		o.remote = newLimiter(opts.MaxSpans)
	}
	if o.random == nil {
		o.random = systemRandom()
	}
	o.spans.New = func() any { return new(span) }
	o.emits.New = func() any { return new(emit) }
	o.wall.set(opts.Clock)
	return o
}

// systemRandom returns a generator that the system has seeded. It is not safe for
// concurrent use: IDs are generated under the execution lock.
func systemRandom() func() uint64 {
	var seed [32]byte
	crand.Read(seed[:]) // never fails: the program ends instead
	return rand.NewChaCha8(seed).Uint64
}

// Command implements engine.Observer.
func (o *Observer) Command(turn *engine.Turn, call *engine.Call) engine.Pending {
	c := o.statsOf(call.Spec)
	if turn.LockGot != o.batch.got {
		o.batch.begin(turn)
	}
	o.batch.calls++
	code := -1
	if call.Error != "" {
		code = o.errors.add(call.Error)
	}
	if call.Rejected {
		c.rejected++
	} else {
		c.count(o.partition.cell(executed(call)), executed(call), code >= 0)
		o.processed++
	}
	var s *span
	switch opened := call.Opened.(type) {
	case *span:
		s = opened
	case withoutSpan:
		return nil
	default:
		if s = o.exportedSpan(turn, call, c); s == nil {
			return nil
		}
	}
	o.setOutcome(s, turn, call, code)
	return s
}

// executed returns the execution time of a call in nanoseconds, without its waiting.
func executed(call *engine.Call) int64 { return call.End - call.Start - call.Blocked }

// ResetStat implements CONFIG RESETSTAT: what INFO counts starts again at zero. The
// counters of the metrics continue: a counter must not decrease while the process lives.
func (o *Observer) ResetStat(f Facts) {
	for _, c := range slices.Concat(o.commands, []*commandStats{o.unknown}) {
		if c != nil {
			was := c.counts
			c.base = &was
		}
	}
	o.errors.reset()
	o.base = baseline{facts: f, processed: o.processed}
}

// baseline holds the totals at the last CONFIG RESETSTAT.
type baseline struct {
	facts     Facts
	processed uint64
}
