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

// lab is where a test's spans and metrics go.
type lab struct {
	t       testing.TB
	spans   *tracetest.InMemoryExporter
	tracers *sdktrace.TracerProvider
	reader  *sdkmetric.ManualReader
	meters  *sdkmetric.MeterProvider
}

func newLab(t testing.TB) *lab {
	t.Helper()
	l := &lab{t: t, spans: tracetest.NewInMemoryExporter(), reader: sdkmetric.NewManualReader()}
	// Whoever asks this sampler gets a span: who should have none must not ask.
	l.tracers = sdktrace.NewTracerProvider(sdktrace.WithSyncer(l.spans), sdktrace.WithSampler(sdktrace.AlwaysSample()))
	l.meters = sdkmetric.NewMeterProvider(sdkmetric.WithReader(l.reader))
	return l
}

// options send everything to the lab and put W3C contexts on the wire.
func (l *lab) options(more ...resptrace.Option) []resptrace.Option {
	return append([]resptrace.Option{
		resptrace.WithTracerProvider(l.tracers),
		resptrace.WithMeterProvider(l.meters),
		resptrace.WithPropagator(propagation.TraceContext{}),
	}, more...)
}

// client makes a client of s and instruments it. It does not retry, so that
// nothing it sends twice can be mistaken for the hook's doing.
func (l *lab) client(s *server, change func(*redis.Options), more ...resptrace.Option) *redis.Client {
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

// inTrace is a context within a sampled span of the test's own, which is not exported.
func inTrace() (context.Context, trace.SpanContext) { return inTraceWith(trace.FlagsSampled) }

// notSampled is a context within a trace that nobody records.
func notSampled() context.Context {
	ctx, _ := inTraceWith(0)
	return ctx
}

func inTraceWith(flags trace.TraceFlags) (context.Context, trace.SpanContext) {
	sc := trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{0x0a, 0xf7, 1}, SpanID: trace.SpanID{0xb7, 0xad}, TraceFlags: flags,
	})
	return trace.ContextWithSpanContext(context.Background(), sc), sc
}

// ended returns the spans so far in the order of their ends, and forgets them.
func (l *lab) ended() tracetest.SpanStubs {
	spans := l.spans.GetSpans()
	l.spans.Reset()
	return spans
}

// names are the names of the spans so far, and forgets them.
func (l *lab) names() []string {
	var names []string
	for _, s := range l.ended() {
		names = append(names, s.Name)
	}
	return names
}

// one returns the only span so far.
func (l *lab) one() tracetest.SpanStub {
	l.t.Helper()
	spans := l.ended()
	if len(spans) != 1 {
		l.t.Fatalf("%d spans: %v", len(spans), text(spans))
	}
	return spans[0]
}

// contextOf is the traceparent by which a span continues on the wire.
func contextOf(s tracetest.SpanStub) string {
	return fmt.Sprintf("00-%s-%s-01", s.SpanContext.TraceID(), s.SpanContext.SpanID())
}

// described is a span in one line: name, kind, status and sorted attributes
// but for ports, addresses and times, which a test cannot know.
func described(s tracetest.SpanStub) string {
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

func text(spans tracetest.SpanStubs) []string {
	var lines []string
	for _, s := range spans {
		lines = append(lines, described(s))
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

// must fails the test on any error but those allowed.
func must(t testing.TB, err error, allowed ...error) {
	t.Helper()
	if err != nil && !slices.Contains(allowed, err) {
		t.Fatal(err)
	}
}

func noPropagator() resptrace.Option {
	return resptrace.WithPropagator(propagation.NewCompositeTextMapPropagator())
}
