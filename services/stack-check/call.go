package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"mini-redis/internal/program"
	"mini-redis/internal/telemetry"
	"mini-redis/resptrace"
)

// key is the key of the GET. It does not need to exist.
const key = "stack-check"

// call is the result of the call.
type call struct {
	at      time.Time // time of the reply
	took    time.Duration
	traceID string // hexadecimal
	runID   string // run_id of the server process
	number  int64  // number of GETs the process had executed, including this one
}

// makeCall waits for the server, makes the call and exports its spans.
func makeCall(ctx context.Context, c config, getenv func(string) string) (made call, err error) {
	tel, err := telemetry.Start(ctx, telemetry.Options{
		Service: serviceName, Version: program.Number(), Getenv: getenv,
		Logger: slog.New(slog.DiscardHandler), // Shutdown returns export errors
	})
	if err != nil {
		return call{}, program.Errorf(program.ExitUsage, "%w", err)
	}
	defer func() {
		if undelivered := tel.Shutdown(ctx); undelivered != nil {
			err = errors.Join(err, fmt.Errorf("exporting the call's telemetry failed: %w", undelivered))
		}
	}()
	client, err := connect(ctx, c, tel)
	if err != nil {
		return call{}, err
	}
	defer client.Close()

	spanCtx, span := tel.TracerProvider().Tracer(serviceName).Start(ctx, "check")
	if !span.SpanContext().IsSampled() {
		return call{}, errors.New("the call is not sampled: check OTEL_TRACES_SAMPLER and OTEL_SDK_DISABLED")
	}
	made.traceID = span.SpanContext().TraceID().String()
	began := time.Now()
	err = client.Get(spanCtx, key).Err()
	made.at, made.took = time.Now(), time.Since(began)
	span.End()
	if err != nil && !errors.Is(err, redis.Nil) {
		return call{}, fmt.Errorf("GET: %w", err)
	}
	info, err := client.Info(ctx, "server", "commandstats").Result()
	if err != nil {
		return call{}, fmt.Errorf("INFO: %w", err)
	}
	made.runID, made.number, err = readInfo(info)
	return made, err
}

// connect waits until the server answers and returns a client that traces only GET.
func connect(ctx context.Context, c config, tel *telemetry.Telemetry) (*redis.Client, error) {
	redis.SetLogger(discardLogger{})
	client := redis.NewClient(&redis.Options{Addr: c.addr, Password: c.password, MaxRetries: -1, DialerRetries: 1})
	err := resptrace.Instrument(client,
		resptrace.WithTracerProvider(tel.TracerProvider()),
		resptrace.WithMeterProvider(tel.MeterProvider()),
		resptrace.WithPropagator(tel.Propagator()),
		resptrace.WithFilter(func(cmd redis.Cmder) bool { return cmd.Name() == "get" }))
	if err != nil {
		return nil, err
	}
	err = poll(ctx, "the server at "+c.addr, func() (string, error) { return "", client.Ping(ctx).Err() })
	return client, err
}

var (
	runID    = regexp.MustCompile(`(?m)^run_id:([0-9a-f]+)`)
	getCalls = regexp.MustCompile(`(?m)^cmdstat_get:calls=([0-9]+),`)
)

// readInfo returns the run_id and the number of GET calls in the reply of INFO.
func readInfo(info string) (id string, calls int64, err error) {
	process, count := runID.FindStringSubmatch(info), getCalls.FindStringSubmatch(info)
	if process == nil || count == nil {
		return "", 0, fmt.Errorf("INFO has no run_id or no cmdstat_get:\n%s", info)
	}
	calls, err = strconv.ParseInt(count[1], 10, 64)
	return process[1], calls, err
}

type discardLogger struct{}

// Printf implements go-redis's logger. It drops the messages, because the errors that go-redis
// returns contain them.
func (discardLogger) Printf(context.Context, string, ...any) {}
