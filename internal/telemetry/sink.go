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

// Sink receives every span of the program: records through Emit, spans of the SDK through OnEnd
// (the sink is the tracer provider's only span processor). It queues them in one bounded queue. One
// goroutine takes batches from the queue, converts records to spans, and exports them. Subscribers
// also receive spans when they start. Emit and OnEnd never block: they drop and count what does not
// fit into the queue.
//
// Every sampled span is counted in exactly one of four metrics of the OpenTelemetry SDK: exported,
// exported with an error.type, processed with error.type queue_full, or processed with error.type
// already_shutdown.
//
// The zero Sink has no exporter and only serves its subscribers.
type Sink struct {
	queue    *ring // nil without an exporter
	exporter sdktrace.SpanExporter
	options  SinkOptions
	convert  converter
	batch    []item // used only by the exporting goroutine

	stats sinkStats
	subs  subscriptions

	// ctx is the parent of the context of every export. It ends when the context of Shutdown ends.
	ctx     context.Context
	cancel  context.CancelCauseFunc
	stop    chan struct{}
	done    chan struct{}
	flushes chan chan struct{}
	once    sync.Once
}

// The defaults of the OpenTelemetry specification for a batch span processor, OTEL_BSP_*.
const (
	defaultQueueSize     = 2048
	defaultBatchSize     = 512
	defaultScheduleDelay = 5 * time.Second
	defaultExportTimeout = 30 * time.Second
)

// SinkOptions configures a Sink. OTEL_BSP_* and OTEL_SPAN_* set its fields. Zero values mean the
// defaults of the specification.
type SinkOptions struct {
	MaxQueueSize       int           // spans in the queue; further ones are dropped and counted
	MaxExportBatchSize int           // spans in one export, at most MaxQueueSize
	ScheduleDelay      time.Duration // maximum time between two exports if no batch is full
	ExportTimeout      time.Duration // for one batch including its retries; negative means no timeout
	Limits             *sdktrace.SpanLimits
	Resource           *resource.Resource
	Scope              instrumentation.Scope // of records whose Describer is not a Scoper
}

// NewSink starts a sink that exports to exporter. With a nil exporter it only serves subscribers.
// Start creates the program's sink; a test can pass an exporter of sdk/trace/tracetest to NewSink
// and read the exact spans.
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
	go s.exportLoop()
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

// Enabled reports whether the sink has an exporter or at least one subscriber. If not, a hot path
// may skip building records. It costs two loads.
func (s *Sink) Enabled() bool { return s.queue != nil || s.subs.hasAny() }

// Emit copies records into the queue and returns how many it accepted. It counts the others as
// dropped. It never blocks, takes no lock and does not allocate. Several goroutines may call it at
// once. Without an exporter it accepts all records.
func (s *Sink) Emit(records []Record) (accepted int) {
	if subs := s.subs.load(); subs != nil {
		subs.sendRecords(records)
	}
	if s.queue == nil || len(records) == 0 {
		return len(records)
	}
	accepted, closed := s.queue.pushRecords(records)
	s.stats.countDropped(len(records)-accepted, closed)
	return accepted
}

// Watched reports whether there are subscribers, which receive spans when they start. It costs one
// load.
func (s *Sink) Watched() bool { return s.subs.hasAny() }

// Show sends records only to subscribers. Use it for spans that have started, with End 0 (call Emit
// with the same IDs when they end), and for spans that are not exported. It never blocks.
func (s *Sink) Show(records []Record) {
	if subs := s.subs.load(); subs != nil {
		subs.sendRecords(records)
	}
}

// OnStart implements sdktrace.SpanProcessor. It sends the open span only to subscribers.
func (s *Sink) OnStart(_ context.Context, span sdktrace.ReadWriteSpan) {
	if subs := s.subs.load(); subs != nil {
		subs.sendSpan(span, true)
	}
}

// OnEnd implements sdktrace.SpanProcessor: it queues a finished span of the SDK. It never blocks.
func (s *Sink) OnEnd(span sdktrace.ReadOnlySpan) {
	if subs := s.subs.load(); subs != nil {
		subs.sendSpan(span, false)
	}
	if s.queue == nil || !span.SpanContext().IsSampled() {
		return
	}
	accepted, closed := s.queue.pushSpan(span, false)
	s.stats.countDropped(1-accepted, closed)
}

// ForceFlush exports the spans that were queued before the call. It returns the context's error if
// ctx ends first.
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

// exporterGrace is how long Shutdown waits, after its context has ended, for the exporter to
// return, so that losses are counted.
const exporterGrace = 100 * time.Millisecond

// Shutdown stops accepting spans and exports the queued ones until ctx ends. The error contains the
// number of spans that were not exported. Later calls do nothing.
func (s *Sink) Shutdown(ctx context.Context) (err error) {
	s.once.Do(func() {
		s.subs.close()
		if s.queue == nil {
			return
		}
		lostBefore := s.stats.exported.failedTotal()
		s.queue.close()
		defer context.AfterFunc(ctx, func() { s.cancel(context.Cause(ctx)) })()
		close(s.stop)
		select {
		case <-s.done:
		case <-ctx.Done():
			select {
			case <-s.done:
			case <-time.After(exporterGrace):
				err = fmt.Errorf("telemetry: the span exporter did not stop: %w", context.Cause(ctx))
				return
			}
		}
		// The queue is empty, so an error about an ended context does not matter.
		_ = s.exporter.Shutdown(ctx)
		if lost := s.stats.exported.failedTotal() - lostBefore; lost > 0 {
			err = fmt.Errorf("telemetry: undelivered spans: %d", lost)
			if cause := context.Cause(ctx); cause != nil {
				err = fmt.Errorf("%w: %w", err, cause)
			}
		}
	})
	return err
}

var _ sdktrace.SpanProcessor = (*Sink)(nil)

// sinkStats counts the outcomes of spans. selfMetrics exports these counters.
type sinkStats struct {
	queueFull         atomic.Uint64 // dropped: the queue was full
	afterShutdown     atomic.Uint64 // dropped: after Shutdown
	processed         atomic.Uint64 // passed to the exporter
	inflight          atomic.Int64  // passed to the exporter, not finished
	exported          exportCounts
	subscriberDropped atomic.Uint64 // not delivered to a subscriber: its buffer was full
}

func (c *sinkStats) countDropped(n int, closed bool) {
	switch {
	case n == 0:
	case closed:
		c.afterShutdown.Add(uint64(n))
	default:
		c.queueFull.Add(uint64(n))
	}
}

// exportCounts counts finished exports: the delivered items, and the failed ones by error.type.
type exportCounts struct {
	mu        sync.Mutex
	delivered uint64
	failed    map[string]uint64
}

// add counts n items, of which failed were not exported because of errType.
func (t *exportCounts) add(n, failed int, errType string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.delivered += uint64(n - failed)
	if failed > 0 {
		if t.failed == nil {
			t.failed = make(map[string]uint64)
		}
		t.failed[errType] += uint64(failed)
	}
}

func (t *exportCounts) read() (delivered uint64, failed map[string]uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.delivered, maps.Clone(t.failed)
}

// failedTotal returns the number of failed items over all error types.
func (t *exportCounts) failedTotal() (n uint64) {
	_, failed := t.read()
	for _, f := range failed {
		n += f
	}
	return n
}
