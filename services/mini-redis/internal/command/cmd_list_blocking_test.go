package command_test

import (
	"fmt"
	"testing"
	"time"
)

// TestBlockedCall: the span of a blocked call includes the time that it waited, has the
// turn in which it began, and is completed with the reply.
func TestBlockedCall(t *testing.T) {
	h := newHarness(t)
	waiter, pusher := h.connect(), h.connect()
	h.clock.elapsed = time.Second
	waiter.do("TRACED", "1", "traceparent", parentA, "BLPOP", "q", "0")
	if len(h.calls) != 0 {
		t.Fatalf("recorded a call that has not ended: %s", h.recorded())
	}
	h.clock.elapsed += 3 * time.Second
	pusher.do("RPUSH", "q", "x")
	waiter.mustHave("the waiter", "*2 $1 q $1 x")
	if len(h.calls) != 2 {
		t.Fatalf("recorded %s", h.recorded())
	}
	call, turn := h.calls[1], h.turns[1]
	if call.Session != waiter.session || string(call.Args[0]) != "BLPOP" || len(call.Args) != 3 {
		t.Errorf("the call is %q of session %d", call.Args, call.Session.ID)
	}
	if time.Duration(call.Blocked) != 3*time.Second || time.Duration(call.End-call.Start) != 3*time.Second {
		t.Errorf("blocked for %v of %v, want 3s of 3s", time.Duration(call.Blocked), time.Duration(call.End-call.Start))
	}
	if turn.LockGot != int64(time.Second)+1 {
		t.Errorf("the turn of the call began at %d", turn.LockGot)
	}
	if waiter.spans != 1 {
		t.Errorf("%d spans, want 1", waiter.spans)
	}
	h.mustRecord("RPUSH BLPOP@b7ad")
}

func TestBlockedCallThatTimesOut(t *testing.T) {
	h := newHarness(t)
	g := h.connect()
	g.do("BLPOP", "q", "1.5")
	if got := time.Duration(h.engine.NextDeadline() - h.clock.Mono()); got != 1500*time.Millisecond {
		t.Errorf("the next deadline is in %v", got)
	}
	h.pass(1499 * time.Millisecond)
	g.mustHave("before its time", "")
	h.pass(time.Millisecond)
	g.mustHave("at its time", "*-1")
	if c := h.calls[0]; time.Duration(c.Blocked) != 1500*time.Millisecond || c.Error != "" {
		t.Errorf("blocked for %v, error %q", time.Duration(c.Blocked), c.Error)
	}
	if h.engine.NextDeadline() != 0 || h.engine.BlockedClients() != 0 {
		t.Error("a client is still blocked")
	}
}

// TestDeadlines: waits end in the order of their timeouts, and a served client leaves
// the heap of deadlines.
func TestDeadlines(t *testing.T) {
	h := newHarness(t)
	var clients []*client
	for _, seconds := range []string{"5", "0", "3", "1", "4", "2"} {
		g := h.connect()
		g.do("BLPOP", "q"+seconds, "other", seconds)
		clients = append(clients, g)
	}
	h.connect().do("RPUSH", "q3", "x")
	clients[2].mustHave("the served client", "*2 $2 q3 $1 x")
	h.connect().do("CLIENT", "UNBLOCK", fmt.Sprint(clients[4].session.ID))
	clients[4].mustHave("the unblocked client", "*-1")
	for second := 1; second <= 6; second++ {
		h.pass(time.Second)
		for i, ends := range map[int]int{0: 5, 3: 1, 5: 2} {
			want := ""
			if ends == second {
				want = "*-1"
			}
			clients[i].mustHave(fmt.Sprintf("client %d after %d s", i, second), want)
		}
	}
	if h.engine.BlockedClients() != 1 || h.engine.NextDeadline() != 0 {
		t.Errorf("%d are blocked, the next deadline is %d", h.engine.BlockedClients(), h.engine.NextDeadline())
	}
}

func TestUnblockedByErrorIsObserved(t *testing.T) {
	h := newHarness(t)
	waiter, other := h.connect(), h.connect()
	waiter.do("BLPOP", "q", "0")
	other.do("CLIENT", "UNBLOCK", fmt.Sprint(waiter.session.ID), "ERROR")
	h.mustRecord("BLPOP!UNBLOCKED CLIENT UNBLOCK")
}
