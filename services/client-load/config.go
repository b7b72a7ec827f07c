package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"mini-redis/internal/program"
	"mini-redis/services/client-load/internal/report"
	"mini-redis/services/client-load/internal/scenario"
)

// Limits of -rate and -concurrency.
const (
	maxRate        = 1e6
	maxConcurrency = 10000
)

const about = `client-load sends GET and SET commands to Redis at a constant rate and reports the results.

The load is open-loop: one operation is scheduled every 1/rate seconds, whether
or not earlier operations have been answered. Latency is measured from the
scheduled time, so a server that stops for one second delays all operations of
that second, not only one. An operation that could not start within 10 s of its
scheduled time, or within 1 s of the end of the run, is counted as missed.

By default, an operation is one attempt, and a failed attempt is an error. With
-retry-for, an attempt that fails because of a connection error, a timeout or a
server that is not ready (for example LOADING, READONLY or CLUSTERDOWN) is
retried. The first pause is 50 ms. Each further pause is twice as long, up to
1 s. Latency still counts from the scheduled time, so an outage shows in the
maximum latency. Operations may then start up to -retry-for plus 5 s late, if
that is longer than the limits above.

Each attempt is one trace; OTEL_TRACES_SAMPLER selects the sampled ones. The
OTEL_* environment variables configure the export. SIGINT and SIGTERM end the
run early; the report is still written.

Exit codes: 0 the run passed; 1 the run could not be made; 2 a threshold was violated.`

// config holds the values of the flags.
type config struct {
	addr              string
	rate              float64
	duration          time.Duration
	concurrency       int
	mix               scenario.MixOptions
	scenario          scenario.Scenario // created from mix
	timeout           time.Duration
	wait              time.Duration
	adminAddr         string
	runID             string
	password          string
	retryFor          time.Duration
	progress          time.Duration
	maxP99            time.Duration
	limits            report.Thresholds
	failIfInterrupted bool
	report            string
	jaeger            string
}

// parseConfig parses and checks the flags. It prints a warning to stderr if a
// deprecated flag is set.
func parseConfig(args []string, getenv func(string) string, stdout, stderr io.Writer) (config, error) {
	var c config
	fs := program.Flags(serviceName, about)
	fs.StringVar(&c.addr, "addr", "127.0.0.1:6379", "`host:port` of the Redis server, or a redis:// or rediss:// URL with user, password and database; host:port,host:port lists nodes of a Redis Cluster, for which one node followed by a comma is sufficient")
	fs.StringVar(&c.password, "password", "", "`password` of the Redis server if -addr has none; MINI_REDIS_PASSWORD keeps it out of the process list")
	fs.Float64Var(&c.rate, "rate", 50, "target rate in `operations` per second")
	fs.DurationVar(&c.duration, "duration", 10*time.Second, "duration of the schedule; 0 runs until SIGINT or SIGTERM")
	fs.IntVar(&c.concurrency, "concurrency", 4, "number of `workers`; each has one connection and runs one operation at a time")
	fs.Float64Var(&c.mix.ReadRatio, "read-ratio", 0.5, "fraction of GET operations, from 0 to 1; the others are SET")
	fs.IntVar(&c.mix.ValueSize, "value-size", 64, "size of each value in `bytes`")
	fs.IntVar(&c.mix.Keys, "keys", 1000, "`number` of keys, named client-load:0, client-load:1 and so on; they are not deleted after the run")
	fs.DurationVar(&c.timeout, "timeout", 3*time.Second, "limit for each of connecting, writing a command and reading its reply")
	fs.DurationVar(&c.retryFor, "retry-for", 0, "retry a failed operation until this long after its scheduled time; 0 disables retries")
	fs.DurationVar(&c.progress, "progress", 0, "interval between progress lines, which show counts since the start and the rate and latencies since the previous line; 0 disables them")
	fs.DurationVar(&c.wait, "wait", 10*time.Second, "how long to wait for a reply from the server before the run")
	fs.StringVar(&c.adminAddr, "admin-addr", "", "`host:port` that serves /metrics, /healthz and /readyz during the run; empty disables it")
	fs.StringVar(&c.runID, "run-id", "", "`name` of the run, exported as the resource attribute load.run.id; empty selects a random one")
	fs.Int64Var(&c.limits.MaxErrors, "max-errors", 0, "exit with code 2 if there are more than this `number` of errors; -1 is no limit")
	fs.Int64Var(&c.limits.MaxMissed, "max-missed", -1, "exit with code 2 if more than this `number` of operations are missed; -1 is no limit")
	fs.DurationVar(&c.maxP99, "max-p99", 0, "exit with code 2 if the 99th percentile of the latencies is above this; 0 is no limit")
	fs.Float64Var(&c.limits.MinRate, "min-rate", 0, "exit with code 2 if fewer `operations` per second than this succeeded or failed; 0 is no limit")
	fs.BoolVar(&c.failIfInterrupted, "fail-if-interrupted", false, "exit with code 1 if the run is interrupted before -duration")
	whole := fs.Bool("whole", false, "deprecated: use -fail-if-interrupted")
	fs.StringVar(&c.report, "report", "", "`file` to write the report to as JSON; - prints it at the end of stdout, on one line between -----BEGIN LOAD REPORT----- and -----END LOAD REPORT-----")
	fs.StringVar(&c.jaeger, "jaeger", "", "`URL` of the Jaeger UI, for example http://127.0.0.1:16686, to print a link to the last trace")
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
	warnDeprecated(fs, stderr)
	c.failIfInterrupted = c.failIfInterrupted || *whole
	if c.runID == "" {
		c.runID = randomID()
	}
	return c, nil
}

// warnDeprecated prints a warning if -whole is set, on the command line or by MINI_REDIS_WHOLE.
func warnDeprecated(fs *flag.FlagSet, stderr io.Writer) {
	fs.Visit(func(f *flag.Flag) {
		if f.Name == "whole" {
			fmt.Fprintf(stderr, "%s: -whole is deprecated: use -fail-if-interrupted\n", serviceName)
		}
	})
}

// check validates the flags and creates the scenario from them.
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
	case c.limits.MaxErrors < -1 || c.limits.MaxMissed < -1:
		return fmt.Errorf("-max-errors and -max-missed must be -1 or more, not %d and %d", c.limits.MaxErrors, c.limits.MaxMissed)
	case c.maxP99 < 0 || !(c.limits.MinRate >= 0 && c.limits.MinRate <= c.rate):
		return fmt.Errorf("-max-p99 must not be negative and -min-rate from 0 to -rate, not %v and %v", c.maxP99, c.limits.MinRate)
	case len(c.runID) > 128:
		return fmt.Errorf("-run-id must have at most 128 characters, not %d", len(c.runID))
	}
	c.limits.MaxP99MS = float64(c.maxP99) / float64(time.Millisecond)
	mix, err := scenario.NewMix(c.mix)
	c.scenario = mix
	return err
}

// headline describes the run before it starts.
func (c *config) headline() string {
	span := "until interrupted"
	if c.duration > 0 {
		span = "for " + c.duration.String()
	}
	reads := math.Round(100 * c.mix.ReadRatio)
	return fmt.Sprintf("run %s: %g operations/s (%g %% GET, %g %% SET) %s with %d workers at %s",
		c.runID, c.rate, reads, 100-reads, span, c.concurrency, c.server())
}

// server returns the address without user and password.
func (c *config) server() string {
	scheme, rest, ok := strings.Cut(c.addr, "://")
	if !ok {
		scheme, rest = "", c.addr
	}
	rest = rest[strings.LastIndexByte(rest, '@')+1:]
	if !ok {
		return rest
	}
	return scheme + "://" + rest
}

// traceLink returns the URL of a trace in the Jaeger UI, or "" if -jaeger is not set.
func (c *config) traceLink(id string) string {
	if c.jaeger == "" {
		return ""
	}
	return strings.TrimRight(c.jaeger, "/") + "/trace/" + id
}

func randomID() string {
	var id [4]byte
	_, _ = rand.Read(id[:]) // crypto/rand.Read never returns an error
	return hex.EncodeToString(id[:])
}
