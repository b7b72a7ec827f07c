package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"mini-redis/internal/servertest"
	"mini-redis/services/client-load/internal/report"
)

// noTelemetry is an environment without telemetry.
var noTelemetry = []string{"OTEL_SDK_DISABLED=true"}

// finish waits for the summary, stops the program and returns its exit code.
func finish(t *testing.T, p *servertest.Process) int {
	t.Helper()
	p.Stdout.Await(t, "the summary", func(text string) bool { return strings.Contains(text, "run id ") })
	return p.Stop()
}

func mustReport(t *testing.T, name string) (r report.Report) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// calls returns how often the server has executed a command, according to INFO commandstats.
func calls(t *testing.T, addr, command string) int64 {
	t.Helper()
	stats := servertest.Ask(t, addr, "INFO commandstats")
	var n int64
	if m := regexp.MustCompile(`cmdstat_` + command + `:calls=(\d+)`).FindStringSubmatch(stats); m != nil {
		fmt.Sscan(m[1], &n)
	}
	return n
}

func TestReportCountsEveryOperation(t *testing.T) {
	servertest.Each(t, func(t *testing.T, addr string) {
		file := filepath.Join(t.TempDir(), "report.json")
		p := servertest.Start(t, run, noTelemetry, "-addr", addr, "-rate", "300", "-duration", "1s", "-read-ratio", "0.7", "-run-id", "mine", "-report", file)
		if code := finish(t, p); code != 0 {
			t.Errorf("exit code %d: %s", code, p.Stderr.String())
		}
		r := mustReport(t, file)
		if r.RunID != "mine" || r.Operations+r.Missed != 300 || r.Errors != 0 || !r.Passed || r.Interrupted || r.LastTraceID != "" {
			t.Errorf("report %+v, want 300 operations, passed, without errors and traces", r)
		}
		get, set := r.ByCommand["GET"], r.ByCommand["SET"]
		if calls(t, addr, "get") != get.Operations || calls(t, addr, "set") != set.Operations || get.Operations+set.Operations != r.Operations {
			t.Errorf("the server executed %d GET and %d SET, the report has %+v", calls(t, addr, "get"), calls(t, addr, "set"), r.ByCommand)
		}
		l := r.LatencyMS
		if !(0 < l.P50 && l.P50 <= l.P90 && l.P90 <= l.P99 && l.P99 <= l.P999 && l.P999 <= l.Max) {
			t.Errorf("latencies are not increasing: %+v", l)
		}
		if !strings.HasPrefix(p.Stdout.String(), "run mine: 300 operations/s (70 % GET, 30 % SET) for 1s with 4 workers at "+addr+"\n") {
			t.Errorf("wrong headline in %s", p.Stdout.String())
		}
	})
}

func TestEachOperationIsOneTrace(t *testing.T) {
	collector := servertest.NewCollector(t)
	addr := servertest.MiniRedis(t, collector.Env()...)
	file := filepath.Join(t.TempDir(), "report.json")
	p := servertest.Start(t, run, collector.Env(), "-addr", addr, "-rate", "100", "-duration", "500ms", "-run-id", "traced", "-read-ratio", "1", "-report", file, "-jaeger", "http://jaeger/")
	if code := finish(t, p); code != 0 {
		t.Errorf("exit code %d: %s", code, p.Stderr.String())
	}
	r := mustReport(t, file)
	if got, want := collector.Trace(t, r.LastTraceID, 2), "client-load: CLIENT GET\n  mini-redis: SERVER GET\n"; got != want {
		t.Errorf("the last trace is\n%swant\n%s", got, want)
	}
	if !strings.HasSuffix(p.Stdout.String(), "last trace  http://jaeger/trace/"+r.LastTraceID+"\n") {
		t.Errorf("no link to the last trace at the end of %s", p.Stdout.String())
	}
	traces := map[string]bool{}
	for _, s := range collector.Spans() {
		if s.Service == serviceName {
			traces[s.TraceID] = true
			if s.Name != "GET" || s.Resource["load.run.id"] != "traced" {
				t.Errorf("span %s with resource %v, want GET with load.run.id=traced", s.Name, s.Resource)
			}
		}
	}
	if int64(len(traces)) != r.Operations {
		t.Errorf("%d operations have %d traces, want one per operation", r.Operations, len(traces))
	}
}

func TestInterruptedRunReports(t *testing.T) {
	servertest.Each(t, func(t *testing.T, addr string) {
		file := filepath.Join(t.TempDir(), "report.json")
		admin, err := servertest.FreeAddr()
		if err != nil {
			t.Fatal(err)
		}
		p := servertest.Start(t, run, []string{"OTEL_TRACES_EXPORTER=none", "OTEL_METRICS_EXPORTER=none"},
			"-addr", addr, "-duration", "0", "-rate", "200", "-admin-addr", admin, "-report", file)
		for deadline := time.Now().Add(20 * time.Second); calls(t, addr, "get") < 10; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("timed out after 20 s waiting for 10 GET")
			}
		}
		metrics := mustGet(t, "http://"+admin+"/metrics")
		for _, name := range []string{`client_load_operations_total{command="GET",result="ok"}`, "client_load_operation_duration_seconds_bucket", "client_load_missed_total 0"} {
			if !strings.Contains(metrics, name) {
				t.Errorf("/metrics does not contain %s", name)
			}
		}
		if code := p.Stop(); code != 0 {
			t.Errorf("exit code %d: %s", code, p.Stderr.String())
		}
		r := mustReport(t, file)
		if !r.Interrupted || r.Operations != calls(t, addr, "get")+calls(t, addr, "set") || r.Errors != 0 {
			t.Errorf("report %+v, want interrupted, with all operations and without errors", r)
		}
		if !strings.Contains(p.Stdout.String(), ", interrupted\n") {
			t.Errorf("the summary does not say interrupted: %s", p.Stdout.String())
		}
	})
}

func TestFailIfInterrupted(t *testing.T) {
	const deprecated = "client-load: -whole is deprecated: use -fail-if-interrupted\n"
	addr := servertest.MiniRedis(t, noTelemetry...)
	f := func(env []string, warnings int, args ...string) {
		t.Helper()
		p := servertest.Start(t, run, append(env, noTelemetry...), append([]string{"-addr", addr, "-duration", "1h", "-rate", "200", "-progress", "50ms"}, args...)...)
		p.Stdout.Await(t, "progress", func(text string) bool { return strings.Contains(text, "   p50 ") })
		code, stderr := p.Stop(), p.Stderr.String()
		if code != 1 || !strings.Contains(stderr, "interrupted after ") || !strings.Contains(stderr, "of 1h0m0s") {
			t.Errorf("%q %q: exit code %d, want 1: %s", env, args, code, stderr)
		}
		if n := strings.Count(stderr, deprecated); n != warnings {
			t.Errorf("%q %q: %d deprecation warnings, want %d: %s", env, args, n, warnings, stderr)
		}
	}
	f(nil, 0, "-fail-if-interrupted")
	f([]string{"MINI_REDIS_FAIL_IF_INTERRUPTED=true"}, 0)
	f(nil, 1, "-whole")
	f([]string{"MINI_REDIS_WHOLE=true"}, 1)
}

func mustGet(t *testing.T, url string) string {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestServerStopsDuringRun(t *testing.T) {
	addr := servertest.Redis(t)
	file := filepath.Join(t.TempDir(), "report.json")
	p := servertest.Start(t, run, noTelemetry, "-addr", addr, "-rate", "100", "-duration", "2s", "-report", file, "-timeout", "1s")
	p.Stdout.Await(t, "the headline", func(text string) bool { return text != "" })
	servertest.End(t, addr)
	if code := finish(t, p); code != exitThreshold || !strings.Contains(p.Stderr.String(), "threshold violated: ") {
		t.Errorf("exit code %d: %s", code, p.Stderr.String())
	}
	r := mustReport(t, file)
	if r.Errors == 0 || r.Passed || r.ErrorsByType["connection_refused"] == 0 || r.Operations+r.Missed != 200 {
		t.Errorf("report %+v, want 200 operations, not passed, with connection_refused errors", r)
	}
	var sum int64
	for _, n := range r.ErrorsByType {
		sum += n
	}
	if sum != r.Errors {
		t.Errorf("the sum of errors by type is %d, want %d", sum, r.Errors)
	}
	if n := strings.Count(p.Stderr.String(), "operation failed; "); n != len(r.ErrorsByType) {
		t.Errorf("%d warnings for %d types of errors:\n%s", n, len(r.ErrorsByType), p.Stderr.String())
	}
}

func TestErrorRepliesAreCountedByCode(t *testing.T) {
	servertest.Each(t, func(t *testing.T, addr string) {
		servertest.Ask(t, addr, "LPUSH client-load:0 x")
		file := filepath.Join(t.TempDir(), "report.json")
		f := func(maxErrors string, want int) {
			t.Helper()
			p := servertest.Start(t, run, noTelemetry, "-addr", addr, "-rate", "100", "-duration", "200ms", "-keys", "1", "-read-ratio", "1", "-max-errors", maxErrors, "-report", file)
			if code := finish(t, p); code != want {
				t.Errorf("-max-errors %s: exit code %d, want %d", maxErrors, code, want)
			}
		}
		f("0", exitThreshold)
		f("-1", 0)
		if r := mustReport(t, file); r.ErrorsByType["WRONGTYPE"] != r.Operations || r.Errors != r.Operations || !r.Passed {
			t.Errorf("report %+v, want only WRONGTYPE errors, passed", r)
		}
	})
}

func TestRunFailsToStart(t *testing.T) {
	unused, err := servertest.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	f := func(want string, args ...string) {
		t.Helper()
		p := servertest.Start(t, run, noTelemetry, args...)
		p.Stderr.Await(t, want, func(text string) bool { return strings.Contains(text, want) })
		if code := p.Stop(); code != exitFailed || p.Stdout.String() != "" {
			t.Errorf("%q: exit code %d, stdout %q, want %d and nothing", args, code, p.Stdout.String(), exitFailed)
		}
	}
	f("no reply from a Redis server at "+unused+" within 100ms: ", "-addr", unused, "-wait", "100ms")
	f("-rate must be", "-rate", "0")
	f("-rate must be", "-rate", "NaN")
	f("-duration must", "-duration", "-1s")
	f("-concurrency must", "-concurrency", "0")
	f("-timeout must", "-timeout", "0")
	f("-max-errors and -max-missed must", "-max-errors", "-2")
	f("-max-errors and -max-missed must", "-max-missed", "-2")
	f("-max-p99 must", "-max-p99", "-1s")
	f("-min-rate from", "-min-rate", "NaN")
	f("-min-rate from", "-rate", "10", "-min-rate", "11")
	f("-retry-for and -progress must", "-retry-for", "-1s")
	f("-retry-for and -progress must", "-progress", "-1s")
	f("-addr: invalid port", "-addr", "redis://:secret@h:x")
	f("read ratio must", "-read-ratio", "2")
	f("number of keys must", "-keys", "0")
	f("-nope", "-nope")
	f("returned an error: NOAUTH", "-addr", servertest.Redis(t, "--requirepass", "secret"))
	f("cluster support disabled", "-addr", servertest.Redis(t)+",")
}

func TestPasswordOfAddressIsNotPrinted(t *testing.T) {
	addr := servertest.Redis(t, "--requirepass", "secret")
	p := servertest.Start(t, run, noTelemetry, "-addr", "redis://:secret@"+addr+"/1", "-duration", "100ms")
	if code := finish(t, p); code != 0 || strings.Contains(p.Stdout.String(), "secret") || !strings.Contains(p.Stdout.String(), "at redis://"+addr) {
		t.Errorf("exit code %d: %s%s", code, p.Stdout.String(), p.Stderr.String())
	}
}
