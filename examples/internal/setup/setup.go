// Package setup starts telemetry and a Redis client for the examples, connected
// to the local stack, and stops both.
//
// Environment variables set the addresses. The local stack prints them if they
// differ from the defaults: MINI_REDIS_ADDR for the server (127.0.0.1:6379),
// OTEL_EXPORTER_OTLP_ENDPOINT for the collector (127.0.0.1:4317) and
// MINI_REDIS_JAEGER for Jaeger's user interface (http://127.0.0.1:16686).
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

// flushTimeout is how long an example waits for a collector that does not answer.
const flushTimeout = 2 * time.Second

// App holds what an example needs.
type App struct {
	// Redis is a client whose calls are traced. It propagates the trace context to the server.
	Redis *redis.Client
	// Tracer creates the example's own spans.
	Tracer trace.Tracer

	telemetry *telemetry.Telemetry
	jaeger    string
}

// Start starts telemetry with name as service.name and connects to the server.
// It sends one untraced PING, so it returns an error if the server is not
// reachable.
func Start(ctx context.Context, name string, getenv func(string) string) (*App, error) {
	t, err := telemetry.Start(ctx, telemetry.Options{
		Service: name, Version: program.Number(), Getenv: getenv,
		Logger: slog.New(slog.DiscardHandler), // Flush returns export errors
	})
	if err != nil {
		return nil, err
	}
	redis.SetLogger(discardLogger{}) // the errors that go-redis returns contain the same
	client := redis.NewClient(&redis.Options{
		Addr:          valueOr(getenv("MINI_REDIS_ADDR"), "127.0.0.1:6379"),
		DialerRetries: 1,
	})
	err = resptrace.Instrument(client,
		resptrace.WithTracerProvider(t.TracerProvider()),
		resptrace.WithMeterProvider(t.MeterProvider()),
		resptrace.WithPropagator(t.Propagator()),
		resptrace.WithFilter(func(cmd redis.Cmder) bool { return cmd.Name() != "ping" }))
	a := &App{
		Redis: client, Tracer: t.TracerProvider().Tracer(name), telemetry: t,
		jaeger: valueOr(getenv("MINI_REDIS_JAEGER"), "http://127.0.0.1:16686"),
	}
	if err == nil {
		err = client.Ping(ctx).Err()
	}
	if err != nil {
		a.Close()
		return nil, fmt.Errorf("cannot connect to Redis at %s: %w (start the local stack with: go run ./services/stack)", client.Options().Addr, err)
	}
	return a, nil
}

// Link returns the URL of the span's trace in Jaeger.
func (a *App) Link(span trace.Span) string {
	return strings.TrimRight(a.jaeger, "/") + "/trace/" + span.SpanContext().TraceID().String()
}

// Flush exports all spans and stops telemetry: later calls are not traced. The
// connection stays open.
func (a *App) Flush() error {
	ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
	defer cancel()
	if err := a.telemetry.Shutdown(ctx); err != nil {
		return fmt.Errorf("exporting the trace failed (start a collector with: go run ./services/stack): %w", err)
	}
	return nil
}

// Close flushes telemetry and closes the connection.
func (a *App) Close() error { return errors.Join(a.Flush(), a.Redis.Close()) }

type discardLogger struct{}

// Printf implements go-redis's logger.
func (discardLogger) Printf(context.Context, string, ...any) {}

func valueOr(value, fallback string) string {
	if value != "" {
		return value
	}
	return fallback
}
