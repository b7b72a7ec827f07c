package command_test

import (
	"testing"
	"time"
)

// TestPauseKeepsTheOrder: postponed requests run in the order in which they arrived.
func TestPauseKeepsTheOrder(t *testing.T) {
	h := newHarness(t)
	admin, a, b := h.connect(), h.connect(), h.connect()
	admin.do("CLIENT", "PAUSE", "1000", "WRITE")
	a.do("APPEND", "k", "a")
	b.do("APPEND", "k", "b")
	a.do("APPEND", "k", "c")
	admin.must("GET k", "$-1")
	if got := h.engine.NextDeadline(); got != int64(time.Second)+1 {
		t.Errorf("the pause ends at %d", got)
	}
	h.pass(time.Second)
	a.mustHave("the first", ":1 :3")
	b.mustHave("the second", ":2")
	admin.must("GET k", "$3 abc")
}

// TestUnpauseInsideExec: no postponed request runs between the commands of a transaction
// that ends the pause.
func TestUnpauseInsideExec(t *testing.T) {
	h := newHarness(t)
	admin, g := h.connect(), h.connect()
	admin.do("CLIENT", "PAUSE", "60000", "WRITE")
	g.do("RPUSH", "q", "x")
	admin.do("MULTI")
	admin.do("LLEN", "q")
	admin.do("CLIENT", "UNPAUSE")
	admin.do("LLEN", "q")
	admin.must("EXEC", "*3 :0 +OK :0")
	g.mustHave("the postponed request", ":1")
}

// TestLongerPauseWins: a second pause neither shortens nor weakens the first.
func TestLongerPauseWins(t *testing.T) {
	h := newHarness(t)
	admin, g := h.connect(), h.connect()
	admin.do("MULTI")
	admin.do("CLIENT", "PAUSE", "100", "ALL")
	admin.do("CLIENT", "PAUSE", "50", "WRITE")
	admin.must("EXEC", "*2 +OK +OK")
	g.do("PING")
	h.pass(99 * time.Millisecond)
	g.mustHave("before its end", "")
	h.pass(time.Millisecond)
	g.mustHave("at its end", "+PONG")
}

// TestPausesDoNotAddUp: a pause of all requests that has ended does not affect the next.
func TestPausesDoNotAddUp(t *testing.T) {
	h := newHarness(t)
	admin, g := h.connect(), h.connect()
	admin.do("CLIENT", "PAUSE", "10", "ALL")
	h.pass(20 * time.Millisecond)
	admin.must("CLIENT PAUSE 1000 WRITE", "+OK")
	g.must("GET k", "$-1")
	admin.must("CLIENT UNPAUSE", "+OK")
	g.must("SET k v", "+OK")
}

// TestPostponedCall: the span of a postponed request includes the time of the pause.
func TestPostponedCall(t *testing.T) {
	h := newHarness(t)
	admin, g := h.connect(), h.connect()
	admin.do("CLIENT", "PAUSE", "60000", "WRITE")
	g.do("MULTI")
	h.recorded()
	g.do("TRACED", "1", "traceparent", parentA, "SET", "k", "1")
	h.clock.elapsed += time.Second
	admin.do("CLIENT", "UNPAUSE")
	g.must("GET k", "+QUEUED +QUEUED")
	admin.do("CLIENT", "PAUSE", "60000", "WRITE")
	g.do("TRACED", "1", "traceparent", parentB, "EXEC")
	h.clock.elapsed += 2 * time.Second
	h.recorded()
	admin.do("CLIENT", "UNPAUSE")
	g.mustHave("the transaction", "*2 +OK $1 1")
	if g.spans != 2 {
		t.Errorf("%d spans, want 2", g.spans)
	}
	last := h.calls[len(h.calls)-1]
	if time.Duration(last.Blocked) != 2*time.Second || time.Duration(last.End-last.Start) != 2*time.Second {
		t.Errorf("EXEC was blocked for %v of %v, want 2s of 2s", time.Duration(last.Blocked), time.Duration(last.End-last.Start))
	}
	h.mustRecord("CLIENT UNPAUSE SET/nested@b7ad GET/nested EXEC@00f0")
}
