package resptrace_test

import (
	"context"
	"runtime"
	"testing"

	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric/noop"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"mini-redis/resptrace"
)

// calls holds prepared commands for the allocation tests and benchmarks.
type calls struct {
	single redis.Cmder
	batch  []redis.Cmder
}

func newCalls(ctx context.Context) calls {
	c := calls{single: redis.NewStringCmd(ctx, "get", "k")}
	for range 16 {
		c.batch = append(c.batch, redis.NewStringCmd(ctx, "get", "k"))
	}
	return c
}

// instrumentedHooks returns the hook chain of an instrumented client, without the
// network.
func instrumentedHooks(t testing.TB, l *testTelemetry, opts ...resptrace.Option) (single redis.ProcessHook, batch redis.ProcessPipelineHook) {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1})
	t.Cleanup(func() { _ = c.Close() })
	must(t, resptrace.Instrument(c, l.options(opts...)...))
	return hooksWithoutNetwork(c)
}

// plainHooks returns the hook chain of a client without instrumentation.
func plainHooks(t testing.TB) (single redis.ProcessHook, batch redis.ProcessPipelineHook) {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1})
	t.Cleanup(func() { _ = c.Close() })
	return hooksWithoutNetwork(c)
}

// hooksWithoutNetwork adds an innermost hook that answers all commands.
func hooksWithoutNetwork(c *redis.Client) (single redis.ProcessHook, batch redis.ProcessPipelineHook) {
	c.AddHook(&answeringHook{})
	return c.Process, func(ctx context.Context, cmds []redis.Cmder) error {
		p := c.Pipeline()
		if err := p.BatchProcess(ctx, cmds...); err != nil {
			return err
		}
		_, err := p.Exec(ctx)
		return err
	}
}

// answeringHook is a hook that calls a command's Args, like writing it, and answers it.
type answeringHook struct{}

func (*answeringHook) DialHook(next redis.DialHook) redis.DialHook { return next }

func (*answeringHook) ProcessHook(redis.ProcessHook) redis.ProcessHook {
	return func(_ context.Context, cmd redis.Cmder) error {
		runtime.KeepAlive(cmd.Args())
		if hello, ok := cmd.(*redis.MapStringInterfaceCmd); ok {
			hello.SetVal(map[string]any{"tracecontext": int64(1)})
		}
		return nil
	}
}

func (*answeringHook) ProcessPipelineHook(redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(_ context.Context, cmds []redis.Cmder) error {
		for _, cmd := range cmds {
			runtime.KeepAlive(cmd.Args())
		}
		return nil
	}
}

// sendHello runs a HELLO whose reply says that the server supports TRACED.
func sendHello(t testing.TB, process redis.ProcessHook) {
	t.Helper()
	must(t, process(context.Background(), redis.NewMapStringInterfaceCmd(context.Background(), "hello", 3)))
}

func TestUnsampledCallHasNoExtraAllocations(t *testing.T) {
	ctx := unsampledContext()
	c := newCalls(ctx)
	measure := func(single redis.ProcessHook, batch redis.ProcessPipelineHook) (one, many float64) {
		sendHello(t, single)
		_, _ = single(ctx, c.single), batch(ctx, c.batch)
		one = testing.AllocsPerRun(200, func() { _ = single(ctx, c.single) })
		many = testing.AllocsPerRun(200, func() { _ = batch(ctx, c.batch) })
		return one, many
	}
	wantOne, wantMany := measure(plainHooks(t))
	gotOne, gotMany := measure(instrumentedHooks(t, newTestTelemetry(t), resptrace.WithFilter(func(redis.Cmder) bool { return true })))
	if gotOne != wantOne || gotMany != wantMany {
		t.Errorf("%v allocations for a call, %v for a batch of 16; without the hook %v and %v", gotOne, gotMany, wantOne, wantMany)
	}
}

// BenchmarkHook measures go-redis without the network, with the hook and without
// it ("none"). Metrics are on unless the name says otherwise.
func BenchmarkHook(b *testing.B) {
	sampled, _ := sampledContext()
	drop := resptrace.WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.NeverSample()))))
	keep := resptrace.WithTracerProvider(sdktrace.NewTracerProvider()) // records spans and exports none
	noMetrics := resptrace.WithMeterProvider(noop.NewMeterProvider())
	for _, c := range []struct {
		name string
		ctx  context.Context
		opts []resptrace.Option
	}{
		{"unsampled", unsampledContext(), []resptrace.Option{keep}},
		{"unsampledNoMetrics", unsampledContext(), []resptrace.Option{keep, noMetrics}},
		{"unsampledRoot", context.Background(), []resptrace.Option{drop}},
		{"sampled", sampled, []resptrace.Option{keep}},
		{"sampledNoMetrics", sampled, []resptrace.Option{keep, noMetrics}},
	} {
		b.Run(c.name, func(b *testing.B) {
			single, batch := instrumentedHooks(b, newTestTelemetry(b), c.opts...)
			benchmark(b, c.ctx, single, batch)
		})
	}
	b.Run("none", func(b *testing.B) {
		single, batch := plainHooks(b)
		benchmark(b, unsampledContext(), single, batch)
	})
}

func benchmark(b *testing.B, ctx context.Context, single redis.ProcessHook, batch redis.ProcessPipelineHook) {
	b.Helper()
	sendHello(b, single)
	c := newCalls(ctx)
	b.Run("single", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = single(ctx, c.single)
		}
	})
	b.Run("batch16", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = batch(ctx, c.batch)
		}
	})
}

// BenchmarkSpanAlone measures the SDK's cost of a span like the hook's. The
// difference to BenchmarkHook/sampledNoMetrics is the cost of the hook.
func BenchmarkSpanAlone(b *testing.B) {
	ctx, _ := sampledContext()
	tracer := sdktrace.NewTracerProvider().Tracer("")
	start := []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		attribute.String("db.operation.name", "GET"), attribute.String("db.system.name", "redis"), attribute.String("db.namespace", "0"),
		attribute.String("server.address", "127.0.0.1"), attribute.Int("server.port", 6379))}
	b.ReportAllocs()
	for b.Loop() {
		_, span := tracer.Start(ctx, "GET", start...)
		span.SetAttributes(attribute.Int64("resptrace.wait_ns", 1))
		span.End()
	}
}
