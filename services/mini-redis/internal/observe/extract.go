package observe

import (
	"context"
	"slices"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"mini-redis/resptrace/wire"
)

// traceparent is the field of W3C Trace Context that identifies the caller's span.
const traceparent = "traceparent"

// extractor parses callers' contexts with the configured propagator.
type extractor struct {
	propagator propagation.TextMapPropagator
	fields     []string // the propagator's fields that identify a span
	w3c        bool     // traceparent is one of them
	w3cOnly    bool     // traceparent is the only one
}

func newExtractor(p propagation.TextMapPropagator) extractor {
	if p == nil {
		return extractor{}
	}
	x := extractor{propagator: p}
	for _, field := range p.Fields() {
		if field != "tracestate" && field != "baggage" { // they identify no span
			x.fields = append(x.fields, field)
		}
	}
	x.w3c = slices.Contains(x.fields, traceparent)
	x.w3cOnly = x.w3c && len(x.fields) == 1
	return x
}

// read returns the caller's context. It is invalid if there is none. ok is false if a
// field that identifies a span could not be parsed.
//
// Nearly every request has a traceparent and no other field, and nearly every server uses
// W3C Trace Context only: that is parsed in place, without the propagator. Baggage is
// dropped in any case: it is never recorded.
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

// compact makes a context hold no more memory than its tracestate is long. The members of
// a parsed tracestate are parts of the value as it was sent, which may be longer: parsing
// drops spaces and empty members, but not their memory.
func compact(sc trace.SpanContext, fields wire.Fields) trace.SpanContext {
	state := sc.TraceState()
	if state.Len() == 0 {
		return sc
	}
	length := -len(",")
	state.Walk(func(key, value string) bool {
		length += len(key) + len("=") + len(value) + len(",")
		return true
	})
	if length == len(fields.Lookup("tracestate")) {
		return sc
	}
	copied, err := trace.ParseTraceState(state.String())
	if err != nil {
		copied = trace.TraceState{}
	}
	return sc.WithTraceState(copied)
}

// Extract implements engine.Observer.
func (o *Observer) Extract(fields [][]byte) (trace.SpanContext, bool) {
	sc, ok := o.extract.read(fields)
	if !ok {
		o.invalid++
	}
	return compact(sc, fields), ok
}
