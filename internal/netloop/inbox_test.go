package netloop

import (
	"fmt"
	"strings"
	"testing"
)

// Effects that are posted while the loop applies earlier ones, without the handler's
// lock, are neither lost nor applied twice, however many there are.
func TestEffectsPostedDuringADrain(t *testing.T) {
	for _, many := range []int{1, effectsKept - 1, effectsKept + 1, 3 * effectsKept} {
		b := newBench(t, Limits{})
		next := 0
		post := func(n int) {
			b.elsewhere(func() {
				for range n {
					b.conn.Push([]byte(fmt.Sprintf("+%d\r\n", next)))
					next++
				}
			})
		}
		closed, _ := b.connect("closed")
		b.elsewhere(closed.Kill)
		b.wake()
		for i, n := range []int{100, many, 3, 3, many, 3, 5} {
			b.elsewhere(func() { closed.Complete("a completion of a closed connection comes back at once") })
			post(n)
			b.handler.onFlushed = func() { post(10 * (i + 1)) }
			b.wake()
			b.handler.onFlushed = nil
		}
		b.wake()
		var want strings.Builder
		for i := range next {
			fmt.Fprintf(&want, "+%d\r\n", i)
		}
		if got := string(b.link.took); got != want.String() {
			t.Errorf("%d effects at once: the pushes differ at byte %d of %d", many, difference(got, want.String()), want.Len())
		}
	}
}

// Effects of another loop come before what the loop executes after it has the lock.
func TestEffectsComeBeforeTheNextRequest(t *testing.T) {
	b := newBench(t, Limits{})
	p, direct := b.loop.space(b.conn)
	b.loop.received(b.conn, copy(p, "ECHO behind\r\n"), direct)
	b.elsewhere(func() { b.conn.Push([]byte("+before\r\n")) })
	b.turn()
	b.mustHaveSent("+before\r\n" + bulk("behind"))
}

// Only the first effect wakes a loop.
func TestOneWakeupForManyEffects(t *testing.T) {
	b := newBench(t, Limits{})
	for range 10 {
		b.elsewhere(func() {
			for range 10 {
				b.conn.Push([]byte("+m\r\n"))
			}
		})
	}
	if b.wakeups != 1 {
		t.Errorf("woken %d times, want once", b.wakeups)
	}
	b.wake()
	b.mustHaveSent(strings.Repeat("+m\r\n", 100))
	b.elsewhere(func() { b.conn.Push([]byte("+m\r\n")) })
	if b.wakeups != 2 || b.loop.Inbox() != 1 {
		t.Errorf("woken %d times with %d effects in the inbox, want 2 and 1", b.wakeups, b.loop.Inbox())
	}
}

// What is sent to a loop that has ended is accounted for: a completion comes back, a
// new connection is refused, everything else is dropped.
func TestInboxOfALoopThatHasEnded(t *testing.T) {
	effects := func(b *bench, when string) {
		b.elsewhere(func() {
			b.conn.Push([]byte("+late\r\n"))
			b.conn.Reply([]byte("+late\r\n"), Update{})
			b.conn.Complete(when)
			b.conn.Kill()
		})
	}
	b := newBench(t, Limits{})
	left := &fakeLink{}
	b.loop.control(control{kind: controlAdopt, c: &Conn{link: left, loop: b.loop}})
	effects(b, "before the end")
	b.loop.end()
	effects(b, "after the end")
	mustFlush(t, b, "before the end", "after the end")
	if left.closed != 1 || b.handler.refused != 1 {
		t.Errorf("the new connection was closed %d times, refused %d times", left.closed, b.handler.refused)
	}
	if b.loop.control(control{kind: controlAdopt, c: &Conn{link: left}}) {
		t.Error("an ended loop takes a connection")
	}
	if b.loop.Inbox() != 0 {
		t.Errorf("%d effects are left", b.loop.Inbox())
	}
}

// Pushes that wait in an inbox are charged to their connection.
func TestInboxOfOneConnectionIsBounded(t *testing.T) {
	b := newBench(t, Limits{SubscriberOutput: 1 << 20})
	other, link := b.connect("other")
	p := []byte(strings.Repeat("x", 100_000))
	b.elsewhere(func() {
		taken := 0
		for range 1000 {
			if b.conn.Push(p) {
				taken++
			}
		}
		if taken != 10 {
			t.Errorf("%d pushes are taken, want 10", taken)
		}
		if !other.Push([]byte("+m\r\n")) {
			t.Error("another connection takes no push")
		}
	})
	if got := b.loop.Inbox(); got > 12 {
		t.Errorf("%d effects are in the inbox", got)
	}
	b.wake()
	b.mustBe(Closed)
	if string(link.took) != "+m\r\n" || b.server.Stats().Overflows != 1 {
		t.Errorf("the other connection got %q; %d overflows", link.took, b.server.Stats().Overflows)
	}
}
