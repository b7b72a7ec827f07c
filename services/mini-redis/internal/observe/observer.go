// Package observe is what the server tells about itself: the spans of its
// commands, its metrics, and the text of INFO.
//
// The [Observer] is told of every command by the command engine (it implements
// engine.Observer, under the execution lock) and of every reply that has left
// by the server's loops. A call that nobody traces costs it a few plain additions.
// A traced one becomes a compact record that internal/telemetry turns into a span
// elsewhere. Metrics and INFO are written from the same counters, read under the
// same lock: [Observer.Collector] for internal/telemetry's registry,
// [Observer.Info] for the command. What only the server knows, it hands in as
// [Facts].
package observe

import (
	crand "crypto/rand"
	"math/bits"
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
	// Emit takes the first of the records, as many as there is room for. It copies
	// them and never blocks.
	Emit(records []telemetry.Record) (accepted int)
	// Enabled reports whether anybody wants spans at the moment.
	Enabled() bool
	// Watched reports whether somebody sees spans as they begin. It costs a load.
	Watched() bool
	// Show tells those who watch, and nobody else, of spans that are open (their End
	// is 0), and of spans that are not exported.
	Show(records []telemetry.Record)
}

// DefaultMaxPending is how many spans may wait for their reply to leave.
const DefaultMaxPending = 1 << 16

// Options is what an [Observer] is made of.
type Options struct {
	Clock      engine.Clock                 // required
	Sink       Sink                          // nil: no spans are made
	Propagator propagation.TextMapPropagator // nil: contexts are not read
	Version    string                        // of the program: the version of the spans' scope
	Roots      float64                       // spans a second begun here, 0 none: -trace-roots
	MaxSpans   float64                       // spans a second of sampled callers, 0 unbounded: -trace-spans-max
	Keys       bool                          // record the first key of a command in its span
	MaxPending int                           // spans whose reply has not left yet; 0 means DefaultMaxPending
	Rand       func() uint64                 // makes ids; nil means a generator seeded by the system
}

// Observer counts, times and traces the server's commands. Unless it is said
// otherwise, its methods are called with the execution lock held.
type Observer struct {
	partition *partition
	commands  []*commandStats // by Spec.ID; nil before the first call
	unknown   *commandStats   // what the table does not know
	processed uint64          // executions of all commands
	batch     batches
	errors    errorCodes
	roots     limiter
	shown     limiter
	remote    limiter
	tracing   bool // there is a sink

	invalid      uint64 // contexts that could not be understood
	overRate     uint64 // spans not made: over MaxSpans
	overPending  uint64 // spans not made: over MaxPending
	base         baseline
	rates        rates
	peak         atomic.Int64 // most memory seen in use
	extract      extractor
	clock        engine.Clock
	random       func() uint64
	keys         bool
	names        *names
	ends         endsCache
	maxPending   int64
	createdNanos int64 // wall clock

	// What Flushed needs, which runs without the lock.
	sink       Sink
	spans      sync.Pool // of *span
	emits      sync.Pool // of *emit
	pending    atomic.Int64
	wall       wallClock
	emitted    [origins]atomic.Uint64
	overQueue  atomic.Uint64 // spans that the sink had no room for
	exemplarMu sync.Mutex
}

var _ engine.Observer = (*Observer)(nil)

// New makes an Observer.
func New(o Options) *Observer {
	ob := &Observer{
		partition: newPartition(), errors: newErrorCodes(), remote: unlimited(),
		tracing: o.Sink != nil, extract: newExtractor(o.Propagator), clock: o.Clock,
		random: o.Rand, keys: o.Keys, maxPending: int64(o.MaxPending), sink: o.Sink,
		createdNanos: o.Clock.Now().UnixNano(), shown: newLimiter(shownRate),
	}
	ob.names = &names{version: o.Version, codes: ob.errors.names, locals: newInterned("", maxLocals)}
	ob.ends.names = ob.names
	ob.unknown = &commandStats{label: otherName, operation: &operation{name: otherName, names: ob.names}}
	if ob.tracing {
		ob.roots = newLimiter(o.Roots)
	} else {
		ob.roots = newLimiter(0)
	}
	if o.MaxSpans > 0 {
		ob.remote = newLimiter(o.MaxSpans)
	}
	if ob.random == nil {
		ob.random = systemRandom()
	}
	if ob.maxPending <= 0 {
		ob.maxPending = DefaultMaxPending
	}
	ob.spans.New = func() any { return new(span) }
	ob.emits.New = func() any { return new(emit) }
	ob.wall.set(o.Clock)
	return ob
}

// systemRandom is a generator that the system has seeded. It is not safe for
// concurrent use: ids are made under the execution lock.
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
	took := call.End - call.Start - call.Blocked
	switch {
	case call.Rejected:
		c.rejected++
	default:
		c.cells[o.partition.cell(took)]++
		c.ns += uint64(max(took, 0))
		o.processed++
		if code >= 0 {
			c.failed++
		}
	}
	if call.Opened != nil {
		return o.reopened(turn, call, c, code)
	}
	if call.Parent.TraceFlags().IsSampled() {
		if s := o.continued(turn, call, c, code); s != nil {
			return s
		}
		return nil
	}
	if call.End < o.roots.next {
		return nil
	}
	if s := o.rooted(turn, call, c, code); s != nil {
		return s
	}
	return nil
}

// ResetStat is CONFIG RESETSTAT: what INFO counts begins anew. The counters of
// the metrics go on, so that nobody's CONFIG RESETSTAT makes a hole in a graph.
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

// baseline is where the totals stood at CONFIG RESETSTAT.
type baseline struct {
	facts     Facts
	processed uint64
}

// sizeBucket is the bucket of a batch of n calls, n > 0.
func sizeBucket(n uint64) int { return min(bits.Len64(n-1), batchSizes-1) }
