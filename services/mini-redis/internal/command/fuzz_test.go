package command_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"mini-redis/services/mini-redis/internal/command"
	"mini-redis/services/mini-redis/internal/command/script"
)

// words are what the fuzzer makes requests of: names, options, keys, numbers.
func words() []string {
	list := []string{
		"a", "b", "c", "q", "0", "1", "-1", "2", "10", "100", "x", "", "*", "[a-", "3.5", "1e300", "9223372036854775807",
		"-9223372036854775808", "EX", "PX", "EXAT", "PXAT", "KEEPTTL", "PERSIST", "NX", "XX", "GT", "LT", "GET",
		"MATCH", "COUNT", "TYPE", "string", "list", "BEFORE", "AFTER", "ON", "OFF", "SKIP", "YES", "NO", "ALL", "WRITE",
		"ID", "ADDR", "USER", "SKIPME", "default", "TIMEOUT", "ERROR", "AUTH", "SETNAME", "LIB-NAME", "FILTERBY", "PATTERN",
		"ACLCAT", "traceparent", parentA, "maxclients", "requirepass", "ASYNC", "ABORT", "\x00\xff\r\n", strings.Repeat("long", 40),
	}
	for _, s := range command.NewTable().All() {
		parent, child, isSub := strings.Cut(s.Name, "|")
		if isSub {
			list = append(list, child)
		} else {
			list = append(list, parent)
		}
	}
	return list
}

// perform plays a program: of each request's bytes the first says on which
// connection, the second how many words, the rest which; 0 lets time pass.
func perform(t *testing.T, program []byte) {
	program = program[:min(len(program), 4000)] // longer ones find nothing more and take long
	vocabulary := words()
	h := newHouse(t)
	guests := []*guest{h.connect(), h.connect(), h.connect()}
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
		g := guests[who%len(guests)]
		if g.killed || g.session.Closing {
			g.Kill()
			h.sweep()
			g = h.connect()
			guests[who%len(guests)] = g
		}
		request := make([][]byte, 1+next()%6)
		for i := range request {
			request[i] = []byte(vocabulary[(next()*256+next())%len(vocabulary)])
		}
		text := fmt.Sprintf("%q", request)
		for _, other := range h.guests {
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

// countReplies counts the replies that a guest has got, each of which is whole.
func countReplies(t *testing.T, g *guest, when string) (n int) {
	t.Helper()
	for out := []byte(g.got()); len(out) > 0; n++ {
		size := script.Frame(out)
		if size == 0 {
			t.Fatalf("%s: connection %d got half a reply: %q", when, g.session.ID, out)
		}
		out = out[size:]
	}
	return n
}

// state is what may excuse a request for being answered not once.
type state struct{ waits, muted, subscribed, closing bool }

func stateOf(g *guest) state {
	s := g.session
	return state{s.Blocked(), s.Reply != command.ReplyOn, s.Subscribed(), s.Closing || g.killed}
}

func (s state) excused() bool { return s.waits || s.muted || s.subscribed || s.closing }

func FuzzEngine(f *testing.F) {
	f.Add([]byte{1, 2, 0, 70, 0, 0, 0, 4, 0, 50, 2, 1, 0, 80, 0, 1})
	f.Fuzz(perform)
}

// TestRandomRequests is the fuzzer's play with programs of fixed seeds.
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

// confirms reports whether a request may be one that has a reply for each channel.
func confirms(text string) bool { return strings.Contains(strings.ToLower(text), "subscribe") }
