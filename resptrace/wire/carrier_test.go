package wire_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"mini-redis/resptrace/vectors"
	"mini-redis/resptrace/wire"
)

const sampled = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func fields(words ...string) wire.Fields {
	f := make(wire.Fields, len(words))
	for i, w := range words {
		f[i] = []byte(w)
	}
	return f
}

func TestFieldsOverTheLimitsAreIgnored(t *testing.T) {
	longest := strings.Repeat("v", wire.MaxValue)
	f := fields("long", longest, "longer", longest+"v", strings.Repeat("n", wire.MaxName+1), "x", "", "y", "ok", "z")
	if f.Get("long") != longest || f.Get("ok") != "z" {
		t.Error("a field within the limits is missing")
	}
	if f.Get("longer") != "" || f.Get(strings.Repeat("n", wire.MaxName+1)) != "" {
		t.Error("a field over the limits is returned")
	}
	if keys := strings.Join(f.Keys(), ","); keys != "long,longer,ok" {
		t.Errorf("keys %s", keys)
	}
}

func TestSpanContextDistinguishesMalformedFromMissing(t *testing.T) {
	for value, wantFound := range map[string]bool{sampled: true, "hello": true, "": true, strings.Repeat("0", wire.MaxValue+1): true} {
		sc, found := fields("traceparent", value).SpanContext()
		if found != wantFound || sc.IsValid() != (value == sampled) {
			t.Errorf("%.20q: found %v, valid %v", value, found, sc.IsValid())
		}
	}
	if _, found := fields("b3", "0").SpanContext(); found {
		t.Error("found a traceparent that was not sent")
	}
}

func TestContextIsPropagated(t *testing.T) {
	prop := propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})
	member, err := baggage.NewMember("plan", "free")
	if err != nil {
		t.Fatal(err)
	}
	bag, err := baggage.New(member)
	if err != nil {
		t.Fatal(err)
	}
	state, err := trace.ParseTraceState("rojo=1")
	if err != nil {
		t.Fatal(err)
	}
	sc, _ := wire.Traceparent([]byte(sampled))
	sc = sc.WithTraceState(state)
	ctx := baggage.ContextWithBaggage(trace.ContextWithRemoteSpanContext(context.Background(), sc), bag)

	var c wire.Carrier
	prop.Inject(ctx, &c)
	f, inner, err := wire.Parse(wire.AppendFields(nil, &c, []byte("GET"), []byte("k")))
	if err != nil || len(inner) != 2 {
		t.Fatalf("%q, %v", inner, err)
	}
	there := prop.Extract(context.Background(), f)
	if got := trace.SpanContextFromContext(there); !got.Equal(sc) {
		t.Errorf("context %v became %v", sc, got)
	}
	if got, _ := f.SpanContext(); !got.Equal(sc) {
		t.Errorf("SpanContext() = %v, want %v", got, sc)
	}
	if got := baggage.FromContext(there).Member("plan").Value(); got != "free" {
		t.Errorf("baggage %q", got)
	}
}

func TestCarrierEnforcesTheLimits(t *testing.T) {
	var c wire.Carrier
	c.Set("", "x")
	c.Set(strings.Repeat("n", wire.MaxName+1), "x")
	c.Set("long", strings.Repeat("v", wire.MaxValue+1))
	if c.Len() != 0 {
		t.Fatalf("%d fields over the limits", c.Len())
	}
	for i := range 2 * wire.MaxFields {
		c.Set(fmt.Sprintf("f%d", i), fmt.Sprint(i))
	}
	c.Set("F3", "three")
	if c.Len() != wire.MaxFields || c.Get("f3") != "three" || c.Get("f15") != "15" || c.Get("f16") != "" {
		t.Errorf("%d fields: %q", c.Len(), c.Keys())
	}
	f, inner, err := wire.Parse(wire.AppendFields(nil, &c, []byte("PING")))
	if err != nil || len(f) != 2*wire.MaxFields || string(inner[0]) != "PING" {
		t.Errorf("%q %q: %v", f, inner, err)
	}
}

func TestAppendWithEmptyCarrierAppendsOnlyTheCommand(t *testing.T) {
	var c wire.Carrier
	if got := fmt.Sprint(wire.Append(nil, &c, "get", "k")); got != "[get k]" {
		t.Error(got)
	}
	c.Set("traceparent", sampled)
	if got := fmt.Sprint(wire.Append(nil, &c, "get", "k")); got != "[TRACED 1 traceparent "+sampled+" get k]" {
		t.Error(got)
	}
}

// FuzzTraceparent compares Traceparent with OpenTelemetry's propagator. They
// differ in two cases of version 00. The W3C recommendation lets parsers
// ignore undefined flags, but the propagator rejects them. The recommendation
// allows nothing after the flags, but the propagator accepts a dash.
func FuzzTraceparent(f *testing.F) {
	for _, v := range vectors.Load(f).Traceparents {
		f.Add([]byte(v.Value))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		sc, ok := wire.Traceparent(value)
		ctx := propagation.TraceContext{}.Extract(context.Background(), wire.Fields{[]byte("traceparent"), value})
		want := trace.SpanContextFromContext(ctx)
		if len(value) > wire.MaxValue {
			return
		}
		reserved := ok && string(value[:2]) == "00" && (value[53] != '0' || value[54] > '3')
		dash := len(value) == len(sampled)+1 && string(value[:3]) == "00-" && value[len(sampled)] == '-'
		if !reserved && !dash && (ok != want.IsValid() || !sc.Equal(want)) {
			t.Errorf("%q: %v %v, the propagator says %v", value, sc, ok, want)
		}
	})
}

func request() [][]byte {
	return [][]byte{[]byte("TRACED"), []byte("1"), []byte("traceparent"), []byte(sampled), []byte("GET"), []byte("k")}
}

func TestReceivingDoesNotAllocate(t *testing.T) {
	good, bad := request(), request()
	bad[1] = []byte("one")
	var sink trace.SpanContext
	if n := testing.AllocsPerRun(100, func() {
		f, _, err := wire.Parse(good)
		if err != nil {
			t.Fatal(err)
		}
		sink, _ = f.SpanContext()
		if _, _, err := wire.Parse(bad); err == nil {
			t.Fatal("no error")
		}
	}); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
	if !sink.IsSampled() {
		t.Error("not sampled")
	}
}

func BenchmarkParse(b *testing.B) {
	args := request()
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := wire.Parse(args); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseAndTraceparent(b *testing.B) {
	args := request()
	b.ReportAllocs()
	for b.Loop() {
		f, _, err := wire.Parse(args)
		if err != nil {
			b.Fatal(err)
		}
		if sc, _ := f.SpanContext(); !sc.IsValid() {
			b.Fatal("invalid")
		}
	}
}

func BenchmarkPropagatorExtract(b *testing.B) {
	args := request()
	b.ReportAllocs()
	for b.Loop() {
		f, _, err := wire.Parse(args)
		if err != nil {
			b.Fatal(err)
		}
		ctx := propagation.TraceContext{}.Extract(context.Background(), f)
		if !trace.SpanContextFromContext(ctx).IsValid() {
			b.Fatal("invalid")
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	var c wire.Carrier
	c.Set("traceparent", sampled)
	dst := make([]any, 0, 8)
	b.ReportAllocs()
	for b.Loop() {
		dst = wire.Append(dst[:0], &c, "GET", "k")
	}
}
