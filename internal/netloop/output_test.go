package netloop

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// Requests that were read before the connection was found to have too much unsent
// output wait until it is below the limit again. They do not wait for the rest.
func TestRequestsWaitForTheOutput(t *testing.T) {
	b := newBench(t, Limits{Backlog: 100})
	b.link.room = 0
	b.feed("SIZE 1000\r\nECHO a\r\nECHO b\r\n")
	b.mustHaveSent("")
	if b.link.reading || !b.link.writing {
		t.Fatalf("reading %v, writing %v; want false and true", b.link.reading, b.link.writing)
	}
	long := bulk(strings.Repeat("x", 1000))
	b.allow(b.conn, len(long)-101)
	if got := b.conn.out.unsent(); got != 101 {
		t.Fatalf("%d bytes are unsent: a request was executed above the limit", got)
	}
	b.allow(b.conn, 1)
	if got, want := b.conn.out.unsent(), 100+len(bulk("a")); got != want {
		t.Fatalf("%d bytes are unsent, want %d: one request is executed at the limit", got, want)
	}
	b.allow(b.conn, unlimited)
	b.mustHaveSent(long + bulk("a") + bulk("b"))
	if !b.link.reading || b.link.writing {
		t.Error("the connection is not read from again")
	}
}

// A subscriber's requests do not wait for its output, whose limit is another one.
func TestSubscriberWithUnsentOutputIsAnswered(t *testing.T) {
	b := newBench(t, Limits{Backlog: 100})
	b.feed("SUBSCRIBE\r\n")
	b.link.took, b.link.room = nil, 0
	message := strings.Repeat("m", 1000)
	b.elsewhere(func() { b.conn.Push([]byte("+" + message + "\r\n")) })
	b.wake()
	if !b.link.reading {
		t.Error("the subscriber is not read from")
	}
	b.feed("ECHO a\r\n")
	b.elsewhere(func() { b.conn.Push([]byte("+" + message + "\r\n")) })
	b.wake()
	b.allow(b.conn, unlimited)
	b.mustHaveSent("+" + message + "\r\n" + bulk("a") + "+" + message + "\r\n")
}

// A socket that takes a byte at a time gets every byte once and in order.
func TestPartialWrites(t *testing.T) {
	b := newBench(t, Limits{})
	b.link.room = 0
	var want strings.Builder
	for range 50 {
		b.feed("ECHO 0123456789\r\n")
		want.WriteString(bulk("0123456789"))
	}
	for range want.Len() {
		b.allow(b.conn, 1)
	}
	b.mustHaveSent(want.String())
	if b.conn.out.buf != nil {
		t.Error("a connection without unsent output keeps a buffer")
	}
}

// Replies and pushes of every size leave in the order in which they were caused,
// however the socket takes them.
func TestOutputKeepsItsOrder(t *testing.T) {
	for seed := range uint64(3) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		sizes := []int{0, 1, 1000, sharedPush - 1, sharedPush, outKept - 10, outKept + 1, 200_000, 1 << 20}
		b := newBench(t, Limits{Backlog: 1 << 30, SubscriberOutput: 1 << 30})
		var want strings.Builder
		for i := range 60 {
			b.link.room = rnd.IntN(100_000)
			text := strings.Repeat(string(rune('a'+i%26)), sizes[rnd.IntN(len(sizes))])
			switch rnd.IntN(4) {
			case 0:
				b.feed(request("ECHO", text))
				want.WriteString(bulk(text))
			case 1: // the push to itself follows the reply
				b.feed(request("PUSH", "c", text))
				want.WriteString(":1\r\n+" + text + "\r\n")
			case 2:
				b.elsewhere(func() { b.conn.Push([]byte("+" + text + "\r\n")) })
				b.wake()
				want.WriteString("+" + text + "\r\n")
			case 3:
				b.feed("PAUSE\r\n")
				b.elsewhere(func() { b.conn.Reply([]byte("+"+text+"\r\n"), Update{Trusted: true}) })
				b.wake()
				want.WriteString("+" + text + "\r\n")
			}
		}
		b.allow(b.conn, unlimited)
		if got := string(b.link.took); got != want.String() {
			t.Fatalf("seed %d: %d bytes sent, want %d; they differ at %d", seed, len(got), want.Len(), difference(got, want.String()))
		}
	}
}

// difference returns the index of the first byte that differs.
func difference(a, b string) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// A connection that exceeds its output limit is closed and holds nothing, in every
// way in which its output can grow.
func TestOutputLimit(t *testing.T) {
	limits := Limits{Output: 10_000, SubscriberOutput: 1000}
	f := func(name string, want bool, cause func(b *bench)) {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, limits)
			b.link.room = 0
			cause(b)
			b.wake()
			if got := b.conn.state == Closed; got != want {
				t.Fatalf("the connection is %v with %d unsent bytes", b.conn.state, b.conn.out.unsent())
			}
			if want && (b.conn.out.unsent() > 0 || !b.conn.Overflowed() || b.server.Stats().Overflows != 1) {
				t.Errorf("%d bytes left, overflowed %v, %d counted", b.conn.out.unsent(), b.conn.Overflowed(), b.server.Stats().Overflows)
			}
		})
	}
	message := []byte("+" + strings.Repeat("m", 300) + "\r\n")
	pushes := func(b *bench) (taken int) {
		for range 100 {
			if b.conn.Push(message) {
				taken++
			}
		}
		return taken
	}
	f("a reply below it", false, func(b *bench) { b.feed("SIZE 9000\r\n") })
	f("a reply", true, func(b *bench) { b.feed("SIZE 10001\r\n") })
	f("a subscriber's reply", true, func(b *bench) { b.feed("SUBSCRIBE\r\nSIZE 1001\r\n") })
	f("a served reply", true, func(b *bench) {
		b.feed("WAIT\r\n")
		b.elsewhere(func() { b.conn.Reply([]byte(strings.Repeat("x", 10_001)), Update{}) })
	})
	f("pushes of another loop", true, func(b *bench) {
		b.feed("SUBSCRIBE\r\n")
		b.elsewhere(func() {
			if taken := pushes(b); taken != 3 {
				t.Errorf("%d pushes are taken, want 3", taken)
			}
		})
	})
	f("pushes while it waits", true, func(b *bench) {
		b.feed("SUBSCRIBE\r\nPAUSE\r\n")
		b.elsewhere(func() { pushes(b) })
	})
	f("pushes of its own loop", true, func(b *bench) {
		b.feed("SUBSCRIBE\r\n")
		other, _ := b.connect("other")
		for range 100 {
			b.feedTo(other, request("PUBLISH", string(message[1:301])))
		}
	})
	f("pushes to itself", true, func(b *bench) {
		b.feed("SUBSCRIBE\r\n" + strings.Repeat(request("PUSH", "c", string(message[1:301])), 100))
	})
}

func TestCompletionsComeBackOnce(t *testing.T) {
	b := newBench(t, Limits{})
	b.feed("SPAN 1\r\nSPAN 2\r\n")
	mustFlush(t, b, "1", "2")
	b.link.room = 0
	b.feed("SPAN 3\r\nSPAN 4\r\n")
	mustFlush(t, b)
	b.allow(b.conn, 6)
	mustFlush(t, b)
	b.allow(b.conn, 4)
	mustFlush(t, b, "3", "4")
	b.link.room = 0
	b.feed("SPAN 5\r\n")
	b.elsewhere(func() { b.conn.Kill(); b.conn.Complete("6") })
	b.wake()
	mustFlush(t, b, "5", "6")
	b.elsewhere(func() { b.conn.Complete("7") })
	b.wake()
	mustFlush(t, b, "7")
}

func mustFlush(t *testing.T, b *bench, want ...string) {
	t.Helper()
	if got := b.handler.takeFlushed(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("flushed %v, want %v", got, want)
	}
}

// A client that does not read keeps a bounded number of completions for a bounded
// time.
func TestCompletionsOfAClientThatDoesNotRead(t *testing.T) {
	b := newBench(t, Limits{})
	b.link.room = 0
	const spans = 10_000
	back := 0
	for range spans {
		b.feed("SPAN x\r\n")
		back += len(b.handler.takeFlushed())
		if kept := len(b.conn.completions); kept > maxCompletions {
			t.Fatalf("%d completions are kept, the limit is %d", kept, maxCompletions)
		}
	}
	for step := range 3 {
		b.loop.inbox.putControl(control{kind: controlSweep})
		b.wake()
		back += len(b.handler.takeFlushed())
		if early := step < 2; early != (back < spans) {
			t.Fatalf("%d of %d completions have come back after %d sweeps", back, spans, step+1)
		}
		b.clock.now.Add(int64(StallLimit)/2 + 1)
	}
	b.allow(b.conn, unlimited)
	mustFlush(t, b)
}
