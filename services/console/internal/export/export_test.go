package export

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"mini-redis/services/console/internal/lint"
	"mini-redis/services/console/internal/model"
)

func TestJSON(t *testing.T) {
	store := &model.Store{RetainFor: -1}
	x := store.Add("server")
	x.Now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for _, wire := range []uint64{30, 10, 20} {
		x.Tasks[wire] = &model.Task{Target: x, WireID: wire, ID: wire, Stats: model.TaskStats{Created: x.Now.Add(-time.Second)}}
	}
	x.Events = []*model.Event{{Target: x, Level: model.Warn, Message: "slow", Task: 10, Fields: []model.Field{{Name: "n", Value: "1"}}}}
	x.Spans = []*model.Span{{Target: x, ID: 7, Start: x.Now.Add(-2 * time.Second), Events: []model.SpanEvent{{Name: "retry"}}, Name: "GET", Fields: []model.Field{{Name: "a", Value: "1", Unit: "ms"}}}}
	var b strings.Builder
	if err := JSON(&b, store, &lint.Findings{List: []lint.Warning{{Lint: "leaked", Target: x, Text: "one"}}}); err != nil {
		t.Fatal(err)
	}
	var d Document
	if err := json.Unmarshal([]byte(b.String()), &d); err != nil {
		t.Fatal(err)
	}
	got := d.Targets[0]
	if len(got.Tasks) != 3 || got.Tasks[0].ID != 10 || got.Tasks[2].ID != 30 || got.Tasks[0].Total != time.Second || got.Spans[0].ID != "0000000000000007" ||
		got.Spans[0].Fields["a"] != "1ms" || !got.Spans[0].Open || got.Spans[0].Duration != 2*time.Second || got.Spans[0].Events[0].Name != "retry" ||
		got.Events[0].Level != "WARN" || got.Events[0].Message != "slow" || got.Events[0].Task != 10 || got.Events[0].Fields["n"] != "1" || d.Warnings[0].Target != "server" {
		t.Errorf("unexpected document: %s", b.String())
	}
}

func TestCSVQuoting(t *testing.T) {
	var b strings.Builder
	if err := CSV(&b, []string{"Name", "Note"}, [][]string{{"a,b", "say \"x\"\nand y"}, {"c", ""}}); err != nil {
		t.Fatal(err)
	}
	if want := "Name,Note\n\"a,b\",\"say \"\"x\"\"\nand y\"\nc,\n"; b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}
