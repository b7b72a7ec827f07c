package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"mini-redis/internal/inspect"
)

// pollInterval is the time between two requests to a backend.
const pollInterval = 200 * time.Millisecond

// wantTrace is the expected outline of the call's trace in Jaeger.
const wantTrace = "internal check (stack-check)\n  client GET (stack-check)\n    server GET (mini-redis)\n"

// check makes the call and waits for its trace and its count. Each output line contains the time
// since the reply.
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
		// deploy/kind/up.sh reads the Unix time, to measure from the start of the installation.
		fmt.Fprintf(stdout, "jaeger      complete trace after %v (unix time %d)\n%s", since(made.at), time.Now().Unix(), wantTrace)
	}
	if c.prometheus != "" {
		counted, err := findCount(ctx, inspect.Prometheus{Base: c.prometheus}, made)
		if err != nil {
			return err
		}
		fmt.Fprintf(stdout, "prometheus  counted after %v: redis_commands_total{cmd=\"get\"} is %.0f, the call was number %d\n",
			since(made.at), counted, made.number)
	}
	return nil
}

// findTrace waits until the call's trace in Jaeger has the outline wantTrace.
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
			return "no trace with ID " + made.traceID, nil
		default:
			return fmt.Sprintf("trace %s is\n%swant\n%s", made.traceID, got, wantTrace), nil
		}
	})
}

// findCount waits until Prometheus has counted the call. It selects the process
// that executed the call by run_id, because Prometheus still returns the series
// of an earlier process for minutes.
func findCount(ctx context.Context, prometheus inspect.Prometheus, made call) (counted float64, err error) {
	query := fmt.Sprintf(`redis_commands_total{cmd="get"} and on (job, instance) redis_instance_info{run_id=%q}`, made.runID)
	err = poll(ctx, "Prometheus", func() (string, error) {
		value, ok, err := prometheus.Scalar(ctx, query)
		switch {
		case err != nil:
			return "", err
		case !ok:
			return "no series for " + query, nil
		case value < float64(made.number):
			return fmt.Sprintf("the count is %.0f, but the call was number %d: %s", value, made.number, query), nil
		}
		counted = value
		return "", nil
	})
	return counted, err
}

// poll calls ask every pollInterval until it returns no error and nothing is missing. If ctx ends
// first, the error contains the cause of ctx and the last result of ask.
func poll(ctx context.Context, backend string, ask func() (missing string, err error)) error {
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
		case <-time.After(pollInterval):
		case <-ctx.Done():
			return fmt.Errorf("%s: %w: %s", backend, context.Cause(ctx), last)
		}
	}
}

func since(t time.Time) time.Duration { return time.Since(t).Round(time.Millisecond) }
