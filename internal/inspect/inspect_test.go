package inspect

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// serve starts a server that answers every request with body. last returns the URL of the last
// request.
func serve(t *testing.T, status int, body string) (base string, last func() *url.URL) {
	t.Helper()
	var seen *url.URL
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r.URL
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(s.Close)
	return s.URL, func() *url.URL { return seen }
}

func TestTotals(t *testing.T) {
	base, _ := serve(t, 200, `# HELP spans Spans.
# TYPE spans counter
spans{a="x y",b="}"} 3
spans{a="z"} 4e2 1700000000000
single 1.5

broken{a="1"}
nothing{a="1"} word
`)
	totals, err := Client{}.Totals(t.Context(), base)
	if err != nil || len(totals) != 2 || totals["spans"] != 403 || totals["single"] != 1.5 {
		t.Fatalf("%v, %v", totals, err)
	}
}

func TestQuery(t *testing.T) {
	base, last := serve(t, 200, `{"status":"success","data":{"resultType":"vector","result":[
		{"metric":{"cmd":"get"},"value":[1700000000.1,"12"]},{"metric":{"cmd":"set"},"value":[1700000000.1,"30.5"]}]}}`)
	p := Prometheus{Base: base}
	values, err := p.ByLabel(t.Context(), `sum by (cmd) (redis_commands_total{cmd!=""})`, "cmd")
	if err != nil || values["get"] != 12 || values["set"] != 30.5 {
		t.Fatalf("%v, %v", values, err)
	}
	if got := last().Query().Get("query"); got != `sum by (cmd) (redis_commands_total{cmd!=""})` {
		t.Errorf("query parameter %q", got)
	}
}

func TestScalarWithoutSeries(t *testing.T) {
	base, _ := serve(t, 200, `{"status":"success","data":{"resultType":"vector","result":[]}}`)
	if value, ok, err := (Prometheus{Base: base}).Scalar(t.Context(), "up"); value != 0 || ok || err != nil {
		t.Fatal(value, ok, err)
	}
}

func TestExemplars(t *testing.T) {
	base, last := serve(t, 200, `{"status":"success","data":[{"seriesLabels":{"cmd":"get","le":"0.1"},
		"exemplars":[{"labels":{"trace_id":"abc","span_id":"1"},"value":"0.25","timestamp":1700000000.5}]}]}`)
	found, err := Prometheus{Base: base}.Exemplars(t.Context(), "x_bucket", time.Unix(10, 5e8), time.Unix(20, 0))
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	if e := found[0]; e.TraceID != "abc" || e.Value != 0.25 || e.Series["cmd"] != "get" || !e.At.Equal(time.UnixMilli(1700000000500)) {
		t.Errorf("%+v", e)
	}
	if got := last().Query(); got.Get("start") != "10.500" || got.Get("end") != "20.000" {
		t.Errorf("query parameters %v, want start 10.500 and end 20.000", got)
	}
}

const twoTraces = `{"data":[
 {"traceID":"t1","spans":[
  {"spanID":"b","operationName":"SET","processID":"p1","startTime":1700000000000010,"duration":80,"references":[{"refType":"CHILD_OF","spanID":"a"}],"tags":[{"key":"span.kind","value":"client"}]},
  {"spanID":"a","operationName":"hello","processID":"p1","startTime":1700000000000000,"duration":300,"references":[],"tags":[]},
  {"spanID":"d","operationName":"GET","processID":"p1","startTime":1700000000000100,"duration":80,"references":[{"refType":"CHILD_OF","spanID":"a"}],"tags":[{"key":"span.kind","value":"client"}]},
  {"spanID":"c","operationName":"SET","processID":"p2","startTime":1700000000000020,"duration":20,"references":[{"refType":"CHILD_OF","spanID":"b"}],"tags":[{"key":"span.kind","value":"server"}]}],
  "processes":{"p1":{"serviceName":"hello"},"p2":{"serviceName":"mini-redis"}}},
 {"traceID":"t2","spans":[{"spanID":"x","operationName":"GET","processID":"p1","startTime":1,"duration":1,"references":[{"refType":"CHILD_OF","spanID":"gone"}],"tags":[]}],
  "processes":{"p1":{"serviceName":"hello"}}}],"errors":null}`

func TestTraceReturnsATree(t *testing.T) {
	base, _ := serve(t, 200, twoTraces)
	roots, err := Jaeger{Base: base}.Trace(t.Context(), "t1")
	if err != nil {
		t.Fatal(err)
	}
	want := "internal hello (hello)\n  client SET (hello)\n    server SET (mini-redis)\n  client GET (hello)\n"
	if got := Outline(roots); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := roots[0].Children[0].Duration; got != 80*time.Microsecond {
		t.Errorf("duration %v", got)
	}
}

func TestCountCountsEachTraceOnce(t *testing.T) {
	base, last := serve(t, 200, twoTraces)
	from := time.Unix(1700000000, 0)
	count, err := Jaeger{Base: base}.Count(t.Context(), "hello", from, from.Add(5*time.Second), 77)
	if err != nil || count != (Count{Traces: 2, Spans: 5, Single: 1}) {
		t.Fatalf("%+v, %v", count, err)
	}
	if q := last().Query(); q.Get("service") != "hello" || q.Get("limit") != "77" || q.Get("start") != "1700000004000000" || q.Get("end") != "1700000005000000" {
		t.Errorf("query parameters of the last window: %v", q)
	}
}

func TestSearchByTags(t *testing.T) {
	base, last := serve(t, 200, `{"data":null,"errors":null}`)
	found, err := Jaeger{Base: base}.Find(t.Context(), Search{Service: "s", Operation: "GET", Tags: map[string]string{"error": "true"}, Limit: 3})
	if err != nil || len(found) != 0 {
		t.Fatal(found, err)
	}
	if q := last().Query(); q.Get("operation") != "GET" || q.Get("tags") != `{"error":"true"}` {
		t.Errorf("%v", q)
	}
}

func TestUnknownTraceIsNotAnError(t *testing.T) {
	base, _ := serve(t, 404, `{"data":null,"errors":[{"code":404,"msg":"trace not found"}]}`)
	if roots, err := (Jaeger{Base: base}).Trace(t.Context(), "t"); roots != nil || err != nil {
		t.Fatal(roots, err)
	}
}

func TestErrorContainsURLAndBody(t *testing.T) {
	base, _ := serve(t, 500, "out of order")
	_, err := Jaeger{Base: base}.Newest(t.Context(), "s")
	if !IsStatus(err, 500) || !strings.Contains(err.Error(), "/api/traces?") || !strings.Contains(err.Error(), "out of order") {
		t.Fatal(err)
	}
}

func TestWaitReadyReturnsTheLastError(t *testing.T) {
	base, _ := serve(t, 503, "starting")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	err := Client{}.WaitReady(ctx, base)
	if err == nil || !strings.Contains(err.Error(), "starting") && !strings.Contains(err.Error(), "deadline") {
		t.Fatal(err)
	}
	good, _ := serve(t, 200, "")
	if err := (Client{}).WaitReady(t.Context(), good); err != nil {
		t.Fatal(err)
	}
}
