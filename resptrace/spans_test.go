package resptrace_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"mini-redis/resptrace"
)

// testTelemetry records the spans and metrics of a test.
type testTelemetry struct {
	t       testing.TB
	spans   *tracetest.InMemoryExporter
	tracers *sdktrace.TracerProvider
	reader  *sdkmetric.ManualReader
	meters  *sdkmetric.MeterProvider
}

func newTestTelemetry(t testing.TB) *testTelemetry {
	t.Helper()
	l := &testTelemetry{t: t, spans: tracetest.NewInMemoryExporter(), reader: sdkmetric.NewManualReader()}
	// The sampler always samples, so an unsampled call must not reach the tracer.
	l.tracers = sdktrace.NewTracerProvider(sdktrace.WithSyncer(l.spans), sdktrace.WithSampler(sdktrace.AlwaysSample()))
	l.meters = sdkmetric.NewMeterProvider(sdkmetric.WithReader(l.reader))
	return l
}

// options returns options that record to l and propagate W3C contexts.
func (l *testTelemetry) options(more ...resptrace.Option) []resptrace.Option {
	return append([]resptrace.Option{
		resptrace.WithTracerProvider(l.tracers),
		resptrace.WithMeterProvider(l.meters),
		resptrace.WithPropagator(propagation.TraceContext{}),
	}, more...)
}

// client returns an instrumented client of s. It does not retry, so any repeated
// command comes from the hook.
func (l *testTelemetry) client(s *server, change func(*redis.Options), more ...resptrace.Option) *redis.Client {
	l.t.Helper()
	o := &redis.Options{Addr: s.addr, MaxRetries: -1, PipelinePoolSize: -1}
	if change != nil {
		change(o)
	}
	c := redis.NewClient(o)
	l.t.Cleanup(func() { _ = c.Close() })
	if err := resptrace.Instrument(c, l.options(more...)...); err != nil {
		l.t.Fatal(err)
	}
	return c
}

// sampledContext returns a context with a sampled span context, whose span is not exported.
func sampledContext() (context.Context, trace.SpanContext) {
	return contextWithFlags(trace.FlagsSampled)
}

// unsampledContext returns a context with a span context that is not sampled.
func unsampledContext() context.Context {
	ctx, _ := contextWithFlags(0)
	return ctx
}

func contextWithFlags(flags trace.TraceFlags) (context.Context, trace.SpanContext) {
	sc := trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{0x0a, 0xf7, 1}, SpanID: trace.SpanID{0xb7, 0xad}, TraceFlags: flags,
	})
	return trace.ContextWithSpanContext(context.Background(), sc), sc
}

// takeSpans returns the spans that ended since the last call, in the order of their ends.
func (l *testTelemetry) takeSpans() tracetest.SpanStubs {
	spans := l.spans.GetSpans()
	l.spans.Reset()
	return spans
}

// takeNames returns the names of the spans that takeSpans returns.
func (l *testTelemetry) takeNames() []string {
	var names []string
	for _, s := range l.takeSpans() {
		names = append(names, s.Name)
	}
	return names
}

// takeSpan returns the only span since the last call. The test fails if there is not exactly one.
func (l *testTelemetry) takeSpan() tracetest.SpanStub {
	l.t.Helper()
	spans := l.takeSpans()
	if len(spans) != 1 {
		l.t.Fatalf("%d spans: %v", len(spans), describeAll(spans))
	}
	return spans[0]
}

// contextOf returns the traceparent of a span.
func contextOf(s tracetest.SpanStub) string {
	return fmt.Sprintf("00-%s-%s-01", s.SpanContext.TraceID(), s.SpanContext.SpanID())
}

// describe formats a span as one line: name, kind, sorted attributes and status.
// It omits ports, addresses and times, which vary.
func describe(s tracetest.SpanStub) string {
	var attrs []string
	for _, a := range s.Attributes {
		switch a.Key {
		case "server.port", "network.peer.port", "server.address", "network.peer.address", "resptrace.wait_ns":
			continue
		}
		attrs = append(attrs, string(a.Key)+"="+a.Value.String())
	}
	slices.Sort(attrs)
	line := s.Name + " " + s.SpanKind.String() + " " + strings.Join(attrs, " ")
	if s.Status.Code != codes.Unset {
		line += " " + s.Status.Code.String() + s.Status.Description
	}
	return line
}

func describeAll(spans tracetest.SpanStubs) []string {
	var lines []string
	for _, s := range spans {
		lines = append(lines, describe(s))
	}
	return lines
}

func attr(s tracetest.SpanStub, key attribute.Key) attribute.Value {
	for _, a := range s.Attributes {
		if a.Key == key {
			return a.Value
		}
	}
	return attribute.Value{}
}

// must fails the test if err is neither nil nor one of allowed.
func must(t testing.TB, err error, allowed ...error) {
	t.Helper()
	if err != nil && !slices.Contains(allowed, err) {
		t.Fatal(err)
	}
}

func withoutPropagator() resptrace.Option {
	return resptrace.WithPropagator(propagation.NewCompositeTextMapPropagator())
}
