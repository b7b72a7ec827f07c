// Package setup is what the examples have in common and what none of them is
// about: it starts telemetry, connects to the server of the local stack, and
// stops both again.
//
// Where things are comes from the environment, which the local stack sets, or
// else is where the local stack puts them: the server in MINI_REDIS_ADDR
// (127.0.0.1:6379), the collector in OTEL_EXPORTER_OTLP_ENDPOINT
// (127.0.0.1:4317), Jaeger's pages in MINI_REDIS_JAEGER (http://127.0.0.1:16686).
package setup

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/trace"

	"mini-redis/internal/program"
	"mini-redis/internal/telemetry"
	"mini-redis/resptrace"
)

// flushTimeout bounds how long a collector that hangs can hold up an example.
const flushTimeout = 2 * time.Second

// App is an example's surroundings.
type App struct {
	// Redis is a client whose calls are traced, across the wire.
	Redis *redis.Client
	// Tracer makes the example's own spans.
	Tracer trace.Tracer

	telemetry *telemetry.Telemetry
	jaeger    string
}

// Start makes the surroundings of the example of that name. It sends one PING,
// untraced, so that a server that is away is an error here and not later.
func Start(ctx context.Context, name string, getenv func(string) string) (*App, error) {
	t, err := telemetry.Start(ctx, telemetry.Options{
		Service: name, Version: program.Number(), Getenv: getenv,
		Logger: slog.New(slog.DiscardHandler), // Flush returns what could not be delivered
	})
	if err != nil {
		return nil, err
	}
	redis.SetLogger(silent{}) // what go-redis would print is in the errors it returns
	client := redis.NewClient(&redis.Options{
		Addr:          orElse(getenv("MINI_REDIS_ADDR"), "127.0.0.1:6379"),
		DialerRetries: 1,
	})
	err = resptrace.Instrument(client,
		resptrace.WithTracerProvider(t.TracerProvider()),
		resptrace.WithMeterProvider(t.MeterProvider()),
		resptrace.WithPropagator(t.Propagator()),
		resptrace.WithFilter(func(cmd redis.Cmder) bool { return cmd.Name() != "ping" }))
	a := &App{
		Redis: client, Tracer: t.TracerProvider().Tracer(name), telemetry: t,
		jaeger: orElse(getenv("MINI_REDIS_JAEGER"), "http://127.0.0.1:16686"),
	}
	if err == nil {
		err = client.Ping(ctx).Err()
	}
	if err != nil {
		a.Close()
		return nil, fmt.Errorf("no Redis at %s: %w (go run ./services/stack starts one)", client.Options().Addr, err)
	}
	return a, nil
}

// Link is where a span's trace can be looked at.
func (a *App) Link(span trace.Span) string {
	return strings.TrimRight(a.jaeger, "/") + "/trace/" + span.SpanContext().TraceID().String()
}

// Flush delivers what was traced so far and ends telemetry: later calls are not
// traced. The connection stays open.
func (a *App) Flush() error {
	ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
	defer cancel()
	if err := a.telemetry.Shutdown(ctx); err != nil {
		return fmt.Errorf("the trace was not delivered (go run ./services/stack starts a collector): %w", err)
	}
	return nil
}

// Close flushes and disconnects.
func (a *App) Close() error { return errors.Join(a.Flush(), a.Redis.Close()) }

type silent struct{}

// Printf implements go-redis's logger.
func (silent) Printf(context.Context, string, ...any) {}

func orElse(value, standard string) string {
	if value != "" {
		return value
	}
	return standard
}
