package main

import (
	"io"
	"time"

	"mini-redis/internal/program"
)

// flags are the settings of the server; parseFlags describes each.
type flags struct {
	addr, adminAddr, pprofAddr string
	consoleAddr                string
	requirePass                string
	maxClients, loops          int
	traceRoots, traceSpansMax  float64
	traceContexts              string
	traceKeys                  bool
	shutdownTimeout            time.Duration
	watchdogLimit              time.Duration
}

const about = `mini-redis is a Redis-compatible server that continues its callers' traces.

It speaks RESP2 and RESP3 on -addr. Spans and metrics go to an OpenTelemetry
Collector as the OTEL_* variables say (default: 127.0.0.1:4317, plain text);
/metrics, /healthz and /readyz are on -admin-addr. Data is in memory only.
LOG_LEVEL is debug, info, warn or error; LOG_FORMAT is json or text.`

func parseFlags(args []string, getenv func(string) string, stdout io.Writer) (flags, error) {
	var f flags
	fs := program.Flags("mini-redis", about)
	fs.StringVar(&f.addr, "addr", "127.0.0.1:6379", "`host:port` of the RESP listener")
	fs.StringVar(&f.adminAddr, "admin-addr", "127.0.0.1:9121", "`host:port` of the HTTP listener for /metrics, /healthz and /readyz; empty disables it")
	fs.StringVar(&f.pprofAddr, "pprof-addr", "", "loopback `host:port` of the HTTP listener for /debug/pprof, such as 127.0.0.1:6060; empty disables it")
	fs.StringVar(&f.consoleAddr, "console-addr", "", "loopback `host:port` of the console of tasks and resources, such as 127.0.0.1:6669; empty disables it")
	fs.StringVar(&f.requirePass, "requirepass", "", "`password` that clients must authenticate with; empty requires none")
	fs.IntVar(&f.maxClients, "maxclients", 10000, "maximum `number` of connections at a time; lowered to what the limit of open files allows")
	fs.IntVar(&f.loops, "loops", 0, "`number` of event loops; 0 means one for every two processors")
	fs.Float64Var(&f.traceRoots, "trace-roots", 10, "maximum `number` of root spans per second, for clients that send no trace context; 0 disables them")
	fs.Float64Var(&f.traceSpansMax, "trace-spans-max", 0, "maximum `number` of spans per second that continue a caller's trace; 0 means no limit")
	fs.StringVar(&f.traceContexts, "trace-contexts", "continue", "how to handle callers' trace contexts: continue, or ignore if callers are not trusted")
	fs.BoolVar(&f.traceKeys, "trace-keys", false, "record the first key of a command in its span")
	fs.DurationVar(&f.shutdownTimeout, "shutdown-timeout", 10*time.Second, "maximum `duration` of a graceful stop; connections that are still open then are closed")
	fs.DurationVar(&f.watchdogLimit, "watchdog-limit", 30*time.Second, "`duration` after which a held execution lock or a busy event loop makes /healthz fail; 0 disables the watchdog")
	if err := program.Parse(fs, args, getenv, stdout); err != nil {
		return f, err
	}
	return f, f.check()
}

func (f flags) check() error {
	switch {
	case f.maxClients < 1:
		return program.Errorf(program.ExitUsage, "-maxclients %d: must be at least 1", f.maxClients)
	case f.loops < 0:
		return program.Errorf(program.ExitUsage, "-loops %d: must not be negative", f.loops)
	case f.traceRoots < 0, f.traceSpansMax < 0:
		return program.Errorf(program.ExitUsage, "-trace-roots and -trace-spans-max must not be negative")
	case f.traceContexts != "continue" && f.traceContexts != "ignore":
		return program.Errorf(program.ExitUsage, "-trace-contexts %q: must be continue or ignore", f.traceContexts)
	case f.shutdownTimeout < 0, f.watchdogLimit < 0:
		return program.Errorf(program.ExitUsage, "-shutdown-timeout and -watchdog-limit must not be negative")
	}
	return nil
}
