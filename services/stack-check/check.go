package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"mini-redis/internal/inspect"
)

// pollEvery is the pause between two questions to a backend.
const pollEvery = 200 * time.Millisecond

// wantTrace is the call as Jaeger must show it.
const wantTrace = "internal check (stack-check)\n  client GET (stack-check)\n    server GET (mini-redis)\n"

// check makes the call and follows it. Each line says how long after the call.
func check(ctx context.Context, c config, getenv func(string) string, stdout io.Writer) error {
	made, err := makeCall(ctx, c, getenv)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "call        GET at %s in %v, trace %s\n", c.addr, made.took.Round(time.Microsecond), made.traceID)
	if c.jaeger != "" {
		if err := findTrace(ctx, inspect.Jaeger{Base: c.jaeger}, made); err != nil {
			return err
		}
		// The time of day is for whoever measures from an earlier moment.
		fmt.Fprintf(stdout, "jaeger      all of it after %v (unix time %d)\n%s", since(made.at), time.Now().Unix(), wantTrace)
	}
	if c.prometheus != "" {
		counted, err := findCount(ctx, inspect.Prometheus{Base: c.prometheus}, made)
		if err != nil {
			return err
		}
		fmt.Fprintf(stdout, "prometheus  after %v: redis_commands_total{cmd=\"get\"} is %.0f, the call was number %d\n",
			since(made.at), counted, made.number)
	}
	return nil
}

// findTrace waits for the call's trace to look as it must.
func findTrace(ctx context.Context, jaeger inspect.Jaeger, made call) error {
	return poll(ctx, "Jaeger", func() (string, error) {
		roots, err := jaeger.Trace(ctx, made.traceID)
		if err != nil {
			return "", err
		}
		switch got := inspect.Outline(roots); got {
		case wantTrace:
			return "", nil
		case "":
			return "it does not know trace " + made.traceID, nil
		default:
			return fmt.Sprintf("trace %s looks like\n%sand not like\n%s", made.traceID, got, wantTrace), nil
		}
	})
}

// findCount waits until Prometheus has counted the call. It asks for the very
// process that answered: an earlier one's count is still shown for minutes.
func findCount(ctx context.Context, prometheus inspect.Prometheus, made call) (counted float64, err error) {
	query := fmt.Sprintf(`redis_commands_total{cmd="get"} and on (job, instance) redis_instance_info{run_id=%q}`, made.runID)
	err = poll(ctx, "Prometheus", func() (string, error) {
		value, ok, err := prometheus.Scalar(ctx, query)
		switch {
		case err != nil:
			return "", err
		case !ok:
			return "it has no answer to " + query, nil
		case value < float64(made.number):
			return fmt.Sprintf("it counts %.0f, and the call was number %d: %s", value, made.number, query), nil
		}
		counted = value
		return "", nil
	})
	return counted, err
}

// poll asks until nothing is missing any more or ctx ends.
func poll(ctx context.Context, whom string, ask func() (missing string, err error)) error {
	var last string
	for {
		missing, err := ask()
		switch {
		case err == nil && missing == "":
			return nil
		case ctx.Err() == nil && err != nil:
			last = err.Error()
		case ctx.Err() == nil:
			last = missing
		}
		select {
		case <-time.After(pollEvery):
		case <-ctx.Done():
			return fmt.Errorf("%s: %w: %s", whom, context.Cause(ctx), last)
		}
	}
}

func since(t time.Time) time.Duration { return time.Since(t).Round(time.Millisecond) }
