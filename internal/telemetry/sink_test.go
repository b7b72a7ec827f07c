package telemetry

import (
	"context"
	"errors"
	"io"
	"reflect"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

// stuckExporter holds every export until it is let go.
type stuckExporter struct {
	entered, release chan struct{}
}

func newStuckExporter() *stuckExporter {
	return &stuckExporter{entered: make(chan struct{}, 100), release: make(chan struct{})}
}

func (e *stuckExporter) ExportSpans(ctx context.Context, _ []sdktrace.ReadOnlySpan) error {
	e.entered <- struct{}{}
	select {
	case <-e.release:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (e *stuckExporter) Shutdown(context.Context) error { return nil }

func records(n int) []Record {
	out := make([]Record, n)
	for i := range out {
		out[i] = serverRecord("r", sampled(), byte(i))
	}
	return out
}

// accounted is every span the sink took, by what became of it.
func accounted(s *Sink) uint64 {
	arrived, _ := s.stats.exported.read()
	return arrived + s.stats.exported.lost() + s.stats.queueFull.Load() + s.stats.late.Load()
}

func TestAFullQueueDropsAndCountsAndNeverWaits(t *testing.T) {
	exporter := newStuckExporter()
	s := NewSink(exporter, SinkOptions{MaxQueueSize: 10, MaxExportBatchSize: 4})
	if n := s.Emit(records(4)); n != 4 {
		t.Fatalf("accepted %d of 4", n)
	}
	<-exporter.entered // the first batch has left the queue
	if n := s.Emit(records(7)); n != 7 {
		t.Errorf("accepted %d of 7", n)
	}
	if n := s.Emit(records(7)); n != 3 {
		t.Errorf("accepted %d of 7, want the 3 there is room for", n)
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
	if got := s.stats.late.Load(); got != 3 {
		t.Errorf("%d counted as already_shutdown, want 3", got)
	}
	if got := accounted(s); got != 4+7+7+1+2+1 {
		t.Errorf("%d accounted for, want 22", got)
	}
}

func TestEverySpanIsAccountedForWhenShutdownMeetsProducers(t *testing.T) {
	exporter := tracetest.NewInMemoryExporter()
	s := NewSink(keepExporter{exporter}, SinkOptions{MaxQueueSize: 64, MaxExportBatchSize: 8})
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
	arrived, _ := s.stats.exported.read()
	wg.Wait()
	if got, want := accounted(s), uint64(producers*rounds*4); got != want {
		t.Errorf("%d spans accounted for, want %d", got, want)
	}
	if got := len(exporter.GetSpans()); uint64(got) != arrived || got == 0 {
		t.Errorf("the exporter has %d spans, %d were counted", got, arrived)
	}
}

// keepExporter survives Shutdown, which makes the in-memory exporter forget.
type keepExporter struct{ *tracetest.InMemoryExporter }

func (keepExporter) Shutdown(context.Context) error { return nil }

func TestABatchLeavesWhenItIsFullAndTheRestOnFlush(t *testing.T) {
	exporter := tracetest.NewInMemoryExporter()
	s := NewSink(exporter, SinkOptions{MaxExportBatchSize: 4, ScheduleDelay: time.Hour})
	defer s.Shutdown(t.Context())
	s.Emit(records(5))
	for begin := time.Now(); len(exporter.GetSpans()) < 4; time.Sleep(time.Millisecond) {
		if time.Since(begin) > patience {
			t.Fatal("the full batch never left")
		}
	}
	if got := len(exporter.GetSpans()); got != 4 {
		t.Errorf("%d spans left before the flush, want 4", got)
	}
	if err := s.ForceFlush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := len(exporter.GetSpans()); got != 5 {
		t.Errorf("%d spans after the flush, want 5", got)
	}
}

func TestTheScheduleDelayEndsTheWait(t *testing.T) {
	exporter := newStuckExporter()
	close(exporter.release)
	s := NewSink(exporter, SinkOptions{ScheduleDelay: time.Millisecond})
	defer s.Shutdown(t.Context())
	s.Emit(records(1))
	select {
	case <-exporter.entered:
	case <-time.After(patience):
		t.Fatal("the span never left")
	}
}

func TestShutdownLeavesAnExporterThatIgnoresItsContext(t *testing.T) {
	exporter := deafExporter{make(chan struct{})}
	defer close(exporter.release)
	s := NewSink(exporter, SinkOptions{})
	s.Emit(records(1))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown: %v", err)
	}
}

type deafExporter struct{ release chan struct{} }

func (e deafExporter) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error {
	<-e.release
	return nil
}
func (deafExporter) Shutdown(context.Context) error { return nil }

func TestForceFlushHonoursItsContext(t *testing.T) {
	exporter := newStuckExporter()
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

// The embedded interface of a recordSpan is nil: a method added to it by a new SDK would panic in production. Here first.
func TestARecordAnswersEveryMethodOfASpan(t *testing.T) {
	r := serverRecord("name", sampled(), 1)
	span := &recordSpan{record: &r, name: "name"}
	v := reflect.ValueOf(span)
	for i := range reflect.TypeFor[sdktrace.ReadOnlySpan]().NumMethod() {
		m := reflect.TypeFor[sdktrace.ReadOnlySpan]().Method(i)
		if m.PkgPath != "" {
			continue // the private one
		}
		v.MethodByName(m.Name).Call(nil)
	}
	if !span.Parent().IsRemote() || span.Parent().SpanID() != sampled().SpanID() || span.SpanContext().TraceID() != sampled().TraceID() {
		t.Errorf("parent %v, context %v", span.Parent(), span.SpanContext())
	}
	r.Parent = trace.SpanID{}
	if span.Parent().IsValid() {
		t.Errorf("a root has parent %v", span.Parent())
	}
}

func TestASubscriberSeesBothKindsOfSpansAsTheyEnd(t *testing.T) {
	s := new(Sink) // no exporter: subscribers are served all the same
	if s.Enabled() {
		t.Error("enabled with nobody there")
	}
	sub := s.Subscribe(8)
	if !s.Enabled() {
		t.Error("not enabled with a subscriber")
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(s))
	_, span := provider.Tracer("scope").Start(t.Context(), "sdk", trace.WithAttributes(attribute.Int("n", 1)))
	span.End()
	s.Emit([]Record{serverRecord("record", span.SpanContext(), 5)})

	var got [4]Span
	n, missed, err := sub.Next(t.Context(), got[:])
	if n != 2 || missed != 0 || err != nil {
		t.Fatalf("Next: %d, %d, %v", n, missed, err)
	}
	if got[0].Name != "sdk" || got[0].Scope != "scope" || len(got[0].Attributes) != 1 || !got[0].Context.Equal(span.SpanContext()) {
		t.Errorf("SDK span: %+v", got[0])
	}
	if r := got[1]; r.Name != "record" || r.Scope != "server/observe" || r.Parent.SpanID() != span.SpanContext().SpanID() || r.End.Sub(r.Start) != 1500 {
		t.Errorf("record: %+v", r)
	}
	sub.Close()
	sub.Close()
	if _, _, err := sub.Next(t.Context(), got[:]); err != io.EOF {
		t.Errorf("Next after Close: %v", err)
	}
	if s.Enabled() {
		t.Error("still enabled")
	}
}

func TestASlowSubscriberMissesAndKnows(t *testing.T) {
	s := new(Sink)
	slow, other := s.Subscribe(2), s.Subscribe(100)
	defer other.Close()
	s.Emit(records(5))
	var got [8]Span
	if n, missed, err := slow.Next(t.Context(), got[:]); n != 2 || missed != 3 || err != nil {
		t.Errorf("slow: %d, %d, %v", n, missed, err)
	}
	if n, missed, err := other.Next(t.Context(), got[:]); n != 5 || missed != 0 || err != nil {
		t.Errorf("other: %d, %d, %v", n, missed, err)
	}
	if got := s.stats.unseen.Load(); got != 3 {
		t.Errorf("%d counted, want 3", got)
	}
	slow.Close()
	s.Emit(records(5))
	if n, _, err := slow.Next(t.Context(), got[:]); n != 0 || err != io.EOF {
		t.Errorf("closed: %d, %v", n, err)
	}
	if got := s.stats.unseen.Load(); got != 3 {
		t.Errorf("%d counted after Close, want 3", got)
	}
}

func TestAWaitingSubscriberIsWoken(t *testing.T) {
	s := new(Sink)
	sub := s.Subscribe(1)
	read := make(chan error)
	next := func() {
		var got [1]Span
		_, _, err := sub.Next(context.Background(), got[:])
		read <- err
	}
	go next()
	s.Emit(records(1))
	if err := <-read; err != nil {
		t.Error(err)
	}
	go next()
	_ = s.Shutdown(t.Context())
	if err := <-read; err != io.EOF {
		t.Errorf("after Shutdown: %v", err)
	}
	if late := s.Subscribe(1); late != nil {
		if _, _, err := late.Next(t.Context(), make([]Span, 1)); err != io.EOF {
			t.Errorf("subscribed after Shutdown: %v", err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	idle := new(Sink).Subscribe(1)
	if _, _, err := idle.Next(ctx, make([]Span, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
