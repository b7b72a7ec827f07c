package wire

import (
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Fields are the field and value pairs of one TRACED request, flat: name,
// value, name, value. They alias the request and live as long as it does.
//
// Fields is what a server hands to its propagator's Extract.
type Fields [][]byte

var _ propagation.TextMapCarrier = Fields(nil)

// Lookup returns the first value of the field of that name, in any letter case,
// without a copy; nil when there is none or when it breaks a limit of the wire.
func (f Fields) Lookup(name string) []byte {
	value, _ := f.lookup(name)
	return value
}

// lookup also tells a field that is over the limit (nil, true) from one that was not sent.
func (f Fields) lookup(name string) (value []byte, found bool) {
	for i := 0; i+1 < len(f); i += 2 {
		if !equalFold(f[i], name) {
			continue
		}
		if len(f[i]) > MaxName || len(f[i+1]) > MaxValue {
			return nil, true
		}
		return f[i+1], true
	}
	return nil, false
}

// Get is Lookup as propagation.TextMapCarrier wants it: a copy, "" when there is none.
func (f Fields) Get(key string) string { return string(f.Lookup(key)) }

// Set does nothing: a received context is read only.
func (f Fields) Set(string, string) {}

// Keys lists the names as they came, without those over the limit and the empty ones.
func (f Fields) Keys() []string {
	keys := make([]string, 0, len(f)/2)
	for i := 0; i+1 < len(f); i += 2 {
		if n := len(f[i]); n > 0 && n <= MaxName {
			keys = append(keys, string(f[i]))
		}
	}
	return keys
}

// SpanContext reads the W3C fields traceparent and tracestate. found says that
// a traceparent was sent; the context is valid only when that was well-formed,
// so found without a valid context is what a server counts as malformed. A
// malformed tracestate is dropped and does not spoil its traceparent, as the
// recommendation asks. Nothing is allocated unless there is a tracestate.
func (f Fields) SpanContext() (sc trace.SpanContext, found bool) {
	value, found := f.lookup("traceparent")
	if !found {
		return trace.SpanContext{}, false
	}
	sc, ok := Traceparent(value)
	if !ok {
		return trace.SpanContext{}, true
	}
	if state := f.Lookup("tracestate"); len(state) > 0 {
		if ts, err := trace.ParseTraceState(string(state)); err == nil {
			sc = sc.WithTraceState(ts)
		}
	}
	return sc, true
}
