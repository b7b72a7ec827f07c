package engine_test

import (
	"strings"
	"testing"

	"go.opentelemetry.io/otel/trace"

	"mini-redis/services/mini-redis/internal/engine"
)

// Code that keeps a context accounts for its tracestate with Bytes, which is never less than
// the length of the tracestate and costs no allocation.
func TestTraceContextBytes(t *testing.T) {
	f := func(tracestate string, most int) {
		t.Helper()
		state, err := trace.ParseTraceState(tracestate)
		if err != nil {
			t.Fatal(err)
		}
		c := engine.TraceContext{Parent: trace.SpanContext{}.WithTraceState(state)}
		if n := c.Bytes(); n < len(tracestate) || n > most {
			t.Errorf("tracestate of %d bytes: Bytes returns %d, want at most %d", len(tracestate), n, most)
		}
		if n := testing.AllocsPerRun(100, func() { c.Bytes() }); n != 0 {
			t.Errorf("Bytes allocates %v times", n)
		}
	}
	f("", 0)
	f("a=1", 100)
	f("a=1,b="+strings.Repeat("v", 256), 500)
}
