package telemetry

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	grpccodes "google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

// blockingExporter blocks every export until release is closed.
type blockingExporter struct {
	entered, release chan struct{}
}

func newBlockingExporter() *blockingExporter {
	return &blockingExporter{entered: make(chan struct{}, 100), release: make(chan struct{})}
}

func (e *blockingExporter) ExportSpans(ctx context.Context, _ []sdktrace.ReadOnlySpan) error {
	e.entered <- struct{}{}
	select {
	case <-e.release:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (e *blockingExporter) Shutdown(context.Context) error { return nil }

func records(n int) []Record {
	out := make([]Record, n)
	for i := range out {
		out[i] = serverRecord("r", sampled(), byte(i))
	}
	return out
}

// countedSpans returns the sum of the sink's counters.
func countedSpans(s *Sink) uint64 {
	delivered, _ := s.stats.exported.read()
	return delivered + s.stats.exported.failedTotal() + s.stats.queueFull.Load() + s.stats.afterShutdown.Load()
}

func TestFullQueueDropsAndCounts(t *testing.T) {
	exporter := newBlockingExporter()
	s := NewSink(exporter, SinkOptions{MaxQueueSize: 10, MaxExportBatchSize: 4})
	if n := s.Emit(records(4)); n != 4 {
		t.Fatalf("accepted %d of 4", n)
	}
	<-exporter.entered // the first batch is out of the queue
	if n := s.Emit(records(7)); n != 7 {
		t.Errorf("accepted %d of 7", n)
	}
	if n := s.Emit(records(7)); n != 3 {
		t.Errorf("accepted %d of 7, want 3", n)
	}
	s.OnEnd(tracetest.SpanStub{SpanContext: sampled()}.Snapshot())
	if got := s.stats.queueFull.Load(); got != 5 {
		t.Errorf("%d counted as queue_full, want 5", got)
	}
	close(exporter.release)
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if n := s.Emit(records(2)); n != 0 {
		t.Errorf("accepted %d after Shutdown", n)
	}
	s.OnEnd(tracetest.SpanStub{SpanContext: sampled()}.Snapshot())
	if got := s.stats.afterShutdown.Load(); got != 3 {
		t.Errorf("%d counted as already_shutdown, want 3", got)
	}
	if got := countedSpans(s); got != 4+7+7+1+2+1 {
		t.Errorf("%d spans counted, want 22", got)
	}
}

func TestEverySpanIsCountedDuringConcurrentShutdown(t *testing.T) {
	exporter := tracetest.NewInMemoryExporter()
	s := NewSink(retainingExporter{exporter}, SinkOptions{MaxQueueSize: 64, MaxExportBatchSize: 8})
	const producers, rounds = 4, 400
	var wg sync.WaitGroup
	begun := make(chan struct{}, producers)
	for p := range producers {
		wg.Go(func() {
			batch := records(3)
			for i := range rounds {
				s.Emit(batch)
				s.OnEnd(tracetest.SpanStub{SpanContext: sampled(), Name: "sdk"}.Snapshot())
				if i == rounds/2 {
					begun <- struct{}{}
				}
			}
			_ = p
		})
	}
	<-begun
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	delivered, _ := s.stats.exported.read()
	wg.Wait()
	if got, want := countedSpans(s), uint64(producers*rounds*4); got != want {
		t.Errorf("%d spans counted, want %d", got, want)
	}
	if got := len(exporter.GetSpans()); uint64(got) != delivered || got == 0 {
		t.Errorf("the exporter has %d spans, want %d as counted", got, delivered)
	}
}

// retainingExporter keeps its spans after Shutdown, which clears the in-memory exporter.
type retainingExporter struct{ *tracetest.InMemoryExporter }

func (retainingExporter) Shutdown(context.Context) error { return nil }

func TestFullBatchIsExportedAtOnceAndTheRestOnFlush(t *testing.T) {
	exporter := tracetest.NewInMemoryExporter()
	s := NewSink(exporter, SinkOptions{MaxExportBatchSize: 4, ScheduleDelay: time.Hour})
	defer s.Shutdown(t.Context())
	s.Emit(records(5))
	for begin := time.Now(); len(exporter.GetSpans()) < 4; time.Sleep(time.Millisecond) {
		if time.Since(begin) > testTimeout {
			t.Fatal("the full batch was not exported")
		}
	}
	if got := len(exporter.GetSpans()); got != 4 {
		t.Errorf("%d spans exported before the flush, want 4", got)
	}
	if err := s.ForceFlush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := len(exporter.GetSpans()); got != 5 {
		t.Errorf("%d spans after the flush, want 5", got)
	}
}

func TestIncompleteBatchIsExportedAfterTheScheduleDelay(t *testing.T) {
	exporter := newBlockingExporter()
	close(exporter.release)
	s := NewSink(exporter, SinkOptions{ScheduleDelay: time.Millisecond})
	defer s.Shutdown(t.Context())
	s.Emit(records(1))
	select {
	case <-exporter.entered:
	case <-time.After(testTimeout):
		t.Fatal("the span was not exported")
	}
}

func TestShutdownReturnsIfTheExporterIgnoresItsContext(t *testing.T) {
	exporter := ctxIgnoringExporter{make(chan struct{})}
	defer close(exporter.release)
	s := NewSink(exporter, SinkOptions{})
	s.Emit(records(1))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown: %v", err)
	}
}

type ctxIgnoringExporter struct{ release chan struct{} }

func (e ctxIgnoringExporter) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error {
	<-e.release
	return nil
}
func (ctxIgnoringExporter) Shutdown(context.Context) error { return nil }

func TestForceFlushEndsWithItsContext(t *testing.T) {
	exporter := newBlockingExporter()
	s := NewSink(exporter, SinkOptions{})
	defer s.Shutdown(t.Context())
	defer close(exporter.release)
	s.Emit(records(1))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := s.ForceFlush(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("ForceFlush: %v", err)
	}
}

// The embedded interface of a recordSpan is nil, so a method that a new SDK version adds to it
// would panic. This test calls every method.
func TestRecordSpanImplementsReadOnlySpan(t *testing.T) {
	r := serverRecord("name", sampled(), 1)
	span := &recordSpan{record: &r, name: "name"}
	v := reflect.ValueOf(span)
	for i := range reflect.TypeFor[sdktrace.ReadOnlySpan]().NumMethod() {
		m := reflect.TypeFor[sdktrace.ReadOnlySpan]().Method(i)
		if m.PkgPath != "" {
			continue // the private method
		}
		v.MethodByName(m.Name).Call(nil)
	}
	if !span.Parent().IsRemote() || span.Parent().SpanID() != sampled().SpanID() || span.SpanContext().TraceID() != sampled().TraceID() {
		t.Errorf("parent %v, context %v", span.Parent(), span.SpanContext())
	}
	r.Parent = trace.SpanID{}
	if span.Parent().IsValid() {
		t.Errorf("parent of a root span: %v", span.Parent())
	}
}

func TestRetryableErrors(t *testing.T) {
	f := func(err error, wantAgain bool, wantAfter time.Duration, wantType string) {
		t.Helper()
		again, after := retryable(err)
		if got := errorType(t.Context(), err); again != wantAgain || after != wantAfter || got != wantType {
			t.Errorf("%v: %v after %v, error.type %s; want %v after %v, %s", err, again, after, got, wantAgain, wantAfter, wantType)
		}
	}
	withRetryInfo, err := status.New(grpccodes.ResourceExhausted, "").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(7 * time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	f(withRetryInfo.Err(), true, 7*time.Second, "RESOURCE_EXHAUSTED")
	f(fmt.Errorf("traces export: %w", status.Error(grpccodes.Unavailable, "")), true, 0, "UNAVAILABLE")
	f(status.Error(grpccodes.Canceled, ""), true, 0, "CANCELLED")
	f(status.Error(grpccodes.InvalidArgument, ""), false, 0, "INVALID_ARGUMENT")
	f(status.Error(grpccodes.Unauthenticated, ""), false, 0, "UNAUTHENTICATED")
	f(status.Error(99, ""), false, 0, "_OTHER")
	f(errors.New("anything"), false, 0, "_OTHER")
	f(context.DeadlineExceeded, false, 0, "DEADLINE_EXCEEDED")
}
