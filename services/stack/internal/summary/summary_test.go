package summary

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// complete returns the counts of a run without losses: 10 operations with 20 spans, and one span of
// a connection.
func complete() Figures {
	return Figures{
		Load: &Load{
			Operations: 10, Seconds: 2, Rate: 5,
			ByCommand: map[string]Command{"GET": {Operations: 6}, "SET": {Operations: 4}},
		},
		Spans:   Spans{Server: 11, Accepted: 21, Stored: 21},
		Traces:  Traces{Found: 10, Spans: 20, Keeps: 5000},
		Counter: map[string]int64{"get": 6, "set": 4, "hello": 2},
		Memory:  []Memory{{"jaeger", 70 << 20}, {"mini-redis", 20 << 20}},
	}
}

func TestCompleteRunHasNoLosses(t *testing.T) {
	if losses := complete().Losses(); len(losses) != 0 {
		t.Fatal(losses)
	}
}

func TestLosses(t *testing.T) {
	f := func(want string, change func(*Figures)) {
		t.Helper()
		figures := complete()
		change(&figures)
		losses := strings.Join(figures.Losses(), "; ")
		if !strings.Contains(losses, want) || want == "" && losses != "" {
			t.Errorf("got %q, want %q", losses, want)
		}
	}
	f("3 spans were dropped by the server", func(f *Figures) { f.Spans.Dropped = 3 })
	f("2 spans were refused", func(f *Figures) { f.Spans.Refused = 2 })
	f("1 spans were dropped by the collector", func(f *Figures) { f.Spans.Failed = 1 })
	f("stored 20 of the 21", func(f *Figures) { f.Spans.Stored = 20 })
	f("accepted 20 spans; 21 were created (10 by the load, 11 by the server)", func(f *Figures) { f.Spans.Accepted, f.Spans.Stored = 20, 20 })
	f("9 of the 10 expected traces", func(f *Figures) { f.Traces.Found = 9 })
	f("1 traces have only one span", func(f *Figures) { f.Traces.Single = 1 })
	f("counted 5 GET; the load sent 6", func(f *Figures) { f.Counter["get"] = 5 })
	f("counted 0 SET", func(f *Figures) { delete(f.Counter, "set") })
}

func TestNoLosses(t *testing.T) {
	f := func(name string, change func(*Figures)) {
		t.Helper()
		figures := complete()
		change(&figures)
		if losses := figures.Losses(); len(losses) != 0 {
			t.Errorf("%s: %v", name, losses)
		}
	}
	f("another client used the server", func(f *Figures) {
		f.Counter["get"] = 100
		f.Spans.Server, f.Spans.Accepted, f.Spans.Stored = 105, 120, 120
	})
	f("Jaeger keeps fewer traces than were created", func(f *Figures) { f.Traces.Keeps, f.Traces.Found = 4, 4 })
	f("a trace of another client replaced one of the load", func(f *Figures) {
		f.Load.Operations, f.Traces.Keeps, f.Traces.Found = 20, 20, 19
		f.Spans.Accepted, f.Spans.Stored = 31, 31
	})
	f("a failed operation may not have reached the server", func(f *Figures) {
		f.Load.ByCommand["SET"] = Command{Operations: 4, Errors: 1}
		f.Counter["set"] = 3
	})
	f("a sampler is configured", func(f *Figures) { f.Traces.Sampled, f.Traces.Found, f.Spans.Accepted, f.Spans.Stored = true, 1, 2, 2 })
	f("no load", func(f *Figures) { f.Load, f.Traces = nil, Traces{} })
}

func TestText(t *testing.T) {
	figures := complete()
	figures.Load.Missed = 1
	figures.Load.LatencyMS.P50, figures.Load.LatencyMS.P99, figures.Load.LatencyMS.Max = 0.25, 3.25, 12
	want := `  operations            10 in 2.0 s (5.0/s), 0 errors, 1 could not start in time
  latency               p50 250 µs, p99 3.25 ms, max 12 ms
  spans                 21 accepted by the collector, 21 stored by Jaeger
  traces                10 found in Jaeger
  redis_commands_total  12 in Prometheus (GET 6, SET 4, and connection setup)
  memory                90 MiB peak (jaeger 70, mini-redis 20)
`
	if got := figures.Text(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	figures.Load, figures.Memory = nil, nil
	if got := figures.Text(); strings.Contains(got, "operations") || !strings.Contains(got, "21 accepted") {
		t.Errorf("without a load:\n%s", got)
	}
}

func TestReadLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report.json")
	if err := os.WriteFile(path, []byte(`{"run_id":"r","operations":7,"latency_ms":{"p50":0.5},"by_command":{"GET":{"operations":7,"errors":1,"latency_ms":{}}},"other":1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := ReadLoad(path)
	if err != nil || l.Operations != 7 || l.LatencyMS.P50 != 0.5 || l.ByCommand["GET"] != (Command{7, 1}) {
		t.Fatalf("%+v, %v", l, err)
	}
	if _, err := ReadLoad(path + ".none"); err == nil || !strings.Contains(err.Error(), "no report of the load") {
		t.Error(err)
	}
}
