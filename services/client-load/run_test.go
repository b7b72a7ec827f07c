package main

import (
	"encoding/json"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mini-redis/internal/servertest"
	"mini-redis/services/client-load/internal/measure"
	"mini-redis/services/client-load/internal/report"
)

func TestReportAndProgressOnStdout(t *testing.T) {
	addr := servertest.MiniRedis(t, noTelemetry...)
	env := append([]string{"MINI_REDIS_PROGRESS=200ms", "MINI_REDIS_REPORT=-"}, noTelemetry...)
	p := servertest.Start(t, run, env, "-addr", addr, "-rate", "100", "-duration", "1s")
	p.Stdout.Await(t, "the end of the report", func(text string) bool { return strings.HasSuffix(text, report.EndMark+"\n") })
	if code := p.Stop(); code != 0 {
		t.Errorf("exit code %d: %s", code, p.Stderr.String())
	}
	text := p.Stdout.String()
	marked := regexp.MustCompile(`\n-----BEGIN LOAD REPORT-----\n(\{"run_id":[^\n]*\})\n-----END LOAD REPORT-----\n$`).FindStringSubmatch(text)
	var r report.Report
	if marked == nil || json.Unmarshal([]byte(marked[1]), &r) != nil || r.Operations+r.Missed != 100 {
		t.Errorf("the report is %+v, want 100 operations, in\n%s", r, text)
	}
	if !regexp.MustCompile(`(?m)^ +[\d.]+m?s +\d+ operations +[\d.]+/s   p50 [\d.]+ ms   p99 [\d.]+ ms   max [\d.]+ ms   0 errors, \d+ missed, 0 retries$`).MatchString(text) {
		t.Errorf("no progress line in\n%s", text)
	}
}

func TestProgressLine(t *testing.T) {
	recorder, err := measure.New(prometheus.NewRegistry(), []string{"GET"}, func() int64 { return 0 })
	if err != nil {
		t.Fatal(err)
	}
	worker := recorder.NewWorker()
	record := func(n int, latency time.Duration, err error) {
		for range n {
			worker.Record(measure.Result{Command: "GET", Latency: latency, Err: err})
		}
	}
	var before measure.Snapshot
	f := func(elapsed time.Duration, missed int64, want string) {
		t.Helper()
		now := recorder.Snapshot()
		if got := progressLine(elapsed, 5*time.Second, now, before, missed); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		before = now
	}
	record(250, 250*time.Microsecond, nil)
	f(5*time.Second, 0, "     5s       250 operations      50.0/s   p50 0.250 ms   p99 0.250 ms   max 0.250 ms   0 errors, 0 missed, 0 retries")
	record(4, time.Second, io.EOF)
	worker.Retry("GET", io.EOF)
	f(10001*time.Millisecond, 7, "    10s       254 operations       0.8/s   p50 1000.342 ms   p99 1000.342 ms   max 1000.342 ms   4 errors, 7 missed, 1 retries")
	f(15*time.Second, 7, "    15s       254 operations       0.0/s   p50 -   p99 -   max -   4 errors, 7 missed, 1 retries")
}

func TestThresholdExitCodes(t *testing.T) {
	addr := servertest.MiniRedis(t, noTelemetry...)
	f := func(want int, message string, args ...string) {
		t.Helper()
		p := servertest.Start(t, run, noTelemetry, append([]string{"-addr", addr, "-rate", "100", "-duration", "200ms"}, args...)...)
		if code := finish(t, p); code != want || !strings.Contains(p.Stderr.String(), message) {
			t.Errorf("%q: exit code %d, want %d: %s", args, code, want, p.Stderr.String())
		}
	}
	f(exitThreshold, "threshold violated: p99 is ", "-max-p99", "1us")
	f(0, "", "-max-p99", "1h", "-min-rate", "1", "-max-missed", "20")
}

func TestPausedServerViolatesThresholds(t *testing.T) {
	addr := servertest.MiniRedis(t, noTelemetry...)
	p := servertest.Start(t, run, noTelemetry, "-addr", addr, "-rate", "100", "-duration", "2s", "-timeout", "30s", "-max-missed", "0", "-min-rate", "99")
	eventually(t, "the load", func() bool { return calls(t, addr, "get") > 0 })
	servertest.Ask(t, addr, "CLIENT PAUSE 5000")
	if code := finish(t, p); code != exitThreshold {
		t.Errorf("exit code %d, want %d", code, exitThreshold)
	}
	if !regexp.MustCompile(`threshold violated: \d+ operations missed, at most 0 allowed; [\d.]+ operations per second, at least 99 required\n`).MatchString(p.Stderr.String()) {
		t.Errorf("stderr does not name both thresholds: %s", p.Stderr.String())
	}
}

func TestPasswordFromEnvironment(t *testing.T) {
	addr := servertest.Redis(t, "--requirepass", "secret")
	f := func(addr, password string, want int) {
		t.Helper()
		p := servertest.Start(t, run, append([]string{"MINI_REDIS_PASSWORD=" + password}, noTelemetry...), "-addr", addr, "-duration", "100ms")
		if want == 0 {
			p.Stdout.Await(t, "the summary", func(text string) bool { return strings.Contains(text, "run id ") })
		} else {
			p.Stderr.Await(t, "an error message", func(text string) bool { return text != "" })
		}
		if code := p.Stop(); code != want || strings.Contains(p.Stdout.String()+p.Stderr.String(), "secret") {
			t.Errorf("%s, %s: exit code %d: %s%s", addr, password, code, p.Stdout.String(), p.Stderr.String())
		}
	}
	f(addr, "secret", 0)
	f("redis://"+addr, "secret", 0)
	f("redis://default:secret@"+addr, "another", 0)
	f(addr, "wrong", exitFailed)
}
