package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"mini-redis/internal/servertest"
)

// backend starts an HTTP server that answers every request with answer().
func backend(t *testing.T, answer func() string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, answer()) }))
	t.Cleanup(s.Close)
	return s.URL
}

const completeTrace = `{"data":[{"traceID":"t","spans":[
 {"spanID":"a","operationName":"check","processID":"p1","startTime":1,"duration":9,"references":[],"tags":[]},
 {"spanID":"b","operationName":"GET","processID":"p1","startTime":2,"duration":7,"references":[{"refType":"CHILD_OF","spanID":"a"}],"tags":[{"key":"span.kind","value":"client"}]},
 {"spanID":"c","operationName":"GET","processID":"p2","startTime":3,"duration":5,"references":[{"refType":"CHILD_OF","spanID":"%s"}],"tags":[{"key":"span.kind","value":"server"}]}],
 "processes":{"p1":{"serviceName":"stack-check"},"p2":{"serviceName":"mini-redis"}}}]}`

func counted(n int) string {
	return fmt.Sprintf(`{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"%d"]}]}}`, n)
}

// startCheck runs the program against a new server.
func startCheck(t *testing.T, jaeger, prometheus string, args ...string) *servertest.Process {
	t.Helper()
	collector := servertest.NewCollector(t)
	addr := servertest.MiniRedis(t, collector.Env()...)
	p := servertest.Start(t, run, collector.Env(), append([]string{"-addr", addr, "-jaeger", jaeger, "-prometheus", prometheus}, args...)...)
	p.Stdout.Await(t, "the call", func(text string) bool { return strings.Contains(text, "trace ") })
	return p
}

func TestCompleteTraceAndCount(t *testing.T) {
	var asked atomic.Int64
	jaeger := backend(t, func() string {
		if asked.Add(1) < 3 {
			return `{"data":[]}` // the trace is not stored yet
		}
		return fmt.Sprintf(completeTrace, "b")
	})
	prometheus := backend(t, func() string { return counted(int(asked.Add(1)) - 3) }) // the first count is too low
	p := startCheck(t, jaeger, prometheus)
	p.Stdout.Await(t, "the count", func(text string) bool { return strings.Contains(text, "redis_commands_total") })
	if code := p.Stop(); code != 0 {
		t.Errorf("exit code %d: %s", code, p.Stderr.String())
	}
	for _, want := range []string{"  client GET (stack-check)\n    server GET (mini-redis)\n", "is 1, the call was number 1\n"} {
		if text := p.Stdout.String(); !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestErrorNamesWhatIsMissing(t *testing.T) {
	good := func() string { return fmt.Sprintf(completeTrace, "b") }
	f := func(name string, jaeger, prometheus func() string, want string) {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // each subtest waits for its timeout of 4 s
			p := startCheck(t, backend(t, jaeger), backend(t, prometheus), "-timeout", "4s")
			p.Stderr.Await(t, "the timeout", func(text string) bool { return strings.Contains(text, "timeout after 4s") })
			if code := p.Stop(); code != 1 {
				t.Errorf("exit code %d", code)
			}
			if text := p.Stderr.String(); !strings.Contains(text, want) {
				t.Errorf("no %q in\n%s", want, text)
			}
		})
	}
	f("no trace", func() string { return `{"data":[]}` }, good, "Jaeger: timeout after 4s: no trace with ID ")
	f("the wrong parent", func() string { return fmt.Sprintf(completeTrace, "a") }, good, "  server GET (mini-redis)\nwant\n")
	f("not counted", good, func() string { return counted(0) }, "Prometheus: timeout after 4s: the count is 0, but the call was number 1")
	f("no series", good, func() string { return `{"status":"success","data":{"resultType":"vector","result":[]}}` }, "no series for redis_commands_total")
}

func TestUnsampledCallIsAnError(t *testing.T) {
	addr := servertest.MiniRedis(t, "OTEL_SDK_DISABLED=true")
	p := servertest.Start(t, run, []string{"OTEL_TRACES_SAMPLER=always_off", "OTEL_METRICS_EXPORTER=none"}, "-addr", addr)
	p.Stderr.Await(t, "the error", func(text string) bool { return strings.Contains(text, "is not sampled") })
	if code := p.Stop(); code != 1 {
		t.Errorf("exit code %d", code)
	}
}
