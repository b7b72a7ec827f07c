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
	w3c        bool     // the propagator reads traceparent
	fields     []string // what a span's context can be in
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
	return x
}

// read returns the caller's context, invalid when there is none. ok is false
// when a field that should hold one could not be understood.
//
// Nearly every request carries a traceparent and nothing else: that is read in
// place. Whatever else there is goes the propagator's way.
func (x *extractor) read(fields wire.Fields) (sc trace.SpanContext, ok bool) {
	if x.w3c && len(fields) == 2 {
		if value := fields.Lookup(traceparent); value != nil {
			if sc, ok = wire.Traceparent(value); !ok {
				sc = trace.SpanContext{} // whatever could be read of it
			}
			return sc, ok
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

// Extract implements command.Observer.
func (o *Observer) Extract(fields [][]byte) (trace.SpanContext, bool) {
	sc, ok := o.extract.read(fields)
	if !ok {
		o.invalid++
	}
	return sc, ok
}
