package report

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	"mini-redis/services/client-load/internal/measure"
)

// example returns a report in which every optional part is present.
func example() *Report {
	get := measure.Distribution{P50: 213 * time.Microsecond, P90: time.Millisecond, P99: 2 * time.Millisecond, P999: 3 * time.Second, Max: 3001 * time.Millisecond}
	set := measure.Distribution{P50: 250 * time.Microsecond, P90: time.Millisecond, P99: time.Millisecond, P999: time.Millisecond, Max: time.Millisecond}
	r := &Report{RunID: "4c7eb8a9", Address: "127.0.0.1:6379", Started: time.Unix(0, 0).UTC(), Seconds: 10, TargetRate: 50, Missed: 1, Interrupted: true,
		Thresholds: Thresholds{MaxErrors: 2, MaxMissed: -1}}
	r.SetMeasurements(measure.Snapshot{
		All: measure.Tally{
			Operations: 499, Errors: 3, ErrorsByType: map[string]int64{"timeout": 1, "OOM": 2},
			Retried: 4, Retries: 9, RetriesByType: map[string]int64{"timeout": 8, "LOADING": 1}, Latency: get,
		},
		Commands: []measure.Tally{
			{Command: "GET", Operations: 251, Latency: get},
			{Command: "SET", Operations: 248, Errors: 3, Retried: 4, Retries: 9, Latency: set},
			{Command: "DEL"},
		},
		Wake:      measure.Distribution{P50: 82 * time.Microsecond, P99: 125 * time.Microsecond},
		LastTrace: trace.TraceID{1},
	})
	return r
}

func TestWriteText(t *testing.T) {
	var b strings.Builder
	link := func(id string) string { return "http://jaeger/trace/" + id }
	if err := example().WriteText(&b, link); err != nil {
		t.Fatal(err)
	}
	const want = `499 operations in 10s (49.9/s of 50/s), 3 errors, 1 missed, interrupted

   command   operations   errors   p50 ms   p90 ms   p99 ms   p99.9 ms     max ms
       GET          251        0    0.213    1.000    2.000   3000.000   3001.000
       SET          248        3    0.250    1.000    1.000      1.000      1.000
       all          499        3    0.213    1.000    2.000   3000.000   3001.000

Latency is measured from the scheduled time. Idle workers started 0.082 ms (p50) and 0.125 ms (p99) late.
1 operation could not start in time because every worker was busy. Use more workers (-concurrency) or a lower -rate.
4 operations took more than one attempt.
1 failed attempt: LOADING
8 failed attempts: timeout
2 errors: OOM
1 error: timeout

run id      4c7eb8a9
last trace  http://jaeger/trace/01000000000000000000000000000000
`
	if b.String() != want {
		t.Errorf("the text is\n%s\nwant\n%s", b.String(), want)
	}
}

func TestWriteFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "report.json")
	if err := example().WriteFile(name); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	f := func(want any, path ...string) {
		t.Helper()
		var at any = got
		for _, p := range path {
			at = at.(map[string]any)[p]
		}
		if at != want {
			t.Errorf("%v is %v, want %v", path, at, want)
		}
	}
	f("4c7eb8a9", "run_id")
	f(499.0, "operations")
	f(3.0, "errors")
	f(1.0, "missed")
	f(10.0, "seconds")
	f(49.9, "rate")
	f(50.0, "target_rate")
	f(false, "passed")
	f(true, "interrupted")
	f(0.213, "latency_ms", "p50")
	f(3000.0, "latency_ms", "p999")
	f(3001.0, "latency_ms", "max")
	f(248.0, "by_command", "SET", "operations")
	f(0.25, "by_command", "SET", "latency_ms", "p50")
	f(2.0, "errors_by_type", "OOM")
	f(4.0, "retried")
	f(9.0, "retries")
	f(9.0, "by_command", "SET", "retries")
	f(8.0, "retries_by_type", "timeout")
	f(2.0, "max_errors")
	f(-1.0, "max_missed")
	f(0.0, "max_p99_ms")
	f(0.0, "min_rate")
	f("01000000000000000000000000000000", "last_trace_id")

	if err := example().WriteFile(filepath.Join(t.TempDir(), "nowhere", "report.json")); err == nil {
		t.Error("WriteFile into a directory that does not exist returned no error")
	}
	if left, _ := filepath.Glob(name + ".*"); left != nil {
		t.Errorf("temporary files remain: %v", left)
	}
}

func TestWriteMarked(t *testing.T) {
	var b strings.Builder
	if err := example().WriteMarked(&b); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(b.String(), "\n")
	if len(lines) != 5 || lines[0] != "" || lines[1] != BeginMark || lines[3] != EndMark || lines[4] != "" {
		t.Fatalf("%q", lines)
	}
	var r Report
	if err := json.Unmarshal([]byte(lines[2]), &r); err != nil || r.Operations != 499 || r.LatencyMS.Max != 3001 || r.MaxErrors != 2 {
		t.Errorf("%v: %+v", err, r)
	}
}

func TestThresholds(t *testing.T) {
	none := Thresholds{MaxErrors: -1, MaxMissed: -1}
	f := func(limits Thresholds, want ...string) {
		t.Helper()
		r := &Report{Seconds: 10, Missed: 3, Thresholds: limits}
		r.SetMeasurements(measure.Snapshot{All: measure.Tally{Operations: 497, Errors: 2, Latency: measure.Distribution{P99: 1500 * time.Microsecond}}})
		if got := r.Violations(); !slices.Equal(got, want) || r.Passed != (want == nil) {
			t.Errorf("%+v: passed %v, violations %q, want %q", limits, r.Passed, got, want)
		}
	}
	with := func(change func(*Thresholds)) Thresholds {
		limits := none
		change(&limits)
		return limits
	}
	f(none)
	f(with(func(l *Thresholds) { l.MaxErrors = 2 }))
	f(with(func(l *Thresholds) { l.MaxErrors = 1 }), "2 errors, at most 1 allowed")
	f(with(func(l *Thresholds) { l.MaxMissed = 3 }))
	f(with(func(l *Thresholds) { l.MaxMissed = 2 }), "3 operations missed, at most 2 allowed")
	f(with(func(l *Thresholds) { l.MaxP99MS = 1.5 }))
	f(with(func(l *Thresholds) { l.MaxP99MS = 1 }), "p99 is 1.500 ms, at most 1ms allowed")
	f(with(func(l *Thresholds) { l.MinRate = 49.7 }))
	f(with(func(l *Thresholds) { l.MinRate = 50 }), "49.7 operations per second, at least 50 required")
	f(Thresholds{}, "2 errors, at most 0 allowed", "3 operations missed, at most 0 allowed")
}
