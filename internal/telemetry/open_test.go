package telemetry

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// next calls Next with room for 64 spans.
func next(t *testing.T, s *Subscription) (got []Span, missed uint64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	buf := make([]Span, 64)
	n, missed, err := s.Next(ctx, buf)
	if err != nil {
		t.Fatal(err)
	}
	return buf[:n], missed
}

func TestSubscriberReceivesEventsAndErrors(t *testing.T) {
	s := new(Sink)
	limits := sdktrace.NewSpanLimits()
	limits.EventCountLimit = 2
	tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(s), sdktrace.WithRawSpanLimits(limits)).Tracer("scope")
	sub := s.Subscribe(8)
	defer sub.Close()
	_, span := tracer.Start(t.Context(), "work")
	span.AddEvent("too many")
	span.AddEvent("cache miss", trace.WithAttributes(attribute.String("cache", "L2")), trace.WithTimestamp(time.Unix(7, 0)))
	span.RecordError(errors.New("no luck"))
	span.End()
	got, _ := next(t, sub)
	if len(got) != 2 || !got[0].Open || got[1].Open {
		t.Fatalf("%+v", got)
	}
	e := got[1].Events
	if len(e) != 2 || got[1].DroppedEvents != 1 || e[0].Name != "cache miss" || !e[0].Time.Equal(time.Unix(7, 0)) || len(e[0].Attributes) != 1 || e[1].Name != "exception" {
		t.Errorf("%d dropped, %+v", got[1].DroppedEvents, e)
	}
}

// SetOpen's function provides the spans that started before a subscription, to each new subscriber.
func TestNewSubscriberReceivesOpenSpans(t *testing.T) {
	s := new(Sink)
	open := serverRecord("waits", trace.SpanContext{}, 9)
	open.End = 0
	s.SetOpen(func(show func([]Record)) { show([]Record{open}) })
	first, second := s.Subscribe(8), s.Subscribe(8)
	for _, sub := range []*Subscription{first, second} {
		got, missed := next(t, sub)
		if len(got) != 1 || missed != 0 || !got[0].Open || !got[0].End.IsZero() || got[0].Name != "waits" {
			t.Errorf("%d, %+v", missed, got)
		}
		sub.Close()
	}
	if s.Watched() {
		t.Error("Watched is true without subscribers")
	}
	s.Show([]Record{open}) // does nothing without subscribers
}

// Show neither exports its records nor counts them as dropped.
func TestShowDoesNotExport(t *testing.T) {
	exporter := &unexpectedExporter{}
	s := NewSink(exporter, SinkOptions{MaxQueueSize: 1})
	sub := s.Subscribe(8)
	s.Show(records(3))
	if got, _ := next(t, sub); len(got) != 3 {
		t.Errorf("%d", len(got))
	}
	if n := s.queue.len() + int(s.stats.queueFull.Load()) + int(s.stats.processed.Load()); n != 0 {
		t.Errorf("%d records were queued or counted, want 0", n)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

type unexpectedExporter struct{}

func (*unexpectedExporter) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error {
	return errors.New("unexpected export")
}
func (*unexpectedExporter) Shutdown(context.Context) error { return nil }

// Next reports a loss after the spans that preceded it, and then delivers the open spans again. So
// a subscriber that forgets its open spans at a loss ends up with the right set.
func TestLossIsReportedInOrder(t *testing.T) {
	s := new(Sink)
	open := serverRecord("waits", trace.SpanContext{}, 9)
	open.End = 0
	open.SpanID = trace.SpanID{7: 200}
	calls := 0
	s.SetOpen(func(show func([]Record)) { calls++; show([]Record{open}) })
	sub := s.Subscribe(4)
	defer sub.Close()
	s.Emit(records(5)) // the buffer holds the open span and three of these: two are dropped
	first, missed := next(t, sub)
	if len(first) != 4 || missed != 2 {
		t.Fatalf("%d spans, %d missed", len(first), missed)
	}
	again, missed := next(t, sub)
	if len(again) != 1 || missed != 0 || !again[0].Open || calls != 2 {
		t.Errorf("%d missed, SetOpen's function called %d times, want 2; %+v", missed, calls, again)
	}

	// A loss is not reported before the spans that preceded it.
	s.Emit(records(9))
	small := make([]Span, 1)
	var order []uint64
	for range 4 {
		_, missed, err := sub.Next(t.Context(), small)
		if err != nil {
			t.Fatal(err)
		}
		order = append(order, missed)
	}
	if order[0]+order[1]+order[2] != 0 || order[3] != 5 {
		t.Errorf("missed per call: %v, want [0 0 0 5]", order)
	}
}
