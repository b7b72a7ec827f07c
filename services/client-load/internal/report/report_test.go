package report

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	"mini-redis/services/client-load/internal/measure"
)

// example is a run that went wrong in every way that a report can tell.
func example() *Report {
	get := measure.Distribution{P50: 213 * time.Microsecond, P90: time.Millisecond, P99: 2 * time.Millisecond, P999: 3 * time.Second, Max: 3001 * time.Millisecond}
	set := measure.Distribution{P50: 250 * time.Microsecond, P90: time.Millisecond, P99: time.Millisecond, P999: time.Millisecond, Max: time.Millisecond}
	r := &Report{RunID: "4c7eb8a9", Address: "127.0.0.1:6379", Started: time.Unix(0, 0).UTC(), Seconds: 10, TargetRate: 50, MaxErrors: 2, Missed: 1, Interrupted: true}
	r.Measured(measure.Snapshot{
		All: measure.Tally{Operations: 499, Errors: 3, ErrorsByType: map[string]int64{"timeout": 1, "OOM": 2}, Latency: get},
		Commands: []measure.Tally{
			{Command: "GET", Operations: 251, Latency: get},
			{Command: "SET", Operations: 248, Errors: 3, Latency: set},
			{Command: "DEL"},
		},
		Wake:      measure.Distribution{P50: 82 * time.Microsecond, P99: 125 * time.Microsecond},
		LastTrace: trace.TraceID{1},
	})
	return r
}

func TestAPersonReadsATable(t *testing.T) {
	var b strings.Builder
	link := func(id string) string { return "http://jaeger/trace/" + id }
	if err := example().WriteText(&b, link); err != nil {
		t.Fatal(err)
	}
	const want = `499 operations in 10s (49.9/s of 50/s), 3 errors, 1 missed, stopped early

   command   operations   errors   p50 ms   p90 ms   p99 ms   p99.9 ms     max ms
       GET          251        0    0.213    1.000    2.000   3000.000   3001.000
       SET          248        3    0.250    1.000    1.000      1.000      1.000
       all          499        3    0.213    1.000    2.000   3000.000   3001.000

A latency counts from when the operation was due; an idle worker began 0.082 ms late (p50), 0.125 ms (p99).
1 operation could not begin in time: every worker was busy. More workers (-concurrency) or a lower -rate.
2 errors: OOM
1 error: timeout

run id      4c7eb8a9
last trace  http://jaeger/trace/01000000000000000000000000000000
`
	if b.String() != want {
		t.Errorf("the table is\n%s\nwant\n%s", b.String(), want)
	}
}

func TestAProgramReadsJSON(t *testing.T) {
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
	f("01000000000000000000000000000000", "last_trace_id")

	if err := example().WriteFile(filepath.Join(t.TempDir(), "nowhere", "report.json")); err == nil {
		t.Error("a report was written into a folder that does not exist")
	}
	if left, _ := filepath.Glob(name + ".*"); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

func TestTheThreshold(t *testing.T) {
	f := func(errors, most int64, want bool) {
		t.Helper()
		r := &Report{MaxErrors: most}
		r.Measured(measure.Snapshot{All: measure.Tally{Errors: errors}})
		if r.Passed != want {
			t.Errorf("%d errors of at most %d: passed %v", errors, most, r.Passed)
		}
	}
	f(0, 0, true)
	f(1, 0, false)
	f(1, 1, true)
	f(1000, -1, true)
}
