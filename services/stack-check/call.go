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

// The key that is asked for. It need not be there: an answer is an answer.
const key = "stack-check"

// call is the call that was made.
type call struct {
	at      time.Time // when it was answered
	took    time.Duration
	traceID string // hexadecimal
	runID   string // of the server's process
	number  int64  // how many GETs that process had answered, this one among them
}

// makeCall waits for the server, makes the call and delivers its span.
func makeCall(ctx context.Context, c config, getenv func(string) string) (made call, err error) {
	tel, err := telemetry.Start(ctx, telemetry.Options{
		Service: serviceName, Version: program.Number(), Getenv: getenv,
		Logger: slog.New(slog.DiscardHandler), // Shutdown returns what could not be delivered
	})
	if err != nil {
		return call{}, program.Errorf(program.ExitUsage, "%w", err)
	}
	defer func() {
		if undelivered := tel.Shutdown(ctx); undelivered != nil {
			err = errors.Join(err, fmt.Errorf("the call's telemetry was not delivered: %w", undelivered))
		}
	}()
	client, err := connect(ctx, c, tel)
	if err != nil {
		return call{}, err
	}
	defer client.Close()

	spanCtx, span := tel.TracerProvider().Tracer(serviceName).Start(ctx, "check")
	if !span.SpanContext().IsSampled() {
		return call{}, errors.New("the call would be no trace: OTEL_TRACES_SAMPLER or OTEL_SDK_DISABLED keeps it from being one")
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

// connect returns a client of which nothing but GET is traced, once the server answers.
func connect(ctx context.Context, c config, tel *telemetry.Telemetry) (*redis.Client, error) {
	redis.SetLogger(silent{})
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
	runID = regexp.MustCompile(`(?m)^run_id:([0-9a-f]+)`)
	gets  = regexp.MustCompile(`(?m)^cmdstat_get:calls=([0-9]+),`)
)

// readInfo finds the process and its count of GETs in INFO's answer.
func readInfo(info string) (id string, calls int64, err error) {
	process, count := runID.FindStringSubmatch(info), gets.FindStringSubmatch(info)
	if process == nil || count == nil {
		return "", 0, fmt.Errorf("INFO has no run_id or no cmdstat_get:\n%s", info)
	}
	calls, err = strconv.ParseInt(count[1], 10, 64)
	return process[1], calls, err
}

type silent struct{}

// Printf implements go-redis's logger: what it would print is in the errors it returns.
func (silent) Printf(context.Context, string, ...any) {}
