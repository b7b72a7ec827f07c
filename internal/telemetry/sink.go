package telemetry

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// Sink is the one way every span of the program takes: compact records through Emit, spans of the SDK through OnEnd (the
// sink is the tracer provider's only span processor). Subscribers are also told of spans that begin, while there are any. Behind one bounded queue a goroutine of its own batches them, turns records
// into spans, and exports. Nothing a caller does here waits: what does not fit is counted and gone.
//
// Every sampled span that is handed in ends in exactly one of four counts, which the registry serves under the names of the
// OpenTelemetry SDK's own metrics: exported, exported with an error.type, processed with error.type queue_full, or processed with
// error.type already_shutdown.
//
// The zero Sink exports nothing, and feeds its subscribers.
type Sink struct {
	queue    *ring // nil without an exporter
	exporter sdktrace.SpanExporter
	options  SinkOptions
	convert  converter
	batch    []item // the exporting goroutine's own

	stats sinkStats
	subs  subscriptions

	// ctx bounds every export; it ends when the context of Shutdown does.
	ctx     context.Context
	cancel  context.CancelCauseFunc
	stop    chan struct{}
	done    chan struct{}
	flushes chan chan struct{}
	once    sync.Once
}

// The defaults of the specification for a batch span processor, OTEL_BSP_*.
const (
	defaultQueueSize     = 2048
	defaultBatchSize     = 512
	defaultScheduleDelay = 5 * time.Second
	defaultExportTimeout = 30 * time.Second
)

// SinkOptions are what OTEL_BSP_* and OTEL_SPAN_* set, and whose spans they are. Zero values mean the specification's defaults.
type SinkOptions struct {
	MaxQueueSize       int           // spans that may wait; more are dropped and counted
	MaxExportBatchSize int           // spans in one export, at most MaxQueueSize
	ScheduleDelay      time.Duration // how long a span waits for its batch to fill
	ExportTimeout      time.Duration // for one batch with all its retries; negative means none
	Limits             *sdktrace.SpanLimits
	Resource           *resource.Resource
	Scope              instrumentation.Scope // of records whose Describer names none
}

// NewSink starts a sink that exports to exporter (nil: to nobody, it only feeds subscribers). Start makes the program's own;
// a test gives this one an exporter of sdk/trace/tracetest and sees the exact spans.
func NewSink(exporter sdktrace.SpanExporter, o SinkOptions) *Sink {
	s := &Sink{exporter: exporter, options: o.withDefaults()}
	if exporter == nil {
		return s
	}
	o = s.options
	s.convert = converter{resource: o.Resource, scope: o.Scope, limits: *o.Limits}
	s.queue = newRing(o.MaxQueueSize, o.MaxExportBatchSize)
	s.batch = make([]item, o.MaxExportBatchSize)
	s.ctx, s.cancel = context.WithCancelCause(context.Background())
	s.stop, s.done, s.flushes = make(chan struct{}), make(chan struct{}), make(chan chan struct{})
	go s.run()
	return s
}

func (o SinkOptions) withDefaults() SinkOptions {
	if o.MaxQueueSize <= 0 {
		o.MaxQueueSize = defaultQueueSize
	}
	if o.MaxExportBatchSize <= 0 {
		o.MaxExportBatchSize = defaultBatchSize
	}
	o.MaxExportBatchSize = min(o.MaxExportBatchSize, o.MaxQueueSize)
	if o.ScheduleDelay <= 0 {
		o.ScheduleDelay = defaultScheduleDelay
	}
	if o.ExportTimeout == 0 {
		o.ExportTimeout = defaultExportTimeout
	}
	if o.Limits == nil {
		limits := sdktrace.NewSpanLimits()
		o.Limits = &limits
	}
	if o.Resource == nil {
		o.Resource = resource.Empty()
	}
	return o
}

// Enabled reports whether anyone takes spans: an exporter, or at least one subscriber. A hot path may skip building records when
// nobody does. It costs two loads.
func (s *Sink) Enabled() bool { return s.queue != nil || s.subs.any() }

// Emit copies records into the queue and reports how many found room; the rest is counted as lost. It never blocks, takes no lock
// and allocates nothing. Several goroutines may call it at once. Without an exporter everything counts as accepted.
func (s *Sink) Emit(records []Record) (accepted int) {
	if subs := s.subs.load(); subs != nil {
		subs.records(records)
	}
	if s.queue == nil || len(records) == 0 {
		return len(records)
	}
	accepted, closed := s.queue.pushRecords(records)
	s.stats.lost(len(records)-accepted, closed)
	return accepted
}

// Watched reports whether anyone sees spans as they begin. It costs a load.
func (s *Sink) Watched() bool { return s.subs.any() }

// Show tells subscribers, and them only, of records: of spans that have begun, with End 0, which Emit follows with the same ids when
// they end; and of spans that nobody exports. It never blocks.
func (s *Sink) Show(records []Record) {
	if subs := s.subs.load(); subs != nil {
		subs.records(records)
	}
}

// OnStart implements sdktrace.SpanProcessor. Before its end a span is nobody's concern but the subscribers'.
func (s *Sink) OnStart(_ context.Context, span sdktrace.ReadWriteSpan) {
	if subs := s.subs.load(); subs != nil {
		subs.span(span, true)
	}
}

// OnEnd implements sdktrace.SpanProcessor: it queues a finished span of the SDK. It never blocks.
func (s *Sink) OnEnd(span sdktrace.ReadOnlySpan) {
	if subs := s.subs.load(); subs != nil {
		subs.span(span, false)
	}
	if s.queue == nil || !span.SpanContext().IsSampled() {
		return
	}
	accepted, closed := s.queue.pushSpan(span, false)
	s.stats.lost(1-accepted, closed)
}

// ForceFlush exports what was handed in before the call. It returns the context's error when that ends first.
func (s *Sink) ForceFlush(ctx context.Context) error {
	if s.queue == nil {
		return nil
	}
	flushed := make(chan struct{})
	select {
	case s.flushes <- flushed:
	case <-s.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-flushed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// lastLook is how long Shutdown waits, after its context has ended, for the exporter to notice and the losses to be counted.
const lastLook = 100 * time.Millisecond

// Shutdown takes no more spans, exports what is queued, and returns when that is done or ctx ends; spans that were given up by then
// are counted and named in the error. Later calls do nothing.
func (s *Sink) Shutdown(ctx context.Context) (err error) {
	s.once.Do(func() {
		s.subs.close()
		if s.queue == nil {
			return
		}
		lostBefore := s.stats.exported.lost()
		s.queue.close()
		defer context.AfterFunc(ctx, func() { s.cancel(context.Cause(ctx)) })()
		close(s.stop)
		select {
		case <-s.done:
		case <-ctx.Done():
			select {
			case <-s.done:
			case <-time.After(lastLook):
				err = fmt.Errorf("telemetry: the span exporter did not stop: %w", context.Cause(ctx))
				return
			}
		}
		// The queue is empty: what the exporter says about a context that has just ended is of no interest.
		_ = s.exporter.Shutdown(ctx)
		if lost := s.stats.exported.lost() - lostBefore; lost > 0 {
			err = fmt.Errorf("telemetry: undelivered spans: %d", lost)
			if cause := context.Cause(ctx); cause != nil {
				err = fmt.Errorf("%w: %w", err, cause)
			}
		}
	})
	return err
}

var _ sdktrace.SpanProcessor = (*Sink)(nil)

// sinkStats counts what became of spans. The registry reads it; there is no second account.
type sinkStats struct {
	queueFull atomic.Uint64 // dropped: no room
	late      atomic.Uint64 // dropped: after Shutdown
	processed atomic.Uint64 // handed to the exporter
	inflight  atomic.Int64  // handed to the exporter, not finished
	exported  tally
	unseen    atomic.Uint64 // by subscribers whose buffer was full
}

func (c *sinkStats) lost(n int, closed bool) {
	switch {
	case n == 0:
	case closed:
		c.late.Add(uint64(n))
	default:
		c.queueFull.Add(uint64(n))
	}
}

// tally counts finished exports: what arrived, and what did not by error.type.
type tally struct {
	mu      sync.Mutex
	arrived uint64
	failed  map[string]uint64
}

// add accounts for n, of which failed were lost to errType.
func (t *tally) add(n, failed int, errType string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.arrived += uint64(n - failed)
	if failed > 0 {
		if t.failed == nil {
			t.failed = make(map[string]uint64)
		}
		t.failed[errType] += uint64(failed)
	}
}

func (t *tally) read() (arrived uint64, failed map[string]uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.arrived, maps.Clone(t.failed)
}

// lost is the sum of what failed.
func (t *tally) lost() (n uint64) {
	_, failed := t.read()
	for _, f := range failed {
		n += f
	}
	return n
}
