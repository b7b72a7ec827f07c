package console

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// SpanSource provides the program's spans as they start and end. Delivery is lossy.
type SpanSource interface {
	// Subscribe starts a subscription that buffers up to buffer spans between two reads. It
	// delivers the spans that are already open first, as far as the source knows them.
	Subscribe(buffer int) SpanStream
}

// SpanStream is a subscription to the spans. It is used by one goroutine.
type SpanStream interface {
	// Next waits for at least one span, fills dst, and returns the number of spans written and the
	// number of spans lost since the last call. Lost spans may include the ends of spans that were
	// delivered as open. The reader must then discard its open spans; the source delivers those
	// that are still open again. Next returns io.EOF at the end of the source, and the context's
	// error when ctx is done.
	Next(ctx context.Context, dst []Span) (n int, missed uint64, err error)
	Close()
}

// Span is a span that has ended or, if the source reports open spans, one that is open. An open
// span is delivered again with the same IDs when it ends.
type Span struct {
	Name       string
	Context    trace.SpanContext
	Parent     trace.SpanContext // invalid for a root span
	Kind       trace.SpanKind
	Start, End time.Time
	Status     codes.Code
	Attributes []attribute.KeyValue
	Scope      string
	Open       bool // the span has not ended, so End is the zero time
	Events     []SpanEvent
	// DroppedEvents is the number of events of the span that the program did not keep.
	DroppedEvents int
}

// SpanEvent is an event of a span.
type SpanEvent struct {
	Name       string
	Time       time.Time
	Attributes []attribute.KeyValue
}
