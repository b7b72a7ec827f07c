package main

import (
	"io"
	"time"

	"mini-redis/internal/program"
)

// flags are the server's settings; each is described where it is declared.
type flags struct {
	addr, adminAddr, pprofAddr string
	consoleAddr                string
	requirePass                string
	maxClients, loops          int
	traceRoots, traceSpansMax  float64
	traceContexts              string
	traceKeys                  bool
	shutdownTimeout            time.Duration
}

const about = `mini-redis is a Redis-compatible server that continues its callers' traces.

It speaks RESP2 and RESP3 on -addr. Spans and metrics go to an OpenTelemetry
Collector as the OTEL_* variables say (default: 127.0.0.1:4317, plain text);
/metrics, /healthz and /readyz are on -admin-addr. Data is in memory only.
LOG_LEVEL is debug, info, warn or error; LOG_FORMAT is json or text.`

func parseFlags(args []string, getenv func(string) string, stdout io.Writer) (flags, error) {
	var f flags
	fs := program.Flags("mini-redis", about)
	fs.StringVar(&f.addr, "addr", "127.0.0.1:6379", "serve RESP on this `host:port`")
	fs.StringVar(&f.adminAddr, "admin-addr", "127.0.0.1:9121", "serve /metrics, /healthz and /readyz on this `host:port`; empty: do not")
	fs.StringVar(&f.pprofAddr, "pprof-addr", "", "serve /debug/pprof on this loopback `host:port`, such as 127.0.0.1:6060; empty: do not")
	fs.StringVar(&f.consoleAddr, "console-addr", "", "serve the console of tasks and resources on this loopback `host:port`, such as 127.0.0.1:6669; empty: do not")
	fs.StringVar(&f.requirePass, "requirepass", "", "the `password` that clients must give; empty: none")
	fs.IntVar(&f.maxClients, "maxclients", 10000, "how many connections are served at a time")
	fs.IntVar(&f.loops, "loops", 0, "how many event loops read and write; 0: one for every two processors")
	fs.Float64Var(&f.traceRoots, "trace-roots", 10, "the most spans a second that begin here, for clients that send no trace context; 0: none")
	fs.Float64Var(&f.traceSpansMax, "trace-spans-max", 0, "the most spans a second that continue a caller's trace; 0: no bound")
	fs.StringVar(&f.traceContexts, "trace-contexts", "continue", "what to do with callers' trace contexts: continue, or ignore when callers are not trusted")
	fs.BoolVar(&f.traceKeys, "trace-keys", false, "record a command's first key in its span")
	fs.DurationVar(&f.shutdownTimeout, "shutdown-timeout", 10*time.Second, "how long a stop may take to finish what is in flight")
	if err := program.Parse(fs, args, getenv, stdout); err != nil {
		return f, err
	}
	return f, f.check()
}

func (f flags) check() error {
	switch {
	case f.maxClients < 1:
		return program.Errorf(program.ExitUsage, "-maxclients %d: at least 1 is needed", f.maxClients)
	case f.loops < 0:
		return program.Errorf(program.ExitUsage, "-loops %d: a number of loops cannot be negative", f.loops)
	case f.traceRoots < 0, f.traceSpansMax < 0:
		return program.Errorf(program.ExitUsage, "-trace-roots and -trace-spans-max are spans a second and cannot be negative")
	case f.traceContexts != "continue" && f.traceContexts != "ignore":
		return program.Errorf(program.ExitUsage, "-trace-contexts %q: it is continue or ignore", f.traceContexts)
	case f.shutdownTimeout < 0:
		return program.Errorf(program.ExitUsage, "-shutdown-timeout %v: cannot be negative", f.shutdownTimeout)
	}
	return nil
}
