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

An operation is one attempt, and an error when that fails. With -retry-for, one
that fails because there is no connection, no answer in time, or a server that
is not ready (LOADING, READONLY, CLUSTERDOWN and the like) is tried again after
50 ms, then after twice as long each time up to 1 s. Its latency still counts
from when it was due, so an outage is seen in the maximum. Operations may then
begin as late as -retry-for and 5 s more, if that is later than the above.

Each attempt is a trace (OTEL_TRACES_SAMPLER decides which are kept), and the
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
	maxP99      time.Duration
	limits      report.Thresholds
	whole       bool
	report      string
	jaeger      string
}

func parseConfig(args []string, getenv func(string) string, stdout io.Writer) (config, error) {
	var c config
	fs := program.Flags(serviceName, about)
	fs.StringVar(&c.addr, "addr", "127.0.0.1:6379", "`host:port` of the Redis, or a redis:// or rediss:// address with user, password and database; host:port,host:port are nodes of a Redis Cluster (one node with a comma behind it suffices)")
	fs.StringVar(&c.password, "password", "", "`password` of the Redis where -addr has none; MINI_REDIS_PASSWORD keeps it out of the list of processes")
	fs.Float64Var(&c.rate, "rate", 50, "`operations` a second")
	fs.DurationVar(&c.duration, "duration", 10*time.Second, "how long operations fall due; 0 is until SIGINT or SIGTERM")
	fs.IntVar(&c.concurrency, "concurrency", 4, "`workers`, each with a connection and one operation at a time")
	fs.Float64Var(&c.mix.ReadRatio, "read-ratio", 0.5, "share of GET among the operations, 0 to 1; the rest is SET")
	fs.IntVar(&c.mix.ValueSize, "value-size", 64, "`bytes` of a value")
	fs.IntVar(&c.mix.Keys, "keys", 1000, "`number` of keys, client-load:0 and so on; they are not removed")
	fs.DurationVar(&c.timeout, "timeout", 3*time.Second, "how long an operation may take to connect, to be written and to be answered, each")
	fs.DurationVar(&c.retryFor, "retry-for", 0, "try a failed operation again until this long after it was due; 0 is never")
	fs.DurationVar(&c.progress, "progress", 0, "how often to print a line of progress: counts since the beginning, rate and latencies since the line before; 0 is never")
	fs.DurationVar(&c.wait, "wait", 10*time.Second, "how long to wait for the Redis to answer before the run")
	fs.StringVar(&c.adminAddr, "admin-addr", "", "`host:port` that serves /metrics, /healthz and /readyz during the run; empty is none")
	fs.StringVar(&c.runID, "run-id", "", "`name` of the run, the resource attribute load.run.id; empty is a random one")
	fs.Int64Var(&c.limits.MaxErrors, "max-errors", 0, "more errors than this `number` are exit code 2; -1 is no limit")
	fs.Int64Var(&c.limits.MaxMissed, "max-missed", -1, "more missed operations than this `number` are exit code 2; -1 is no limit")
	fs.DurationVar(&c.maxP99, "max-p99", 0, "a 99th percentile of the latencies above this is exit code 2; 0 is no limit")
	fs.Float64Var(&c.limits.MinRate, "min-rate", 0, "fewer `operations` a second than this, answered or failed, are exit code 2; 0 is no limit")
	fs.BoolVar(&c.whole, "whole", false, "a run that is stopped before its duration is over was not made: exit code 1")
	fs.StringVar(&c.report, "report", "", "`file` to write the report to, as JSON; - prints it as the last thing, on a line between -----BEGIN LOAD REPORT----- and -----END LOAD REPORT-----")
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
		scheme, rest = "", c.addr
	}
	rest = rest[strings.LastIndexByte(rest, '@')+1:]
	if !ok {
		return rest
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
