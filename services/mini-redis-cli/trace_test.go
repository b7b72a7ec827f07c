package main

import (
	"regexp"
	"strings"
	"testing"

	"mini-redis/internal/servertest"
)

var traceID = regexp.MustCompile(`(?m)^trace ([0-9a-f]{32})`)

func mustTraceID(t *testing.T, text string) string {
	t.Helper()
	id := traceID.FindStringSubmatch(text)
	if id == nil {
		t.Fatalf("no trace id in %q", text)
	}
	return id[1]
}

func TestTraceContinuesInTheServer(t *testing.T) {
	collector := servertest.NewCollector(t)
	addr := servertest.MiniRedis(t, collector.Env()...)
	f := func(stdout, tree string, spans int, args ...string) {
		t.Helper()
		env := append(collector.Env(), "MINI_REDIS_ADDR="+addr, "MINI_REDIS_JAEGER=http://jaeger:16686/")
		got := runCLI(t.Context(), env, append([]string{"-trace", "--no-raw"}, args...)...)
		id := mustTraceID(t, got.stderr)
		if got.stdout != stdout || got.stderr != "trace "+id+"\n      http://jaeger:16686/trace/"+id+"\n" {
			t.Errorf("%q: %+v", args, got)
		}
		if got := collector.Trace(t, id, spans); got != tree {
			t.Errorf("%q: the trace is\n%swant\n%s", args, got, tree)
		}
	}
	f("OK\n", "mini-redis-cli: CLIENT SET\n  mini-redis: SERVER SET\n", 2, "set", "k", "v", "60000")
	f("\"v\"\n", "mini-redis-cli: CLIENT GET\n  mini-redis: SERVER GET\n", 2, "get", "k")
	f("(error) WRONGTYPE Operation against a key holding the wrong kind of value\n",
		"mini-redis-cli: CLIENT LPUSH\n  mini-redis: SERVER LPUSH\n", 2, "lpush", "k", "v")
	f("(integer) 0\n", "mini-redis-cli: CLIENT PUBLISH\n  mini-redis: SERVER PUBLISH\n", 2, "-3", "publish", "c", "m")

	for _, s := range collector.Spans() {
		if s.Service != serviceName {
			continue
		}
		a := s.Attributes
		if a["db.system.name"] != "redis" || a["db.operation.name"] != s.Name || a["server.address"] != "127.0.0.1" || a["network.peer.address"] != "127.0.0.1" {
			t.Errorf("%s: %v", s.Name, a)
		}
		if failed := s.Name == "LPUSH"; s.Failed != failed || (failed && (a["db.response.status_code"] != "WRONGTYPE" || a["error.type"] != "WRONGTYPE")) {
			t.Errorf("%s: failed %v, %v", s.Name, s.Failed, a)
		}
		for key, value := range a {
			if strings.Contains(value, "holding") {
				t.Errorf("span %s contains the error text: %s=%s", s.Name, key, value)
			}
		}
	}
}

func TestSubscribeSpanEndsWithTheConfirmation(t *testing.T) {
	collector := servertest.NewCollector(t)
	addr := servertest.MiniRedis(t, collector.Env()...)
	cli := servertest.Start(t, run, collector.Env(), withAddr(addr, "-trace", "-jaeger", "", "subscribe", "a", "b")...)
	cli.Stdout.MustShow(t, "subscribe\na\n1\nsubscribe\nb\n2\n")
	// The trace is printed and exported while the subscription continues.
	want := "mini-redis-cli: CLIENT SUBSCRIBE\n  mini-redis: SERVER SUBSCRIBE\n"
	cli.Stderr.Await(t, "a trace", traceID.MatchString)
	if got := collector.Trace(t, mustTraceID(t, cli.Stderr.String()), 2); got != want {
		t.Errorf("the trace\n%swant\n%s", got, want)
	}
	if code := cli.Stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestServerWithoutTraceContextSupport(t *testing.T) {
	collector := servertest.NewCollector(t)
	addr := servertest.Redis(t)
	got := runCLI(t.Context(), collector.Env(), withAddr(addr, "-trace", "-jaeger", "", "set", "k", "v")...)
	id := mustTraceID(t, got.stderr)
	if got.stdout != "OK\n" || !strings.Contains(got.stderr, "has only the client's span") {
		t.Errorf("%+v", got)
	}
	if got, want := collector.Trace(t, id, 1), "mini-redis-cli: CLIENT SET\n"; got != want {
		t.Errorf("the trace\n%swant\n%s", got, want)
	}
	if stats := runCLI(t.Context(), nil, withAddr(addr, "info", "commandstats")...); strings.Contains(stats.stdout, "traced") {
		t.Errorf("TRACED was sent: %s", stats.stdout)
	}
}

func TestUnsampledTrace(t *testing.T) {
	servertest.Each(t, func(t *testing.T, addr string) {
		got := runCLI(t.Context(), []string{"OTEL_TRACES_SAMPLER=always_off"}, withAddr(addr, "-trace", "ping")...)
		if got.stdout != "PONG\n" || got.code != 0 || !strings.Contains(got.stderr, "was not recorded") {
			t.Errorf("%+v", got)
		}
	})
}

func TestUnreachableCollectorDoesNotFailTheCall(t *testing.T) {
	addr := servertest.Redis(t)
	away, err := servertest.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	got := runCLI(t.Context(), []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://" + away}, withAddr(addr, "-trace", "ping")...)
	if got.stdout != "PONG\n" || got.code != 0 || !strings.Contains(got.stderr, "was not exported") {
		t.Errorf("%+v", got)
	}
}

func TestOperationIsACommandName(t *testing.T) {
	f := func(command, want string) {
		t.Helper()
		if got := operation(command); got != want {
			t.Errorf("%q is %q, want %q", command, got, want)
		}
	}
	f("get", "GET")
	f("JSON.SET", "JSON.SET")
	f("set k secret", "_OTHER")
	f("", "_OTHER")
	f(strings.Repeat("x", 33), "_OTHER")
}
