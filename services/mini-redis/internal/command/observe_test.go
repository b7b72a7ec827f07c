package command_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"mini-redis/internal/resp"
	"mini-redis/services/mini-redis/internal/command"
	"mini-redis/services/mini-redis/internal/engine"
)

const (
	traceA  = "0af7651916cd43dd8448eb211c80319c"
	parentA = "00-" + traceA + "-b7ad6b7169203331-01"
	parentB = "00-" + traceA + "-00f067aa0ba902b7-01"
)

// recorded describes the calls that the observer has recorded since the last call: the
// operation, with marks for what else is known.
func (h *harness) recorded() string {
	var list []string
	for _, c := range h.calls {
		text := "_OTHER"
		if c.Spec != nil {
			text = c.Spec.Operation
		}
		if c.Error != "" {
			text += "!" + c.Error
		}
		if c.Rejected {
			text += "/rejected"
		}
		if c.Nested {
			text += "/nested"
		}
		if c.Parent.IsValid() {
			text += "@" + c.Parent.SpanID().String()[:4]
		} else if c.Traced {
			text += "@none"
		}
		list = append(list, text)
	}
	h.calls, h.turns = nil, nil
	return strings.Join(list, " ")
}

func (h *harness) mustRecord(want string) {
	h.t.Helper()
	if got := h.recorded(); got != want {
		h.t.Errorf("recorded calls:\n%s\nwant\n%s", got, want)
	}
}

func TestCalls(t *testing.T) {
	f := func(want string, requests ...string) {
		t.Helper()
		h := newHarness(t)
		g := h.connect()
		for _, line := range requests {
			g.do(strings.Fields(line)...)
		}
		h.mustRecord(want)
	}
	f("SET GET", "SET k v", "get k")
	f("CLIENT ID", "client id")
	f("_OTHER!ERR/rejected", "NOSUCH x")
	f("_OTHER!ERR/rejected", "CLIENT NOSUCH")
	f("GET!ERR/rejected", "GET")
	f("SET INCR!ERR", "SET k v", "INCR k")
	f("RPUSH GET!WRONGTYPE", "RPUSH l x", "GET l")
	f("HELLO!NOPROTO", "HELLO 9")
	f("SET@b7ad", "TRACED 1 traceparent "+parentA+" SET k v")
	f("GET@none", "TRACED 0 GET k")
	f("GET@none", "TRACED 1 traceparent rubbish GET k")
	f("_OTHER!ERR/rejected@b7ad", "TRACED 1 traceparent "+parentA+" NOSUCH")
	f("GET!ERR/rejected@b7ad", "TRACED 1 traceparent "+parentA+" GET")
	f("TRACED!ERR/rejected", "TRACED x GET k")
	f("TRACED!ERR/rejected", "TRACED 0 TRACED 0 GET k")
	f("SUBSCRIBE GET!ERR/rejected", "SUBSCRIBE a", "GET k")
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
	// EXEC without a context continues the first command's that has one.
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

// TestContextBeforeAuthentication: an unknown client creates no spans.
func TestContextBeforeAuthentication(t *testing.T) {
	h := newHarness(t)
	h.engine.SetPassword("sesame")
	g := h.connect()
	g.do("TRACED", "1", "traceparent", parentA, "GET", "k")
	g.do("TRACED", "1", "traceparent", parentA, "AUTH", "sesame")
	g.do("TRACED", "1", "traceparent", parentA, "GET", "k")
	h.mustRecord("GET!NOAUTH/rejected AUTH GET@b7ad")
	if !g.session.ContextAware {
		t.Error("a client that sends TRACED is not context-aware")
	}
}

func TestContextAware(t *testing.T) {
	f := func(want bool, words ...string) {
		t.Helper()
		g := newHarness(t).connect()
		g.do(words...)
		g.do("RESET")
		if g.session.ContextAware != want {
			t.Errorf("after %q context-aware is %v", words, !want)
		}
	}
	f(false, "GET", "k")
	f(true, "TRACED", "0", "GET", "k")
	f(true, "TRACED", "0", "NOSUCH")
	f(false, "TRACED", "x", "GET", "k")
	f(false, "CLIENT", "SETINFO", "LIB-NAME", "go-redis(,go1.26)")
	f(true, "CLIENT", "SETINFO", "LIB-NAME", "go-redis(,go1.26,resptrace)")
	f(false, "CLIENT", "SETINFO", "LIB-VER", "resptrace")
}

// TestBlockedCall: the span of a blocked call covers its waiting, with the turn
// it began in, and is handed over with the reply.
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

// TestDeadlines: whoever waits for the shortest time goes first, and those who
// are served do not wait in the heap.
func TestDeadlines(t *testing.T) {
	h := newHarness(t)
	var clients []*client
	for _, seconds := range []string{"5", "0", "3", "1", "4", "2"} {
		g := h.connect()
		g.do("BLPOP", "q"+seconds, "other", seconds)
		clients = append(clients, g)
	}
	h.connect().do("RPUSH", "q3", "x")
	clients[2].mustHave("the one who is served", "*2 $2 q3 $1 x")
	h.connect().do("CLIENT", "UNBLOCK", fmt.Sprint(clients[4].session.ID))
	clients[4].mustHave("the one who is let go", "*-1")
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

func TestUnblockedByErrorIsToldAsOne(t *testing.T) {
	h := newHarness(t)
	waiter, other := h.connect(), h.connect()
	waiter.do("BLPOP", "q", "0")
	other.do("CLIENT", "UNBLOCK", fmt.Sprint(waiter.session.ID), "ERROR")
	h.mustRecord("BLPOP!UNBLOCKED CLIENT UNBLOCK")
}

// TestPostponedCall: the spans of a request that a pause held up tell of it.
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
		t.Errorf("EXEC was held up for %v of %v, want 2s of 2s", time.Duration(last.Blocked), time.Duration(last.End-last.Start))
	}
	h.mustRecord("CLIENT UNPAUSE SET/nested@b7ad GET/nested EXEC@00f0")
}

// TestCallTimes: the calls of a batch lie end to end, from when the lock was got.
func TestCallTimes(t *testing.T) {
	h := newHarness(t)
	clock := &tickingClock{}
	e := engine.New(engine.Config{Commands: command.All(), Clock: clock, Host: h, Observer: h})
	s := e.NewSession(1, nil)
	e.BeginTurn(engine.Turn{Wake: 1, LockAsk: 2, LockGot: clock.Mono()})
	var w resp.Writer
	for _, request := range [][]string{{"PING"}, {"NOSUCH"}, {"MULTI"}, {"PING"}, {"EXEC"}} {
		e.Exec(s, toBytes(request), false, &w)
	}
	if len(h.calls) != 5 {
		t.Fatalf("recorded %s", h.recorded())
	}
	end := h.turns[0].LockGot
	for i, c := range h.calls {
		if i == 4 { // EXEC begins when what it runs begins
			end = h.calls[2].End
		}
		if c.Start != end || c.End <= c.Start {
			t.Errorf("%s lasted from %d to %d, the one before ended at %d", c.Args[0], c.Start, c.End, end)
		}
		end = c.End
	}
}

// tickingClock goes on by a millisecond each time it is asked.
type tickingClock struct{ fakeClock }

func (c *tickingClock) Mono() int64 {
	c.elapsed += time.Millisecond
	return c.fakeClock.Mono()
}
