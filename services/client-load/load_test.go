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

// quiet is an environment that sends telemetry nowhere.
var quiet = []string{"OTEL_SDK_DISABLED=true"}

// finish waits for the summary, and returns the exit code.
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

// calls is how often the server says that it ran a command.
func calls(t *testing.T, addr, command string) int64 {
	t.Helper()
	stats := servertest.Ask(t, addr, "INFO commandstats")
	var n int64
	if m := regexp.MustCompile(`cmdstat_` + command + `:calls=(\d+)`).FindStringSubmatch(stats); m != nil {
		fmt.Sscan(m[1], &n)
	}
	return n
}

func TestEveryOperationIsAccountedFor(t *testing.T) {
	servertest.Each(t, func(t *testing.T, addr string) {
		file := filepath.Join(t.TempDir(), "report.json")
		p := servertest.Start(t, run, quiet, "-addr", addr, "-rate", "300", "-duration", "1s", "-read-ratio", "0.7", "-run-id", "mine", "-report", file)
		if code := finish(t, p); code != 0 {
			t.Errorf("exit code %d: %s", code, p.Stderr.String())
		}
		r := mustReport(t, file)
		if r.RunID != "mine" || r.Operations+r.Missed != 300 || r.Errors != 0 || !r.Passed || r.Interrupted || r.LastTraceID != "" {
			t.Errorf("%+v", r)
		}
		get, set := r.ByCommand["GET"], r.ByCommand["SET"]
		if calls(t, addr, "get") != get.Operations || calls(t, addr, "set") != set.Operations || get.Operations+set.Operations != r.Operations {
			t.Errorf("the server ran %d GET and %d SET: %+v", calls(t, addr, "get"), calls(t, addr, "set"), r.ByCommand)
		}
		l := r.LatencyMS
		if !(0 < l.P50 && l.P50 <= l.P90 && l.P90 <= l.P99 && l.P99 <= l.P999 && l.P999 <= l.Max) {
			t.Errorf("latencies %+v", l)
		}
		if !strings.HasPrefix(p.Stdout.String(), "run mine: 300 operations/s (70 % GET, 30 % SET) for 1s with 4 workers at "+addr+"\n") {
			t.Errorf("the headline of %s", p.Stdout.String())
		}
	})
}

func TestEachOperationIsATrace(t *testing.T) {
	collector := servertest.NewCollector(t)
	addr := servertest.MiniRedis(t, collector.Env()...)
	file := filepath.Join(t.TempDir(), "report.json")
	p := servertest.Start(t, run, collector.Env(), "-addr", addr, "-rate", "100", "-duration", "500ms", "-run-id", "traced", "-read-ratio", "1", "-report", file, "-jaeger", "http://jaeger/")
	if code := finish(t, p); code != 0 {
		t.Errorf("exit code %d: %s", code, p.Stderr.String())
	}
	r := mustReport(t, file)
	if got, want := collector.Trace(t, r.LastTraceID, 2), "client-load: CLIENT GET\n  mini-redis: SERVER GET\n"; got != want {
		t.Errorf("the last trace\n%swant\n%s", got, want)
	}
	if !strings.HasSuffix(p.Stdout.String(), "last trace  http://jaeger/trace/"+r.LastTraceID+"\n") {
		t.Errorf("no link in %s", p.Stdout.String())
	}
	traces := map[string]bool{}
	for _, s := range collector.Spans() {
		if s.Service == serviceName {
			traces[s.TraceID] = true
			if s.Name != "GET" || s.Resource["load.run.id"] != "traced" {
				t.Errorf("%s of %v", s.Name, s.Resource)
			}
		}
	}
	if int64(len(traces)) != r.Operations {
		t.Errorf("%d operations left %d traces", r.Operations, len(traces))
	}
}

func TestARunThatIsStoppedTellsWhatItDid(t *testing.T) {
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
				t.Fatal("no load arrives")
			}
		}
		metrics := mustGet(t, "http://"+admin+"/metrics")
		for _, name := range []string{`client_load_operations_total{command="GET",result="ok"}`, "client_load_operation_duration_seconds_bucket", "client_load_missed_total 0"} {
			if !strings.Contains(metrics, name) {
				t.Errorf("no %s in /metrics", name)
			}
		}
		if code := p.Stop(); code != 0 {
			t.Errorf("exit code %d: %s", code, p.Stderr.String())
		}
		r := mustReport(t, file)
		if !r.Interrupted || r.Operations != calls(t, addr, "get")+calls(t, addr, "set") || r.Errors != 0 {
			t.Errorf("%+v", r)
		}
		if !strings.Contains(p.Stdout.String(), "stopped early") {
			t.Error(p.Stdout.String())
		}
	})
}

func TestARunThatMustBeWholeFailsWhenItIsStopped(t *testing.T) {
	addr := servertest.MiniRedis(t, "OTEL_SDK_DISABLED=true")
	p := servertest.Start(t, run, []string{"OTEL_SDK_DISABLED=true"}, "-addr", addr, "-duration", "1h", "-rate", "200", "-whole", "-progress", "50ms")
	p.Stdout.Await(t, "progress", func(text string) bool { return strings.Contains(text, "   p50 ") })
	if code := p.Stop(); code != 1 || !strings.Contains(p.Stderr.String(), "of 1h0m0s") {
		t.Errorf("exit code %d: %s", code, p.Stderr.String())
	}
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

func TestAServerThatGoesAwayAndTheRunGoesOn(t *testing.T) {
	addr := servertest.Redis(t)
	file := filepath.Join(t.TempDir(), "report.json")
	p := servertest.Start(t, run, quiet, "-addr", addr, "-rate", "100", "-duration", "2s", "-report", file, "-timeout", "1s")
	p.Stdout.Await(t, "the beginning", func(text string) bool { return text != "" })
	servertest.End(t, addr)
	if code := finish(t, p); code != exitThreshold || !strings.Contains(p.Stderr.String(), "threshold missed: ") {
		t.Errorf("exit code %d: %s", code, p.Stderr.String())
	}
	r := mustReport(t, file)
	if r.Errors == 0 || r.Passed || r.ErrorsByType["connection_refused"] == 0 || r.Operations+r.Missed != 200 {
		t.Errorf("%+v", r)
	}
	var sum int64
	for _, n := range r.ErrorsByType {
		sum += n
	}
	if sum != r.Errors {
		t.Errorf("%d errors by type of %d", sum, r.Errors)
	}
	if n := strings.Count(p.Stderr.String(), "operations fail"); n != len(r.ErrorsByType) {
		t.Errorf("%d complaints for %d types of errors:\n%s", n, len(r.ErrorsByType), p.Stderr.String())
	}
}

func TestErrorRepliesAreCountedByTheirCode(t *testing.T) {
	servertest.Each(t, func(t *testing.T, addr string) {
		servertest.Ask(t, addr, "LPUSH client-load:0 x")
		file := filepath.Join(t.TempDir(), "report.json")
		f := func(maxErrors string, want int) {
			t.Helper()
			p := servertest.Start(t, run, quiet, "-addr", addr, "-rate", "100", "-duration", "200ms", "-keys", "1", "-read-ratio", "1", "-max-errors", maxErrors, "-report", file)
			if code := finish(t, p); code != want {
				t.Errorf("-max-errors %s: exit code %d, want %d", maxErrors, code, want)
			}
		}
		f("0", exitThreshold)
		f("-1", 0)
		if r := mustReport(t, file); r.ErrorsByType["WRONGTYPE"] != r.Operations || r.Errors != r.Operations || !r.Passed {
			t.Errorf("%+v", r)
		}
	})
}

func TestRunsThatCannotBeMade(t *testing.T) {
	away, err := servertest.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	f := func(want string, args ...string) {
		t.Helper()
		p := servertest.Start(t, run, quiet, args...)
		p.Stderr.Await(t, want, func(text string) bool { return strings.Contains(text, want) })
		if code := p.Stop(); code != exitFailed || p.Stdout.String() != "" {
			t.Errorf("%q: exit code %d, %q", args, code, p.Stdout.String())
		}
	}
	f("no Redis answers at "+away+" within 100ms: ", "-addr", away, "-wait", "100ms")
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
	f("refuses: NOAUTH", "-addr", servertest.Redis(t, "--requirepass", "secret"))
	f("cluster support disabled", "-addr", servertest.Redis(t)+",")
}

func TestThePasswordOfAnAddressIsNotShown(t *testing.T) {
	addr := servertest.Redis(t, "--requirepass", "secret")
	p := servertest.Start(t, run, quiet, "-addr", "redis://:secret@"+addr+"/1", "-duration", "100ms")
	if code := finish(t, p); code != 0 || strings.Contains(p.Stdout.String(), "secret") || !strings.Contains(p.Stdout.String(), "at redis://"+addr) {
		t.Errorf("exit code %d: %s%s", code, p.Stdout.String(), p.Stderr.String())
	}
}
