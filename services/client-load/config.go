package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"mini-redis/internal/program"
	"mini-redis/services/client-load/internal/report"
	"mini-redis/services/client-load/internal/scenario"
)

// Bounds of what one generator may be asked for.
const (
	maxRate        = 1e6
	maxConcurrency = 10000
)

const about = `client-load sends GET and SET to a Redis at a constant rate and says how it went.

The load is open-loop: an operation falls due every 1/rate seconds, whether or
not the ones before it have been answered, and its latency counts from that
moment. A server that stops for a second is therefore seen as a second's worth
of slow operations, not as one. An operation that could not begin within 10 s
of its moment, or within 1 s of the end of the run, is counted as missed.

Each operation is a trace (OTEL_TRACES_SAMPLER decides which are kept), and the
usual OTEL_* variables say where telemetry goes. SIGINT and SIGTERM end the run
early, with its report.

Exit codes: 0 the run went well; 1 it could not be made; 2 a threshold was missed.`

// config is what the flags say.
type config struct {
	addr        string
	rate        float64
	duration    time.Duration
	concurrency int
	mix         scenario.MixOptions
	scenario    scenario.Scenario // made of mix
	timeout     time.Duration
	wait        time.Duration
	adminAddr   string
	runID       string
	password    string
	retryFor    time.Duration
	progress    time.Duration
	limits      report.Limits
	report      string
	jaeger      string
}

func parseConfig(args []string, getenv func(string) string, stdout io.Writer) (config, error) {
	var c config
	fs := program.Flags(serviceName, about)
	fs.StringVar(&c.addr, "addr", "127.0.0.1:6379", "`host:port` of the Redis, or a redis:// or rediss:// address with user, password and database; several host:port, separated by commas, are nodes of a Redis Cluster")
	fs.StringVar(&c.password, "password", "", "the Redis's `password` where -addr has none; better in MINI_REDIS_PASSWORD, where no list of processes shows it")
	fs.Float64Var(&c.rate, "rate", 50, "`operations` a second")
	fs.DurationVar(&c.duration, "duration", 10*time.Second, "how long operations fall due; 0 is until SIGINT or SIGTERM")
	fs.IntVar(&c.concurrency, "concurrency", 4, "`workers`, each with a connection and one operation at a time")
	fs.Float64Var(&c.mix.ReadRatio, "read-ratio", 0.5, "share of GET among the operations, 0 to 1; the rest is SET")
	fs.IntVar(&c.mix.ValueSize, "value-size", 64, "`bytes` of a value")
	fs.IntVar(&c.mix.Keys, "keys", 1000, "`number` of keys, client-load:0 and so on; they are not removed")
	fs.DurationVar(&c.timeout, "timeout", 3*time.Second, "how long an operation may take to connect, to be written and to be answered, each")
	fs.DurationVar(&c.retryFor, "retry-for", 0, "try a failed operation again until it succeeds or this long after it fell due; 0: an operation is one attempt")
	fs.DurationVar(&c.progress, "progress", 0, "print a line of progress this often; 0: none")
	fs.DurationVar(&c.wait, "wait", 10*time.Second, "how long to wait for the Redis to answer before the run")
	fs.StringVar(&c.adminAddr, "admin-addr", "", "`host:port` that serves /metrics, /healthz and /readyz during the run; empty is none")
	fs.StringVar(&c.runID, "run-id", "", "`name` of the run, the resource attribute load.run.id; empty is a random one")
	fs.Int64Var(&c.limits.Errors, "max-errors", 0, "more errors than this `number` are exit code 2; -1 is no limit")
	fs.Int64Var(&c.limits.Missed, "max-missed", -1, "more missed operations than this `number` are exit code 2; -1 is no limit")
	fs.DurationVar(&c.limits.P99, "max-p99", 0, "a 99th percentile of the latency above this is exit code 2; 0 is no limit")
	fs.StringVar(&c.report, "report", "", "`file` to write the report to, as JSON; - prints it last, between a line of BEGIN and one of END")
	fs.StringVar(&c.jaeger, "jaeger", "", "`address` of Jaeger's pages, to print the last trace as a link, like http://127.0.0.1:16686")
	err := program.Parse(fs, args, getenv, stdout)
	if err == nil {
		err = c.check()
	}
	switch {
	case errors.Is(err, program.ErrHelp), errors.Is(err, program.ErrVersion):
		return c, err
	case err != nil:
		return c, program.Errorf(exitFailed, "%w", err)
	}
	if c.runID == "" {
		c.runID = randomID()
	}
	return c, nil
}

func (c *config) check() error {
	switch {
	case !(c.rate > 0 && c.rate <= maxRate):
		return fmt.Errorf("-rate must be above 0 and at most %.0f, not %v", float64(maxRate), c.rate)
	case c.duration < 0:
		return fmt.Errorf("-duration must not be negative, not %v", c.duration)
	case c.concurrency < 1 || c.concurrency > maxConcurrency:
		return fmt.Errorf("-concurrency must be from 1 to %d, not %d", maxConcurrency, c.concurrency)
	case c.timeout <= 0 || c.wait < 0:
		return fmt.Errorf("-timeout must be above 0 and -wait not negative, not %v and %v", c.timeout, c.wait)
	case c.retryFor < 0 || c.progress < 0:
		return fmt.Errorf("-retry-for and -progress must not be negative, not %v and %v", c.retryFor, c.progress)
	case c.limits.Errors < -1:
		return fmt.Errorf("-max-errors must be -1 or more, not %d", c.limits.Errors)
	case c.limits.Missed < -1 || c.limits.P99 < 0:
		return fmt.Errorf("-max-missed must be -1 or more and -max-p99 not negative, not %d and %v", c.limits.Missed, c.limits.P99)
	case len(c.runID) > 128:
		return fmt.Errorf("-run-id must have at most 128 characters, not %d", len(c.runID))
	}
	mix, err := scenario.NewMix(c.mix)
	c.scenario = mix
	return err
}

// headline says what is about to happen.
func (c *config) headline() string {
	span := "until it is stopped"
	if c.duration > 0 {
		span = "for " + c.duration.String()
	}
	reads := math.Round(100 * c.mix.ReadRatio)
	return fmt.Sprintf("run %s: %g operations/s (%g %% GET, %g %% SET) %s with %d workers at %s",
		c.runID, c.rate, reads, 100-reads, span, c.concurrency, c.server())
}

// server is the address without the password that may be in it.
func (c *config) server() string {
	scheme, rest, ok := strings.Cut(c.addr, "://")
	if !ok {
		return c.addr
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		rest = rest[i+1:]
	}
	return scheme + "://" + rest
}

// traceLink is the address of a trace's page, or "" when Jaeger's is not known.
func (c *config) traceLink(id string) string {
	if c.jaeger == "" {
		return ""
	}
	return strings.TrimRight(c.jaeger, "/") + "/trace/" + id
}

func randomID() string {
	var id [4]byte
	_, _ = rand.Read(id[:]) // never fails: crypto/rand ends the program first
	return hex.EncodeToString(id[:])
}
