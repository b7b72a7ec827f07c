package netloop

import (
	"math"
	"sync/atomic"
	"testing"
)

// fakeLink is a link to no client. It takes as many bytes as it has room for.
type fakeLink struct {
	took             []byte
	room             int
	reading, writing bool
	waiting          int // what available returns
	closed           int
	interrupted      atomic.Int64
}

func (k *fakeLink) write(p []byte) (int, error) {
	n := min(len(p), k.room)
	k.took, k.room = append(k.took, p[:n]...), k.room-n
	return n, nil
}

func (k *fakeLink) interest(read, write bool) { k.reading, k.writing = read, write }
func (k *fakeLink) available() int            { return k.waiting }
func (k *fakeLink) close()                    { k.closed++ }
func (k *fakeLink) interrupt()                { k.interrupted.Add(1) }
func (k *fakeLink) remote() string            { return "" }
func (k *fakeLink) local() string             { return "" }

// bench is a loop that the test drives, with one connection.
type bench struct {
	t       testing.TB
	server  *Server
	handler *testHandler
	clock   *fakeClock
	loop    *Loop
	conn    *Conn
	link    *fakeLink
	wakeups int
}

const unlimited = math.MaxInt

// newBench creates a bench whose link takes everything that is sent.
func newBench(t testing.TB, limits Limits) *bench {
	t.Helper()
	b := &bench{t: t, handler: newTestHandler(), clock: &fakeClock{}}
	b.server = &Server{
		log: discardLogger(), clock: b.clock, handler: b.handler, limits: limits.WithDefaults(),
		finished: make(chan struct{}),
	}
	b.loop = &Loop{}
	b.loop.init(b.server, 0, epollRegion, func() { b.wakeups++ })
	b.loop.adopt = func(c *Conn) { b.loop.join(c) }
	b.conn, b.link = b.connect("c")
	return b
}

// connect adds a connection with a name.
func (b *bench) connect(name string) (*Conn, *fakeLink) {
	b.t.Helper()
	k := &fakeLink{room: unlimited, reading: true}
	c := &Conn{link: k}
	b.loop.join(c)
	b.feedTo(c, "NAME "+name+"\r\n")
	k.took = nil
	return c, k
}

// feedTo passes input to the loop as if it had been read in one turn, and ends the
// turn.
func (b *bench) feedTo(c *Conn, input string) {
	b.loop.wake = b.clock.Mono()
	for len(input) > 0 {
		p, direct := b.loop.space(c)
		n := copy(p, input)
		b.loop.received(c, n, direct)
		input = input[n:]
	}
	b.turn()
}

func (b *bench) feed(input string) { b.feedTo(b.conn, input) }

// turn ends a turn, and those that follow at once.
func (b *bench) turn() {
	for b.loop.endTurn() {
	}
}

// wake runs a turn that only drains the inbox.
func (b *bench) wake() {
	b.loop.wake = b.clock.Mono()
	b.loop.collect()
	if b.loop.draining {
		b.loop.drainAll()
	}
	b.turn()
}

// allow makes a link take n more bytes and reports to the loop that it can write.
func (b *bench) allow(c *Conn, n int) {
	c.link.(*fakeLink).room = n
	b.loop.touch(c)
	b.turn()
}

// elsewhere causes effects as if another loop were executing.
func (b *bench) elsewhere(f func()) { b.handler.locked(b.server, f) }

// mustHaveSent compares what the connection's link took, and forgets it.
func (b *bench) mustHaveSent(want string) {
	b.t.Helper()
	if got := string(b.link.took); got != want {
		b.t.Fatalf("sent %q, want %q", clip(got), clip(want))
	}
	b.link.took = nil
}

func (b *bench) mustBe(want State) {
	b.t.Helper()
	if b.conn.state != want {
		b.t.Fatalf("the connection is %v, want %v", b.conn.state, want)
	}
}
