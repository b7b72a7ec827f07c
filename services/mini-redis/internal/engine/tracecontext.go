package engine

import "go.opentelemetry.io/otel/trace"

// TraceContext is the caller's trace context of one request. It is the only type that
// carries it: from the fields of TRACED through a transaction's queue or a wait to the
// [Call] that the [Observer] gets.
type TraceContext struct {
	Parent trace.SpanContext // the caller's span; zero if there is none
	Traced bool              // the request came with TRACED
}

// memberBytes is the memory of an entry of a tracestate: the headers of its two strings,
// in a list whose capacity is up to twice its length.
const memberBytes = 64

// Bytes returns an upper bound of the memory that the context refers to, which is its
// tracestate. The caller chooses that length, up to 8 KiB on the wire, so code that
// keeps a context has to account for it.
func (c *TraceContext) Bytes() (n int) {
	state := c.Parent.TraceState()
	if state.Len() == 0 {
		return 0
	}
	state.Walk(func(key, value string) bool {
		n += len(key) + len(value) + len("=,") + memberBytes
		return true
	})
	return n
}
