// Command stack-check proves that a running stack shows a call as it should: it
// makes one, then looks for its CLIENT and its SERVER span in Jaeger, one the
// other's parent, and for its count in Prometheus. `helm test` runs it.
//
// internal/inspect asks Jaeger and Prometheus; the call itself goes the way of
// any program, through go-redis with the hook of package resptrace.
package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"mini-redis/internal/program"
)

const about = `stack-check makes one traced call to a Redis and waits until Jaeger shows its two
spans and Prometheus its count. OTEL_* says where the call's telemetry goes.

Exit codes: 0 all of it was found; 1 something was not, and the text says what;
2 a wrong flag.`

// serviceName is what the program calls itself in traces.
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
	fs.StringVar(&c.password, "password", "", "the server's `password`; better in MINI_REDIS_PASSWORD, where no list of processes shows it")
	fs.StringVar(&c.jaeger, "jaeger", "", "`address` of Jaeger's query service, such as http://127.0.0.1:16686; empty: do not ask it")
	fs.StringVar(&c.prometheus, "prometheus", "", "`address` of Prometheus, such as http://127.0.0.1:9090; empty: do not ask it")
	fs.DurationVar(&c.timeout, "timeout", time.Minute, "how long all of it may take")
	if err := program.Parse(fs, args, getenv, stdout); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, fmt.Errorf("not within %v", c.timeout))
	defer cancel()
	return check(ctx, c, getenv, stdout)
}
