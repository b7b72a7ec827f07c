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

// The server's span as both ways make it: ten attributes, of which a record carries five as numbers and the rest by its describer.
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

// discard takes spans as an exporter does that costs nothing.
type discard struct{}

func (discard) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error { return nil }
func (discard) Shutdown(context.Context) error                             { return nil }

var benchQueue = SinkOptions{MaxQueueSize: 2048, MaxExportBatchSize: 512}

// fill writes one record as a server would.
func fill(r *Record, parent trace.SpanContext, i int) {
	now := time.Now().UnixNano()
	*r = Record{
		TraceID: parent.TraceID(), Parent: parent.SpanID(), ParentRemote: true, Flags: trace.FlagsSampled, Kind: trace.SpanKindServer,
		Start: now - 1000, End: now, Describer: benchDescriber{}, Data: [8]int64{1, 2, 3, 4, 5},
	}
	binary.LittleEndian.PutUint64(r.SpanID[:], uint64(i)+1)
}

// BenchmarkEmit is what a span costs the hot path: filling a record, clock included, and its share of an Emit.
func BenchmarkEmit(b *testing.B) {
	for _, size := range []int{1, 16, 128} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			s := NewSink(discard{}, benchQueue)
			defer s.Shutdown(b.Context())
			batch, parent := make([]Record, size), sampled()
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				fill(&batch[i%size], parent, i)
				if i%size == size-1 {
					s.Emit(batch)
				}
				rest(b, s, i)
			}
		})
	}
}

// BenchmarkEmitFull is the cost of a span that finds no room.
func BenchmarkEmitFull(b *testing.B) {
	stuck := newStuckExporter()
	s := NewSink(stuck, SinkOptions{MaxQueueSize: 1, MaxExportBatchSize: 1})
	defer s.Shutdown(b.Context())
	defer close(stuck.release)
	one := records(1)
	b.ReportAllocs()
	for b.Loop() {
		s.Emit(one)
	}
}

// BenchmarkNobody is Emit when nothing is exported and nobody has subscribed.
func BenchmarkNobody(b *testing.B) {
	s, one := new(Sink), records(1)
	b.ReportAllocs()
	for b.Loop() {
		s.Emit(one)
	}
}

// sdkSpan makes the span that fill makes a record of.
func sdkSpan(ctx context.Context, tracer trace.Tracer) {
	_, span := tracer.Start(ctx, "GET", trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(fixed...))
	span.SetAttributes(phases([8]int64{1, 2, 3, 4, 5})...)
	span.End()
}

// BenchmarkSDK is the same span by the SDK: into the sink, and into the SDK's own batch processor.
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
			rest(b, processor, i)
		}
	}
	b.Run("sink", func(b *testing.B) {
		run(b, NewSink(discard{}, benchQueue))
	})
	b.Run("batch-processor", func(b *testing.B) {
		run(b, sdktrace.NewBatchSpanProcessor(discard{}, sdktrace.WithMaxQueueSize(benchQueue.MaxQueueSize)))
	})
}

// BenchmarkConvert is a record's share of the exporting goroutine, marshalling excluded.
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

// gather is a span processor that keeps a batch of spans.
type gather struct{ spans []sdktrace.ReadOnlySpan }

func (*gather) OnStart(context.Context, sdktrace.ReadWriteSpan) {}
func (g *gather) OnEnd(s sdktrace.ReadOnlySpan)                 { g.spans = append(g.spans, s) }
func (*gather) Shutdown(context.Context) error                  { return nil }
func (*gather) ForceFlush(context.Context) error                { return nil }

// BenchmarkWholeWay is all of a span's processor time, from its making to OTLP bytes, on one goroutine: hot path and export together.
func BenchmarkWholeWay(b *testing.B) {
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
		g := &gather{}
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

// rest lets the exporting goroutine catch up, off the clock, before the queue is full: what is measured is spans that are kept.
func rest(b *testing.B, p sdktrace.SpanProcessor, i int) {
	if i%(benchQueue.MaxQueueSize/2) == 0 {
		b.StopTimer()
		if err := p.ForceFlush(context.Background()); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// TestEmitAllocatesNothing holds what the benchmark shows.
func TestEmitAllocatesNothing(t *testing.T) {
	s := NewSink(discard{}, SinkOptions{MaxQueueSize: 64, ScheduleDelay: time.Hour})
	defer s.Shutdown(t.Context())
	batch, parent := make([]Record, 4), sampled()
	if n := testing.AllocsPerRun(100, func() {
		for i := range batch {
			fill(&batch[i], parent, i)
		}
		s.Emit(batch)
	}); n != 0 {
		t.Errorf("%v allocations an Emit, want 0", n)
	}
}
