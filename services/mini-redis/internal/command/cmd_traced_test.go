package command_test

import (
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

// TestContextBeforeAuthentication: the context of an unauthenticated client is ignored.
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

// TestCallTimes: each call of a batch starts when the one before it ended; the first starts
// when the lock was taken.
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

// tickingClock advances by a millisecond at each reading.
type tickingClock struct{ fakeClock }

func (c *tickingClock) Mono() int64 {
	c.elapsed += time.Millisecond
	return c.fakeClock.Mono()
}
