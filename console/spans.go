package console

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// SpanSource is where a program's spans are to be had, lossy, as they begin and
// end.
type SpanSource interface {
	// Subscribe starts a view that holds up to buffer spans between two reads. What
	// is open already is told first, as far as the source knows it.
	Subscribe(buffer int) SpanStream
}

// SpanStream is one view of the spans. One goroutine reads it.
type SpanStream interface {
	// Next waits for at least one span, fills dst and returns how many it wrote,
	// and how many were lost. Among those may be the ends of spans that were told as
	// open so far: they are forgotten then, and what is still open is told again.
	// Next returns io.EOF at the end of the source, and the context's error.
	Next(ctx context.Context, dst []Span) (n int, missed uint64, err error)
	Close()
}

// Span is a span that has ended, or, where the source tells of those, one that
// is open: it is told again, with the same ids, when it ends.
type Span struct {
	Name       string
	Context    trace.SpanContext
	Parent     trace.SpanContext // not valid for a root
	Kind       trace.SpanKind
	Start, End time.Time
	Status     codes.Code
	Attributes []attribute.KeyValue
	Scope      string
	Open       bool // it has not ended: End is zero
	Events     []SpanEvent
	// DroppedEvents counts events that the program made and did not keep.
	DroppedEvents int
}

// SpanEvent is something that happened in a span.
type SpanEvent struct {
	Name       string
	Time       time.Time
	Attributes []attribute.KeyValue
}
