package command_test

import (
	"strings"
	"testing"

	"mini-redis/services/mini-redis/internal/command"
	"mini-redis/services/mini-redis/internal/engine"
)

// TestReplyMemory: a request that names one large value many times gets an error.
func TestReplyMemory(t *testing.T) {
	h := newHarness(t)
	h.engine = engine.New(engine.Config{Commands: command.All(), Clock: &h.clock, Host: h, Observer: h, Reply: 10_000})
	g := h.connect()
	g.do("SET", "k", strings.Repeat("x", 3000))
	g.must("MGET k k k k k k", "-ERR the reply is too large")
	g.must("COMMAND INFO"+strings.Repeat(" client", 10), "-ERR the reply is too large")
	g.must("COMMAND DOCS"+strings.Repeat(" client", 10), "-ERR the reply is too large")
	g.must("CLIENT LIST ID"+strings.Repeat(" 1", 100), "-ERR the reply is too large")
	g.do("MULTI")
	for range 6 {
		g.do("GET", "k")
	}
	g.do("SET", "done", "1")
	if got := g.do("EXEC"); len(got) > 0 || !g.session.Closing {
		t.Errorf("%d bytes, closing: %v; want none and true", len(got), g.session.Closing)
	}
	h.connect().must("GET done", "$1 1")
}
