// Command stack-check checks a running stack end to end. It makes one traced
// call, waits until Jaeger has the CLIENT span and its child, the SERVER span,
// and waits until Prometheus has counted the call. `helm test` runs it.
//
// The call uses go-redis with the hook of package resptrace, like any program.
// Package internal/inspect queries Jaeger and Prometheus.
package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"mini-redis/internal/program"
)

const about = `stack-check makes one traced call to a Redis server and waits until Jaeger has the
call's two spans and Prometheus has counted the call. OTEL_* variables configure
where the telemetry of the call is sent.

Exit codes: 0 the spans and the count were found; 1 one of them was not found, and
the error message says which; 2 invalid flags.`

// serviceName is the service.name of the program's traces.
const serviceName = "stack-check"

type config struct {
	addr, password     string
	jaeger, prometheus string
	timeout            time.Duration
}

func main() { program.Main(run) }

func run(ctx context.Context, args []string, getenv func(string) string, stdout, _ io.Writer) error {
	var c config
	fs := program.Flags(serviceName, about)
	fs.StringVar(&c.addr, "addr", "127.0.0.1:6379", "`host:port` of the server")
	fs.StringVar(&c.password, "password", "", "`password` of the server; prefer MINI_REDIS_PASSWORD, because a list of processes shows flags")
	fs.StringVar(&c.jaeger, "jaeger", "", "`URL` of Jaeger's query service, for example http://127.0.0.1:16686; if empty, Jaeger is not checked")
	fs.StringVar(&c.prometheus, "prometheus", "", "`URL` of Prometheus, for example http://127.0.0.1:9090; if empty, Prometheus is not checked")
	fs.DurationVar(&c.timeout, "timeout", time.Minute, "timeout for the whole check")
	if err := program.Parse(fs, args, getenv, stdout); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, fmt.Errorf("timeout after %v", c.timeout))
	defer cancel()
	return check(ctx, c, getenv, stdout)
}
