package observe

import (
	"context"
	"slices"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"mini-redis/resptrace/wire"
)

// traceparent is the field of W3C Trace Context that names the caller's span.
const traceparent = "traceparent"

// extractor reads a caller's context by the configured propagator.
type extractor struct {
	propagator propagation.TextMapPropagator
	fields     []string // what the propagator finds a span's context in
	w3c        bool     // traceparent is one of them
	w3cOnly    bool     // traceparent is the only one
}

func newExtractor(p propagation.TextMapPropagator) extractor {
	if p == nil {
		return extractor{}
	}
	x := extractor{propagator: p}
	for _, field := range p.Fields() {
		// tracestate only adds to a traceparent, and baggage is nobody's span.
		if field != "tracestate" && field != "baggage" {
			x.fields = append(x.fields, field)
		}
	}
	x.w3c = slices.Contains(x.fields, traceparent)
	x.w3cOnly = x.w3c && len(x.fields) == 1
	return x
}

// read returns the caller's context, invalid when there is none. ok is false
// when a field that should hold one could not be understood.
//
// Nearly every request carries a traceparent and nothing else, and nearly every
// server is set up for it: that is read in place. What other formats there
// may be in goes the propagator's way. Baggage is not even looked at in the
// first case, and dropped in the second: it is never recorded.
func (x *extractor) read(fields wire.Fields) (sc trace.SpanContext, ok bool) {
	if x.w3cOnly || x.w3c && len(fields) == 2 {
		sc, found := fields.SpanContext()
		if found || x.w3cOnly {
			return sc, !found || sc.IsValid()
		}
	}
	if x.propagator == nil {
		return trace.SpanContext{}, true
	}
	sc = trace.SpanContextFromContext(x.propagator.Extract(context.Background(), fields))
	if sc.IsValid() {
		return sc, true
	}
	for _, name := range x.fields {
		if fields.Lookup(name) != nil {
			return trace.SpanContext{}, false
		}
	}
	return trace.SpanContext{}, true
}

// Extract implements engine.Observer.
func (o *Observer) Extract(fields [][]byte) (trace.SpanContext, bool) {
	sc, ok := o.extract.read(fields)
	if !ok {
		o.invalid++
	}
	return sc, ok
}
