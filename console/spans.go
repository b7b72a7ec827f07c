package console

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// SpanSource is where a program's finished spans are to be had, lossy, as they
// end.
type SpanSource interface {
	// Subscribe starts a view that holds up to buffer spans between two reads.
	Subscribe(buffer int) SpanStream
}

// SpanStream is one view of the spans. One goroutine reads it.
type SpanStream interface {
	// Next waits for at least one span, fills dst and returns how many it wrote,
	// and how many were lost since the last call. It returns io.EOF at the end of
	// the source, and the context's error.
	Next(ctx context.Context, dst []Span) (n int, missed uint64, err error)
	Close()
}

// Span is a finished span.
type Span struct {
	Name       string
	Context    trace.SpanContext
	Parent     trace.SpanContext // not valid for a root
	Kind       trace.SpanKind
	Start, End time.Time
	Status     codes.Code
	Attributes []attribute.KeyValue
	Scope      string
}
