package main

import (
	"strings"
	"testing"
	"time"

	"mini-redis/internal/servertest"
)

func TestMessagesArePrintedAndTraced(t *testing.T) {
	collector := servertest.NewCollector(t)
	addr := servertest.MiniRedis(t, collector.Env()...)
	sub := servertest.Start(t, run, append(collector.Env(), "MINI_REDIS_ADDR="+addr), "a", "b")
	const begun = "subscribed to [a b] (press Ctrl-C to quit)\n"
	sub.Stdout.MustShow(t, begun)
	for _, command := range []string{"PUBLISH a one", "PUBLISH b two", "PUBLISH c three"} {
		servertest.Ask(t, addr, command)
	}
	sub.Stdout.MustShow(t, begun+"a: one\nb: two\n")
	if code := sub.Stop(); code != 0 || sub.Stderr.String() != "" {
		t.Errorf("exit code %d: %s", code, sub.Stderr.String())
	}

	var seen []string
	for deadline := time.Now().Add(20 * time.Second); len(seen) < 2 && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		seen = nil
		for _, s := range collector.Spans() {
			if s.Service == "sub" {
				seen = append(seen, s.Kind+" "+s.Name+" "+s.Parent+s.Attributes["messaging.destination.name"])
			}
		}
	}
	if got := strings.Join(seen, ", "); got != "CONSUMER process a, CONSUMER process b" {
		t.Errorf("spans: %s", got)
	}
}
