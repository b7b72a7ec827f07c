package command_test

import (
	"strings"
	"testing"

	"mini-redis/services/mini-redis/internal/command"
	"mini-redis/services/mini-redis/internal/engine"
)

// TestTransactionMemory: the memory of a transaction is limited.
func TestTransactionMemory(t *testing.T) {
	h := newHarness(t)
	h.engine = engine.New(engine.Config{Commands: command.All(), Clock: &h.clock, Host: h, Observer: h, TxBytes: 10_000})
	g := h.connect()
	big := strings.Repeat("x", 4000)
	g.must("MULTI", "+OK")
	g.must("SET a "+big, "+QUEUED")
	g.must("SET b "+big, "+QUEUED")
	g.must("SET c "+big, "-ERR the commands queued by MULTI take too much memory")
	g.must("SET d x", "+QUEUED")
	g.must("EXEC", "-EXECABORT Transaction discarded because of previous errors.")
	g.must("EXISTS a b c d", ":0")
	g.must("MULTI", "+OK")
	for range 200 {
		g.do("PING") // the overhead of small commands counts
	}
	g.must("EXEC", "-EXECABORT Transaction discarded because of previous errors.")
}

func TestTransactionCalls(t *testing.T) {
	traced := func(parent, rest string) string { return "TRACED 1 traceparent " + parent + " " + rest }
	f := func(want string, requests ...string) {
		t.Helper()
		h := newHarness(t)
		g := h.connect()
		for _, line := range requests {
			g.do(strings.Fields(line)...)
		}
		h.mustRecord(want)
	}
	f("MULTI SET/nested GET/nested EXEC", "MULTI", "SET k v", "GET k", "EXEC")
	f("MULTI SET/nested@b7ad GET/nested EXEC@00f0", "MULTI", traced(parentA, "SET k v"), "GET k", traced(parentB, "EXEC"))
	// EXEC without a context inherits that of the first command that has one.
	f("MULTI GET/nested SET/nested@b7ad SET/nested@00f0 EXEC@b7ad",
		"MULTI", "GET k", traced(parentA, "SET k v"), traced(parentB, "SET k v"), "EXEC")
	f("MULTI SET/nested@b7ad EXEC@b7ad", "MULTI", traced(parentA, "SET k v"), "TRACED 0 EXEC")
	f("MULTI _OTHER!ERR/rejected EXEC!EXECABORT@b7ad", "MULTI", traced(parentA, "SET k v"), "NOSUCH", "EXEC")
	f("MULTI _OTHER!ERR/rejected EXEC!EXECABORT@b7ad", "MULTI", "NOSUCH", traced(parentA, "SET k v"), "EXEC")
	f("MULTI EXEC!EXECABORT/rejected@b7ad", "MULTI", traced(parentA, "SET k v"), "EXEC x")
	f("WATCH SET MULTI EXEC@b7ad", "WATCH k", "SET k 1", "MULTI", traced(parentA, "GET k"), "EXEC")
	f("MULTI DISCARD", "MULTI", traced(parentA, "GET k"), "DISCARD")
	f("MULTI DISCARD@b7ad", "MULTI", "GET k", traced(parentA, "DISCARD"))
	f("MULTI TRACED!ERR/rejected EXEC!EXECABORT", "MULTI", "TRACED 1 GET k", "EXEC")
}
