package main

import (
	"regexp"
	"strings"
	"testing"

	"mini-redis/internal/servertest"
)

// The trace is complete while -hold keeps the connection open.
func TestTraceIsCompleteWhileTheConnectionIsOpen(t *testing.T) {
	collector := servertest.NewCollector(t)
	addr := servertest.MiniRedis(t, collector.Env()...)
	env := append(collector.Env(), "MINI_REDIS_ADDR="+addr, "MINI_REDIS_JAEGER=http://jaeger:16686")
	hello := servertest.Start(t, run, env, "-hold")
	hello.Stdout.Await(t, "the message of -hold", func(text string) bool { return strings.Contains(text, "still open") })

	shown := regexp.MustCompile(`^hello world\n\ntrace  ([0-9a-f]{32})\n       http://jaeger:16686/trace/([0-9a-f]{32})\n`).
		FindStringSubmatch(hello.Stdout.String())
	if shown == nil || shown[1] != shown[2] {
		t.Fatalf("output: %q", hello.Stdout.String())
	}
	const want = `hello: INTERNAL hello
  hello: CLIENT GET
    mini-redis: SERVER GET
  hello: CLIENT SET
    mini-redis: SERVER SET
`
	if got := collector.Trace(t, shown[1], 5); got != want {
		t.Errorf("the trace\n%swant\n%s", got, want)
	}
	if clients := servertest.Ask(t, addr, "CLIENT LIST"); !strings.Contains(clients, "resptrace") {
		t.Errorf("CLIENT LIST has no connection of hello: %s", clients)
	}
	if code := hello.Stop(); code != 0 || hello.Stderr.String() != "" {
		t.Errorf("exit code %d: %s", code, hello.Stderr.String())
	}
}

func TestServerNotReachable(t *testing.T) {
	addr, err := servertest.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	hello := servertest.Start(t, run, []string{"MINI_REDIS_ADDR=" + addr, "OTEL_SDK_DISABLED=true"})
	hello.Stderr.Await(t, "an error", func(text string) bool { return strings.HasSuffix(text, "\n") })
	if code := hello.Stop(); code != 1 || !strings.Contains(hello.Stderr.String(), "cannot connect to Redis at "+addr) {
		t.Errorf("exit code %d: %s", code, hello.Stderr.String())
	}
}
