package main

import (
	"regexp"
	"strings"
	"testing"

	"mini-redis/internal/servertest"
)

func TestPublish(t *testing.T) {
	collector := servertest.NewCollector(t)
	addr := servertest.MiniRedis(t, collector.Env()...)
	env := append(collector.Env(), "MINI_REDIS_ADDR="+addr)
	f := func(first string, args ...string) {
		t.Helper()
		pub := servertest.Start(t, run, env, args...)
		link := regexp.MustCompile(`http://127.0.0.1:16686/trace/([0-9a-f]{32})\n$`)
		pub.Stdout.Await(t, "a link", link.MatchString)
		if got, _, _ := strings.Cut(pub.Stdout.String(), "\n"); got != first {
			t.Errorf("%q: %q, want %q", args, got, first)
		}
		const want = "pub: INTERNAL pub\n  pub: CLIENT PUBLISH\n    mini-redis: SERVER PUBLISH\n"
		if got := collector.Trace(t, link.FindStringSubmatch(pub.Stdout.String())[1], 3); got != want {
			t.Errorf("%q: the trace is\n%swant\n%s", args, got, want)
		}
		if code := pub.Stop(); code != 0 {
			t.Errorf("%q: exit code %d: %s", args, code, pub.Stderr.String())
		}
	}
	f(`"hello" delivered to 0 subscribers of numbers`)
	f(`"one, two" delivered to 0 subscribers of elsewhere`, "elsewhere", "one, two")
}
