package wire

import (
	"mini-redis/internal/ascii"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Fields holds the field and value pairs of one TRACED request as a flat list:
// name, value, name, value. The slices alias the request, so they are valid only
// as long as the request's buffer.
//
// A server passes Fields to its propagator's Extract.
type Fields [][]byte

var _ propagation.TextMapCarrier = Fields(nil)

// Lookup returns the value of the first field with that name, in any letter case,
// without copying. It returns nil if there is no such field or if the field
// exceeds MaxName or MaxValue.
func (f Fields) Lookup(name string) []byte {
	value, _ := f.lookup(name)
	return value
}

// lookup also reports whether the field was sent: it returns (nil, true) for a field that exceeds a
// limit.
func (f Fields) lookup(name string) (value []byte, found bool) {
	for i := 0; i+1 < len(f); i += 2 {
		if !ascii.EqualFold(f[i], name) {
			continue
		}
		if len(f[i]) > MaxName || len(f[i+1]) > MaxValue {
			return nil, true
		}
		return f[i+1], true
	}
	return nil, false
}

// Get implements propagation.TextMapCarrier. It returns a copy of the result of
// Lookup, or "" if there is none.
func (f Fields) Get(key string) string { return string(f.Lookup(key)) }

// Set does nothing: a received context is read-only.
func (f Fields) Set(string, string) {}

// Keys returns the field names as received, without empty names and names longer than MaxName.
func (f Fields) Keys() []string {
	keys := make([]string, 0, len(f)/2)
	for i := 0; i+1 < len(f); i += 2 {
		if n := len(f[i]); n > 0 && n <= MaxName {
			keys = append(keys, string(f[i]))
		}
	}
	return keys
}

// SpanContext parses the W3C fields traceparent and tracestate. found reports
// whether a traceparent was sent. The context is valid only if the traceparent was
// well-formed, so a server counts found without a valid context as malformed. A
// malformed tracestate is dropped and the traceparent remains valid, as the W3C
// recommendation requires. SpanContext allocates only if there is a tracestate.
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
