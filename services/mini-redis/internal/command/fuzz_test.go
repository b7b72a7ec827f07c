package command_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"mini-redis/internal/replytest"
	"mini-redis/services/mini-redis/internal/command"
	"mini-redis/services/mini-redis/internal/engine"
)

// words returns the words of random requests: names, options, keys, numbers.
func words() []string {
	list := []string{
		"a", "b", "c", "q", "0", "1", "-1", "2", "10", "100", "x", "", "*", "[a-", "3.5", "1e300", "9223372036854775807",
		"-9223372036854775808", "EX", "PX", "EXAT", "PXAT", "KEEPTTL", "PERSIST", "NX", "XX", "GT", "LT", "GET",
		"MATCH", "COUNT", "TYPE", "string", "list", "BEFORE", "AFTER", "ON", "OFF", "SKIP", "YES", "NO", "ALL", "WRITE",
		"ID", "ADDR", "USER", "SKIPME", "default", "TIMEOUT", "ERROR", "AUTH", "SETNAME", "LIB-NAME", "FILTERBY", "PATTERN",
		"ACLCAT", "traceparent", parentA, "maxclients", "requirepass", "ASYNC", "ABORT", "\x00\xff\r\n", strings.Repeat("long", 40),
	}
	for _, s := range engine.NewTable(command.All()).All() {
		parent, child, isSub := strings.Cut(s.Name, "|")
		if isSub {
			list = append(list, child)
		} else {
			list = append(list, parent)
		}
	}
	return list
}

// perform runs a program: the first byte of a request is the connection, the second the
// number of words, the rest select them. A connection of 0 moves the clock.
func perform(t *testing.T, program []byte) {
	program = program[:min(len(program), 4000)] // longer programs only take longer
	vocabulary := words()
	h := newHarness(t)
	clients := []*client{h.connect(), h.connect(), h.connect()}
	at := 0
	next := func() int {
		if at >= len(program) {
			return 0
		}
		at++
		return int(program[at-1])
	}
	for at < len(program) {
		who := next()
		if who == 0 {
			h.pass(time.Duration(next()) * time.Millisecond)
			continue
		}
		g := clients[who%len(clients)]
		if g.killed || g.session.Closing {
			h.engine.Kill(g.session)
			g = h.connect()
			clients[who%len(clients)] = g
		}
		request := make([][]byte, 1+next()%6)
		for i := range request {
			request[i] = []byte(vocabulary[(next()*256+next())%len(vocabulary)])
		}
		text := fmt.Sprintf("%q", request)
		for _, other := range h.clients {
			countReplies(t, other, "before "+text)
		}
		before := stateOf(g)
		g.send(request)
		n := countReplies(t, g, text)
		if after := stateOf(g); n != 1 && !before.excused() && !after.excused() && !confirms(text) {
			t.Fatalf("%s: %d replies", text, n)
		}
	}
}

// countReplies counts the replies that a client has received and checks that each is
// complete.
func countReplies(t *testing.T, g *client, when string) (n int) {
	t.Helper()
	for out := []byte(g.got()); len(out) > 0; n++ {
		size := replytest.Frame(out)
		if size == 0 {
			t.Fatalf("%s: connection %d received an incomplete reply: %q", when, g.session.ID, out)
		}
		out = out[size:]
	}
	return n
}

// state holds the reasons why a request may have a number of replies other than one.
type state struct{ waits, muted, subscribed, closing bool }

func stateOf(g *client) state {
	s := g.session
	return state{s.Blocked(), s.Reply != engine.ReplyOn, s.Subscribed(), s.Closing || g.killed}
}

func (s state) excused() bool { return s.waits || s.muted || s.subscribed || s.closing }

func FuzzEngine(f *testing.F) {
	f.Add([]byte{1, 2, 0, 70, 0, 0, 0, 4, 0, 50, 2, 1, 0, 80, 0, 1})
	f.Fuzz(perform)
}

// TestRandomRequests runs random programs of fixed seeds.
func TestRandomRequests(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 10))
	for range 200 {
		program := make([]byte, 2000)
		for i := range program {
			program[i] = byte(random.Uint32())
		}
		perform(t, program)
	}
}

// confirms reports whether a request may have a reply for each channel.
func confirms(text string) bool { return strings.Contains(strings.ToLower(text), "subscribe") }
