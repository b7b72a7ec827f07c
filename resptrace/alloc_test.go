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

// calls are what the tests and benchmarks of cost do, with commands made before.
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

// hooked captures the hook that Instrument adds to a client, so that its cost
// can be measured without a network.
func hooked(t testing.TB, l *lab, opts ...resptrace.Option) (single redis.ProcessHook, batch redis.ProcessPipelineHook) {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1})
	t.Cleanup(func() { _ = c.Close() })
	must(t, resptrace.Instrument(c, l.options(opts...)...))
	return withoutNetwork(c)
}

// bare is hooked without our hook.
func bare(t testing.TB) (single redis.ProcessHook, batch redis.ProcessPipelineHook) {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1})
	t.Cleanup(func() { _ = c.Close() })
	return withoutNetwork(c)
}

// withoutNetwork puts a hook that answers below all others.
func withoutNetwork(c *redis.Client) (single redis.ProcessHook, batch redis.ProcessPipelineHook) {
	c.AddHook(&inner{})
	return c.Process, func(ctx context.Context, cmds []redis.Cmder) error {
		p := c.Pipeline()
		if err := p.BatchProcess(ctx, cmds...); err != nil {
			return err
		}
		_, err := p.Exec(ctx)
		return err
	}
}

// inner is a hook that asks for a command's arguments, as writing it would, and answers.
type inner struct{}

func (*inner) DialHook(next redis.DialHook) redis.DialHook { return next }

func (*inner) ProcessHook(redis.ProcessHook) redis.ProcessHook {
	return func(_ context.Context, cmd redis.Cmder) error {
		runtime.KeepAlive(cmd.Args())
		if hello, ok := cmd.(*redis.MapStringInterfaceCmd); ok {
			hello.SetVal(map[string]any{"tracecontext": int64(1)})
		}
		return nil
	}
}

func (*inner) ProcessPipelineHook(redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(_ context.Context, cmds []redis.Cmder) error {
		for _, cmd := range cmds {
			runtime.KeepAlive(cmd.Args())
		}
		return nil
	}
}

// knowsTraced tells the hook by a HELLO that the server speaks TRACED.
func knowsTraced(t testing.TB, process redis.ProcessHook) {
	t.Helper()
	must(t, process(context.Background(), redis.NewMapStringInterfaceCmd(context.Background(), "hello", 3)))
}

func TestAnUnsampledCallAllocatesNothingMore(t *testing.T) {
	ctx := notSampled()
	c := newCalls(ctx)
	measure := func(single redis.ProcessHook, batch redis.ProcessPipelineHook) (one, many float64) {
		knowsTraced(t, single)
		_, _ = single(ctx, c.single), batch(ctx, c.batch)
		one = testing.AllocsPerRun(200, func() { _ = single(ctx, c.single) })
		many = testing.AllocsPerRun(200, func() { _ = batch(ctx, c.batch) })
		return one, many
	}
	wantOne, wantMany := measure(bare(t))
	gotOne, gotMany := measure(hooked(t, newLab(t), resptrace.WithFilter(func(redis.Cmder) bool { return true })))
	if gotOne != wantOne || gotMany != wantMany {
		t.Errorf("%v allocations for a call, %v for a batch of 16; without the hook %v and %v", gotOne, gotMany, wantOne, wantMany)
	}
}

// BenchmarkHook is the cost of the hook alone: what go-redis does in front of the network,
// without our hook and with it. Metrics are on unless the name says otherwise.
func BenchmarkHook(b *testing.B) {
	sampled, _ := inTrace()
	drop := resptrace.WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.NeverSample()))))
	keep := resptrace.WithTracerProvider(sdktrace.NewTracerProvider()) // records, and gives spans to nobody
	noMetrics := resptrace.WithMeterProvider(noop.NewMeterProvider())
	for _, c := range []struct {
		name string
		ctx  context.Context
		opts []resptrace.Option
	}{
		{"unsampled", notSampled(), []resptrace.Option{keep}},
		{"unsampledNoMetrics", notSampled(), []resptrace.Option{keep, noMetrics}},
		{"unsampledRoot", context.Background(), []resptrace.Option{drop}},
		{"sampled", sampled, []resptrace.Option{keep}},
		{"sampledNoMetrics", sampled, []resptrace.Option{keep, noMetrics}},
	} {
		b.Run(c.name, func(b *testing.B) {
			single, batch := hooked(b, newLab(b), c.opts...)
			benchmark(b, c.ctx, single, batch)
		})
	}
	b.Run("none", func(b *testing.B) {
		single, batch := bare(b)
		benchmark(b, notSampled(), single, batch)
	})
}

func benchmark(b *testing.B, ctx context.Context, single redis.ProcessHook, batch redis.ProcessPipelineHook) {
	b.Helper()
	knowsTraced(b, single)
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

// BenchmarkSpanAlone is what the SDK takes for a span like the hook's: the rest of
// BenchmarkHook/sampledNoMetrics is the hook's own.
func BenchmarkSpanAlone(b *testing.B) {
	ctx, _ := inTrace()
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
