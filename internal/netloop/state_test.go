package netloop

import (
	"strings"
	"testing"
)

// allowed has a row for each state: the states that may follow it.
var allowed = map[State]string{
	Open:     "blocked paused draining closing closed",
	Blocked:  "open paused draining closing closed",
	Paused:   "open blocked draining closing closed",
	Draining: "closing closed",
	Closing:  "closed",
	Closed:   "",
}

func TestTransitions(t *testing.T) {
	for from := Open; from <= Closed; from++ {
		for to := Open; to <= Closed; to++ {
			want := strings.Contains(" "+allowed[from]+" ", " "+to.String()+" ")
			if got := changes(from, to); got != want {
				t.Errorf("from %v to %v: allowed %v, want %v", from, to, got, want)
			}
		}
	}
}

// changes reports whether setState accepts a transition.
func changes(from, to State) (ok bool) {
	c := &Conn{state: from}
	defer func() { ok = recover() == nil && c.state == to }()
	c.setState(to)
	return
}

// Each row runs steps on a new connection and then expects a state and an output.
// "turn off" makes the link take nothing, "turn on" makes it take everything, and
// other steps that begin with "!" are executed by another loop.
func TestStates(t *testing.T) {
	for name, f := range map[string]struct {
		steps string
		state State
		sent  string
	}{
		"a reply":                     {"ECHO a", Open, bulk("a")},
		"a blocked request":           {"ECHO a;WAIT;ECHO b", Blocked, bulk("a")},
		"served":                      {"WAIT;ECHO b;!REPLY c x", Open, "+x\r\n" + bulk("b")},
		"a paused request":            {"PAUSE;ECHO b", Paused, ""},
		"resumed":                     {"PAUSE;ECHO b;!REPLY c x", Open, "+x\r\n" + bulk("b")},
		"a push while blocked":        {"WAIT;ECHO b;!PUSH c m", Blocked, "+m\r\n"},
		"blocked again":               {"WAIT\r\nWAIT\r\nECHO b;!REPLY c x", Blocked, "+x\r\n"},
		"paused after blocked":        {"WAIT\r\nPAUSE\r\nECHO b;!REPLY c x", Paused, "+x\r\n"},
		"closed by the request":       {"ECHO a\r\nQUIT\r\nECHO b", Closed, bulk("a") + "+OK\r\n"},
		"closing until the output":    {"off;ECHO a;QUIT;ECHO b", Closing, ""},
		"closed after the output":     {"off;ECHO a;QUIT;ECHO b;on", Closed, bulk("a") + "+OK\r\n"},
		"malformed":                   {"ECHO a\r\n*x", Closed, bulk("a") + "-ERR Protocol error: invalid multibulk length\r\n"},
		"malformed behind a blocked":  {"WAIT\r\n*x", Blocked, ""},
		"malformed, then served":      {"WAIT\r\n*x;!REPLY c x", Closed, "+x\r\n-ERR Protocol error: invalid multibulk length\r\n"},
		"a reply to one that is gone": {"off;ECHO a;QUIT;!REPLY c x;on", Closed, bulk("a") + "+OK\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, Limits{})
			for step := range strings.SplitSeq(f.steps, ";") {
				b.step(step)
			}
			b.mustBe(f.state)
			b.mustHaveSent(f.sent)
		})
	}
}

// step runs a step of [TestStates].
func (b *bench) step(step string) {
	words := strings.Fields(step)
	switch {
	case step == "off":
		b.link.room = 0
	case step == "on":
		b.allow(b.conn, unlimited)
	case words[0] == "!REPLY":
		b.elsewhere(func() { b.conn.Reply([]byte("+"+words[2]+"\r\n"), Update{Trusted: true}) })
		b.wake()
	case words[0] == "!PUSH":
		b.elsewhere(func() { b.conn.Push([]byte("+" + words[2] + "\r\n")) })
		b.wake()
	default:
		b.feed(step + "\r\n")
	}
}

// inState are steps that bring a connection into each state. The client does not
// read, and 64 KiB of output wait for it.
var inState = []struct {
	state State
	steps string
}{
	{Open, "off;SIZE 65536"},
	{Blocked, "off;SIZE 65536;WAIT;ECHO b"},
	{Paused, "off;SIZE 65536;PAUSE;ECHO b"},
	{Draining, "off;SIZE 65536;drain"},
	{Closing, "off;SIZE 65536;QUIT"},
}

func eachState(t *testing.T, f func(t *testing.T, b *bench)) {
	for _, row := range inState {
		t.Run(row.state.String(), func(t *testing.T) {
			b := newBench(t, Limits{})
			for step := range strings.SplitSeq(row.steps, ";") {
				if step == "drain" {
					b.loop.inbox.putControl(control{kind: controlDrain})
					b.wake()
					continue
				}
				b.step(step)
			}
			b.mustBe(row.state)
			f(t, b)
		})
	}
}

// A kill closes a connection at once in every state, although its client does not
// read. Nothing of it is left, and later effects do nothing.
func TestKillClosesInEveryState(t *testing.T) {
	eachState(t, func(t *testing.T, b *bench) {
		b.elsewhere(func() {
			b.conn.Kill()
			b.conn.Kill()
			if b.conn.Push([]byte("+late\r\n")) {
				t.Error("a killed connection takes a push")
			}
			b.conn.Reply([]byte("+late\r\n"), Update{})
		})
		if b.link.interrupted.Load() == 0 {
			t.Error("a blocked write was not interrupted")
		}
		b.wake()
		b.mustBe(Closed)
		s := b.conn.Data.(*session)
		if b.link.closed != 1 || s.closed != 1 || len(b.loop.conns) != 0 || b.loop.Connections() != 0 {
			t.Errorf("socket closed %d times, Close called %d times, %d connections", b.link.closed, s.closed, len(b.loop.conns))
		}
		if b.conn.out.unsent() != 0 || b.conn.in != nil || b.conn.out.buf != nil {
			t.Error("a killed connection holds memory")
		}
		b.mustHaveSent("")
	})
}

// The same kill by a request of the connection's own loop.
func TestKillByANeighbourClosesInEveryState(t *testing.T) {
	eachState(t, func(t *testing.T, b *bench) {
		if b.loop.draining {
			t.Skip("a loop that drains has no new connections")
		}
		other, link := b.connect("other")
		b.feedTo(other, "KILL c\r\n")
		b.mustBe(Closed)
		if b.link.closed != 1 || string(link.took) != "+OK\r\n" {
			t.Errorf("closed %d times, reply %q", b.link.closed, link.took)
		}
	})
}

// A connection that kills itself still gets the reply.
func TestKillOfTheOwnConnection(t *testing.T) {
	b := newBench(t, Limits{})
	b.feed("KILL c\r\nECHO b\r\n")
	b.mustBe(Closed)
	b.mustHaveSent("+OK\r\n")
}

// A drain answers what has arrived and then closes, in every state. A request that
// waits for data may wait for ever and is not answered.
func TestDrainClosesInEveryState(t *testing.T) {
	eachState(t, func(t *testing.T, b *bench) {
		b.loop.inbox.putControl(control{kind: controlDrain})
		b.wake()
		if b.conn.state == Paused { // the server ends a pause before it drains
			b.elsewhere(func() { b.conn.Reply([]byte("+x\r\n"), Update{Trusted: true}) })
			b.wake()
		}
		b.allow(b.conn, unlimited)
		b.mustBe(Closed)
		if b.link.closed != 1 {
			t.Errorf("closed %d times", b.link.closed)
		}
	})
}

func TestDrainReadsWhatTheKernelHas(t *testing.T) {
	b := newBench(t, Limits{})
	first, second := "ECHO first\r\n", "ECHO second\r\n"
	b.link.waiting = len(first + second)
	b.loop.inbox.putControl(control{kind: controlDrain})
	b.wake()
	b.mustBe(Open)
	if !b.link.reading {
		t.Fatal("the connection is not read from")
	}
	b.feed(first)
	b.wake()
	b.mustBe(Open)
	b.feed(second)
	b.wake()
	b.mustBe(Closed)
	b.mustHaveSent(bulk("first") + bulk("second"))
}

// The end of the input: complete requests are answered, one that waits is not.
func TestEndOfInput(t *testing.T) {
	f := func(steps, sent string, state State) {
		t.Helper()
		b := newBench(t, Limits{Backlog: 1000})
		for step := range strings.SplitSeq(steps, ";") {
			if step == "eof" {
				b.loop.eof(b.conn)
				b.turn()
				continue
			}
			b.step(step)
		}
		b.mustBe(state)
		b.mustHaveSent(sent)
	}
	long := bulk(strings.Repeat("x", 2000))
	f("ECHO a;eof", bulk("a"), Closed)
	f("WAIT;eof", "", Closed)
	f("PAUSE;ECHO b;eof", "", Closed)
	f("off;ECHO a;eof", "", Draining)
	f("off;ECHO a;eof;on", bulk("a"), Closed)
	f("off;SIZE 2000;ECHO b;eof", "", Draining)
	f("off;SIZE 2000;ECHO b;eof;on", long+bulk("b"), Closed)
	f("off;SIZE 2000;QUIT;ECHO b;eof;on", long+"+OK\r\n", Closed)
}
