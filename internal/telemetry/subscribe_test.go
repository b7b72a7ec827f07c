package telemetry

import (
	"context"
	"errors"
	"io"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

func TestSubscriberReceivesSDKSpansAndRecords(t *testing.T) {
	s := new(Sink) // without an exporter
	if s.Enabled() {
		t.Error("Enabled is true without an exporter and without subscribers")
	}
	sub := s.Subscribe(8)
	if !s.Enabled() {
		t.Error("Enabled is false with a subscriber")
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(s))
	_, span := provider.Tracer("scope").Start(t.Context(), "sdk", trace.WithAttributes(attribute.Int("n", 1)))
	span.End()
	s.Emit([]Record{serverRecord("record", span.SpanContext(), 5)})

	var got [4]Span
	n, missed, err := sub.Next(t.Context(), got[:])
	if n != 3 || missed != 0 || err != nil {
		t.Fatalf("Next: %d, %d, %v", n, missed, err)
	}
	if !got[0].Open || !got[0].End.IsZero() || !got[0].Context.Equal(span.SpanContext()) {
		t.Errorf("SDK span at its start: %+v", got[0])
	}
	copy(got[:], got[1:])
	if got[0].Open || got[0].Name != "sdk" || got[0].Scope != "scope" || len(got[0].Attributes) != 1 || !got[0].Context.Equal(span.SpanContext()) {
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
		t.Error("Enabled is true after Close")
	}
}

func TestSlowSubscriberLearnsHowManyItMissed(t *testing.T) {
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
	if got := s.stats.subscriberDropped.Load(); got != 3 {
		t.Errorf("%d counted, want 3", got)
	}
	slow.Close()
	s.Emit(records(5))
	if n, _, err := slow.Next(t.Context(), got[:]); n != 0 || err != io.EOF {
		t.Errorf("closed: %d, %v", n, err)
	}
	if got := s.stats.subscriberDropped.Load(); got != 3 {
		t.Errorf("%d counted after Close, want 3", got)
	}
}

func TestWaitingSubscriberIsWoken(t *testing.T) {
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
	if lateSub := s.Subscribe(1); lateSub != nil {
		if _, _, err := lateSub.Next(t.Context(), make([]Span, 1)); err != io.EOF {
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
