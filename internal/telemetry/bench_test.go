package telemetry

import (
	"context"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Both ways create the server's span: ten attributes. A record carries five of them as numbers; its
// Describer adds the others.
type benchDescriber struct{}

func (benchDescriber) Describe(r *Record) (string, []attribute.KeyValue) {
	return "GET", append(phases(r.Data), fixed...)
}

var fixed = []attribute.KeyValue{
	attribute.String("db.system.name", "redis"), attribute.String("db.operation.name", "GET"), attribute.String("db.namespace", "0"),
	attribute.String("server.address", "127.0.0.1"), attribute.Int("server.port", 6379),
}

func phases(d [8]int64) []attribute.KeyValue {
	return append(make([]attribute.KeyValue, 0, 10),
		attribute.Int64("mini_redis.phase.queue_ns", d[0]), attribute.Int64("mini_redis.phase.lock_ns", d[1]),
		attribute.Int64("mini_redis.phase.blocked_ns", d[2]), attribute.Int64("mini_redis.phase.exec_ns", d[3]),
		attribute.Int64("mini_redis.phase.flush_ns", d[4]))
}

// discardExporter discards all spans.
type discardExporter struct{}

func (discardExporter) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error { return nil }
func (discardExporter) Shutdown(context.Context) error                             { return nil }

var benchQueue = SinkOptions{MaxQueueSize: 2048, MaxExportBatchSize: 512}

// fill writes one record as the server does.
func fill(r *Record, parent trace.SpanContext, i int) {
	now := time.Now().UnixNano()
	*r = Record{
		TraceID: parent.TraceID(), Parent: parent.SpanID(), ParentRemote: true, Flags: trace.FlagsSampled, Kind: trace.SpanKindServer,
		Start: now - 1000, End: now, Describer: benchDescriber{}, Data: [8]int64{1, 2, 3, 4, 5},
	}
	binary.LittleEndian.PutUint64(r.SpanID[:], uint64(i)+1)
}

// BenchmarkEmit measures the cost of a span on the hot path: filling a record, including reading
// the clock, and its share of an Emit.
func BenchmarkEmit(b *testing.B) {
	for _, size := range []int{1, 16, 128} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			s := NewSink(discardExporter{}, benchQueue)
			defer s.Shutdown(b.Context())
			batch, parent := make([]Record, size), sampled()
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				fill(&batch[i%size], parent, i)
				if i%size == size-1 {
					s.Emit(batch)
				}
				waitForExporter(b, s, i)
			}
		})
	}
}

// BenchmarkEmitFull measures the cost of a span that is dropped because the queue is full.
func BenchmarkEmitFull(b *testing.B) {
	stuck := newBlockingExporter()
	s := NewSink(stuck, SinkOptions{MaxQueueSize: 1, MaxExportBatchSize: 1})
	defer s.Shutdown(b.Context())
	defer close(stuck.release)
	one := records(1)
	b.ReportAllocs()
	for b.Loop() {
		s.Emit(one)
	}
}

// BenchmarkEmitWithoutExporter measures Emit without an exporter and without subscribers.
func BenchmarkEmitWithoutExporter(b *testing.B) {
	s, one := new(Sink), records(1)
	b.ReportAllocs()
	for b.Loop() {
		s.Emit(one)
	}
}

// sdkSpan creates the same span as fill with the SDK.
func sdkSpan(ctx context.Context, tracer trace.Tracer) {
	_, span := tracer.Start(ctx, "GET", trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(fixed...))
	span.SetAttributes(phases([8]int64{1, 2, 3, 4, 5})...)
	span.End()
}

// BenchmarkSDK measures the same span with the SDK: with the sink as its processor, and with the
// SDK's batch span processor.
func BenchmarkSDK(b *testing.B) {
	run := func(b *testing.B, processor sdktrace.SpanProcessor) {
		b.Helper()
		provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(processor))
		defer provider.Shutdown(context.Background())
		tracer := provider.Tracer("bench")
		ctx := trace.ContextWithRemoteSpanContext(b.Context(), sampled())
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			sdkSpan(ctx, tracer)
			waitForExporter(b, processor, i)
		}
	}
	b.Run("sink", func(b *testing.B) {
		run(b, NewSink(discardExporter{}, benchQueue))
	})
	b.Run("batch-processor", func(b *testing.B) {
		run(b, sdktrace.NewBatchSpanProcessor(discardExporter{}, sdktrace.WithMaxQueueSize(benchQueue.MaxQueueSize)))
	})
}

// BenchmarkConvert measures a record's cost on the exporting goroutine, without marshalling.
func BenchmarkConvert(b *testing.B) {
	o := benchQueue.withDefaults()
	c := converter{limits: *o.Limits, resource: o.Resource}
	items := make([]item, 512)
	for i := range items {
		fill(&items[i].record, sampled(), i)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%len(items) == 0 {
			c.convert(items)
		}
	}
}

// marshaller is the OTLP exporter's client without a network.
type marshaller struct{}

func (marshaller) Start(context.Context) error { return nil }
func (marshaller) Stop(context.Context) error  { return nil }
func (marshaller) UploadTraces(_ context.Context, spans []*tracepb.ResourceSpans) error {
	_, err := proto.Marshal(&coltracepb.ExportTraceServiceRequest{ResourceSpans: spans})
	return err
}

// spanCollector is a span processor that collects a batch of spans.
type spanCollector struct{ spans []sdktrace.ReadOnlySpan }

func (*spanCollector) OnStart(context.Context, sdktrace.ReadWriteSpan) {}
func (g *spanCollector) OnEnd(s sdktrace.ReadOnlySpan)                 { g.spans = append(g.spans, s) }
func (*spanCollector) Shutdown(context.Context) error                  { return nil }
func (*spanCollector) ForceFlush(context.Context) error                { return nil }

// BenchmarkEndToEnd measures the total CPU time of a span, from its creation to OTLP bytes, on one
// goroutine.
func BenchmarkEndToEnd(b *testing.B) {
	const batch = 512
	exporter := otlptrace.NewUnstarted(marshaller{})
	b.Run("record", func(b *testing.B) {
		o := benchQueue.withDefaults()
		ring, c, items := newRing(o.MaxQueueSize, batch), converter{limits: *o.Limits, resource: o.Resource}, make([]item, batch)
		one, parent := make([]Record, 1), sampled()
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			fill(&one[0], parent, i)
			ring.pushRecords(one)
			if i%batch == batch-1 {
				mustExport(b, exporter, c.convert(items[:ring.take(items)]))
			}
		}
	})
	b.Run("sdk", func(b *testing.B) {
		g := &spanCollector{}
		tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(g)).Tracer("bench")
		ctx := trace.ContextWithRemoteSpanContext(b.Context(), sampled())
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			sdkSpan(ctx, tracer)
			if i%batch == batch-1 {
				mustExport(b, exporter, g.spans)
				g.spans = g.spans[:0]
			}
		}
	})
}

func mustExport(b *testing.B, exporter sdktrace.SpanExporter, spans []sdktrace.ReadOnlySpan) {
	b.Helper()
	if err := exporter.ExportSpans(context.Background(), spans); err != nil {
		b.Fatal(err)
	}
}

// waitForExporter flushes the queue before it is full, with the timer stopped, so that no measured
// span is dropped.
func waitForExporter(b *testing.B, p sdktrace.SpanProcessor, i int) {
	if i%(benchQueue.MaxQueueSize/2) == 0 {
		b.StopTimer()
		if err := p.ForceFlush(context.Background()); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

func TestEmitAllocatesNothing(t *testing.T) {
	s := NewSink(discardExporter{}, SinkOptions{MaxQueueSize: 64, ScheduleDelay: time.Hour})
	defer s.Shutdown(t.Context())
	batch, parent := make([]Record, 4), sampled()
	if n := testing.AllocsPerRun(100, func() {
		for i := range batch {
			fill(&batch[i], parent, i)
		}
		s.Emit(batch)
	}); n != 0 {
		t.Errorf("%v allocations per Emit, want 0", n)
	}
}
