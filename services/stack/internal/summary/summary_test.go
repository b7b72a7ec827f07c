package summary

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// whole is a run of which nothing is missing: 10 operations, 20 spans and one more of a connection.
func whole() Figures {
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

func TestWholeRunHasNoLosses(t *testing.T) {
	if losses := whole().Losses(); len(losses) != 0 {
		t.Fatal(losses)
	}
}

func TestEveryLossIsTold(t *testing.T) {
	f := func(want string, change func(*Figures)) {
		t.Helper()
		figures := whole()
		change(&figures)
		losses := strings.Join(figures.Losses(), "; ")
		if !strings.Contains(losses, want) || want == "" && losses != "" {
			t.Errorf("got %q, want %q", losses, want)
		}
	}
	f("3 spans were dropped", func(f *Figures) { f.Spans.Dropped = 3 })
	f("2 spans were refused", func(f *Figures) { f.Spans.Refused = 2 })
	f("1 spans were given up", func(f *Figures) { f.Spans.Failed = 1 })
	f("stored 20 of the 21", func(f *Figures) { f.Spans.Stored = 20 })
	f("accepted 20 spans; 21 were made (10 by the load, 11 by the server)", func(f *Figures) { f.Spans.Accepted, f.Spans.Stored = 20, 20 })
	f("9 of the 10 traces", func(f *Figures) { f.Traces.Found = 9 })
	f("1 traces have one span", func(f *Figures) { f.Traces.Single = 1 })
	f("counts 5 GET; the load sent 6", func(f *Figures) { f.Counter["get"] = 5 })
	f("counts 0 SET", func(f *Figures) { delete(f.Counter, "set") })
}

func TestWhatIsNoLoss(t *testing.T) {
	f := func(name string, change func(*Figures)) {
		t.Helper()
		figures := whole()
		change(&figures)
		if losses := figures.Losses(); len(losses) != 0 {
			t.Errorf("%s: %v", name, losses)
		}
	}
	f("somebody else used the server too", func(f *Figures) {
		f.Counter["get"] = 100
		f.Spans.Server, f.Spans.Accepted, f.Spans.Stored = 105, 120, 120
	})
	f("Jaeger keeps fewer than were made", func(f *Figures) { f.Traces.Keeps, f.Traces.Found = 4, 4 })
	f("one of others took the place of one", func(f *Figures) {
		f.Load.Operations, f.Traces.Keeps, f.Traces.Found = 20, 20, 19
		f.Spans.Accepted, f.Spans.Stored = 31, 31
	})
	f("an operation that failed may not have arrived", func(f *Figures) {
		f.Load.ByCommand["SET"] = Command{Operations: 4, Errors: 1}
		f.Counter["set"] = 3
	})
	f("the user samples", func(f *Figures) { f.Traces.Sampled, f.Traces.Found, f.Spans.Accepted, f.Spans.Stored = true, 1, 2, 2 })
	f("no load", func(f *Figures) { f.Load, f.Traces = nil, Traces{} })
}

func TestText(t *testing.T) {
	figures := whole()
	figures.Load.Missed = 1
	figures.Load.LatencyMS.P50, figures.Load.LatencyMS.P99, figures.Load.LatencyMS.Max = 0.25, 3.25, 12
	want := `  operations            10 in 2.0 s (5.0/s), 0 errors, 1 could not begin in time
  latency               p50 250 µs, p99 3.25 ms, max 12 ms
  spans                 21 accepted by the collector, 21 stored by Jaeger
  traces                10 found in Jaeger
  redis_commands_total  12 in Prometheus (GET 6, SET 4, and those of connecting)
  memory                90 MiB at the most (jaeger 70, mini-redis 20)
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
	if _, err := ReadLoad(path + ".none"); err == nil || !strings.Contains(err.Error(), "no report") {
		t.Error(err)
	}
}
