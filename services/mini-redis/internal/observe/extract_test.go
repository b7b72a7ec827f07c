package observe

import (
	"fmt"
	"strings"
	"testing"

	"go.opentelemetry.io/contrib/propagators/b3"
	"go.opentelemetry.io/otel/propagation"
)

const (
	traceHex = "0af7651916cd43dd8448eb211c80319c"
	spanHex  = "b7ad6b7169203331"
	w3c      = "00-" + traceHex + "-" + spanHex + "-01"
)

// longTracestate is close to the largest value that the wire allows: 31 members of 256 bytes.
var longTracestate = func() string {
	var members []string
	for i := range 31 {
		members = append(members, fmt.Sprintf("key%02d=%s", i, strings.Repeat("v", 250)))
	}
	return strings.Join(members, ",")
}()

func TestExtract(t *testing.T) {
	standard := propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})
	both := propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, b3.New())
	f := func(name string, p propagation.TextMapPropagator, fields []string, valid, ok bool) {
		t.Helper()
		r := newRig(t, func(o *Options) { o.Propagator = p })
		sc, parsed := r.Extract(bytesOf(fields...))
		if sc.IsValid() != valid || parsed != ok {
			t.Errorf("%s: context %v, ok %v", name, sc, parsed)
		}
		if valid && (sc.TraceID().String() != traceHex || sc.SpanID().String() != spanHex || !sc.IsRemote() || !sc.IsSampled()) {
			t.Errorf("%s: %+v", name, sc)
		}
		if !valid && sc.IsSampled() {
			t.Errorf("%s: an invalid context is sampled", name)
		}
		if counted := r.invalid == 1; counted == ok {
			t.Errorf("%s: counted as invalid: %v", name, counted)
		}
	}
	f("W3C", standard, []string{"traceparent", w3c}, true, true)
	f("mixed case", standard, []string{"TraceParent", w3c}, true, true)
	f("W3C and baggage", standard, []string{"baggage", "a=b", "traceparent", w3c}, true, true)
	f("bad traceparent", standard, []string{"traceparent", "00-xyz"}, false, false)
	f("a zero trace id", standard, []string{"traceparent", "00-00000000000000000000000000000000-" + spanHex + "-01"}, false, false)
	f("unknown fields", standard, []string{"x-request-id", "1"}, false, true)
	f("no fields", standard, nil, false, true)
	f("b3, not configured", standard, []string{"b3", traceHex + "-" + spanHex + "-1"}, false, true)
	f("b3", both, []string{"b3", traceHex + "-" + spanHex + "-1"}, true, true)
	f("W3C beside b3", both, []string{"traceparent", w3c}, true, true)
	f("bad b3", both, []string{"b3", "zzz"}, false, false)
	f("W3C, not configured", b3.New(), []string{"traceparent", w3c}, false, true)
	f("no propagator", nil, []string{"traceparent", w3c}, false, true)
}

func TestExtractTracestate(t *testing.T) {
	r := newRig(t)
	f := func(state, want string) {
		t.Helper()
		sc, ok := r.Extract(bytesOf("traceparent", w3c, "tracestate", state))
		if !ok || !sc.IsSampled() || sc.TraceState().String() != want {
			t.Errorf("tracestate %q: %v, %+v", state, ok, sc)
		}
	}
	f("a=1,b=2", "a=1,b=2")
	f("not a state", "")
	f(" a=1 ,, b=2 ", "a=1,b=2")
	f(longTracestate, longTracestate)
}

func TestExtractDoesNotAllocate(t *testing.T) {
	r := newRig(t, func(o *Options) {
		o.Propagator = propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})
	})
	for _, fields := range [][][]byte{
		bytesOf("traceparent", w3c),
		bytesOf("traceparent", w3c, "baggage", "user=4711"),
		bytesOf("traceparent", "nonsense"),
	} {
		if n := testing.AllocsPerRun(100, func() { r.Extract(fields) }); n != 0 {
			t.Errorf("%q: %g allocations", fields, n)
		}
	}
}
