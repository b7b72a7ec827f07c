package observe

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"mini-redis/internal/telemetry"
	"mini-redis/services/mini-redis/internal/engine"
	"mini-redis/services/mini-redis/internal/server"
)

// accountant is an observer that keeps account of every pending span that it returns.
type accountant struct {
	*Observer
	t testing.TB

	mu                 sync.Mutex
	live               map[*span]bool
	created            uint64 // spans returned by Command and Opened
	viewerOnly         uint64 // of them for viewers only
	left               uint64 // of them those that came back in Left
	leftViewerOnly     uint64 // of these for viewers only
	sampled, abandoned uint64 // calls that ended, and calls that were decided on and never ended
}

// issue records a pending span that the observer returns.
func (a *accountant) issue(p engine.Pending) engine.Pending {
	if s, ok := p.(*span); ok {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.live[s] {
			a.t.Error("a span that is pending is returned for another call")
		}
		a.live[s] = true
		a.created++
		if s.viewerOnly {
			a.viewerOnly++
		}
	}
	return p
}

// knows reports whether a span is pending.
func (a *accountant) knows(s *span) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.live[s]
}

// settle records that a pending span comes back.
func (a *accountant) settle(p engine.Pending, road string) *span {
	s, ok := p.(*span)
	if !ok {
		return nil
	}
	if !a.live[s] {
		a.t.Errorf("%s: a span comes back that is not pending", road)
	}
	delete(a.live, s)
	return s
}

func (a *accountant) Command(turn *engine.Turn, call *engine.Call) engine.Pending {
	if call.Parent.IsSampled() {
		a.sampled++
	}
	p := a.Observer.Command(turn, call)
	if s, open := call.Opened.(*span); open {
		if p != s {
			a.t.Error("an open span does not end with its call")
		}
		return p
	}
	return a.issue(p)
}

func (a *accountant) Opened(turn *engine.Turn, call *engine.Call) engine.Pending {
	return a.issue(a.Observer.Opened(turn, call))
}

func (a *accountant) Left(p engine.Pending, at int64) {
	a.mu.Lock()
	a.abandoned++
	if s := a.settle(p, "Left"); s != nil {
		a.left++
		if s.viewerOnly {
			a.leftViewerOnly++
		}
	}
	a.mu.Unlock()
	a.Observer.Left(p, at)
}

func (a *accountant) Flushed(pending []engine.Pending, at int64) {
	a.mu.Lock()
	for _, p := range pending {
		a.settle(p, "Flushed")
	}
	a.mu.Unlock()
	a.Observer.Flushed(pending, at)
}

// mustBalance checks that every span came back once, and that every span and every sampled
// call is in one of the counters.
func (a *accountant) mustBalance(sink *recordingSink) {
	a.t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	if n, count, bytes := len(a.live), a.pending.count.Load(), a.pending.bytes.Load(); n != 0 || count != 0 || bytes != 0 {
		a.t.Errorf("%d spans did not come back; %d pending spans with %d bytes", n, count, bytes)
	}
	emitted, lost := a.emitted[fromRemote].Load()+a.emitted[fromRoot].Load(), a.overQueue.Load()
	if viewers := a.viewerOnly; a.created != emitted+lost+a.left+(viewers-a.leftViewerOnly) {
		a.t.Errorf("%d spans created, but %d exported, %d dropped by the queue, %d of clients that left, %d for viewers only",
			a.created, emitted, lost, a.left, viewers)
	}
	if exported := a.created - a.viewerOnly; exported+a.overRate+a.overPending != a.sampled+a.abandoned {
		a.t.Errorf("%d sampled calls and %d abandoned ones, but %d spans, %d dropped by the rate and %d by the limit of pending spans",
			a.sampled, a.abandoned, exported, a.overRate, a.overPending)
	}
	if n := len(sink.all()); uint64(n) != emitted {
		a.t.Errorf("the sink has %d spans, %d are counted", n, emitted)
	}
	for reason, n := range map[string]uint64{"rate": a.overRate, "pending": a.overPending, "queue": lost} {
		if n == 0 {
			a.t.Errorf("no span was dropped because of %s: the test does not reach it", reason)
		}
	}
}

// behaviours are clients that treat their spans in every way.
var behaviours = [...]func(c *wireClient, rnd *rand.Rand){
	func(c *wireClient, rnd *rand.Rand) { // reads its replies
		c.send(strings.Repeat(traced+"SET k v\r\n", 1+rnd.IntN(60)) + "ECHO end")
		c.drain(end)
	},
	func(c *wireClient, rnd *rand.Rand) { // leaves without reading
		c.send(strings.Repeat(traced+"GET large\r\n", rnd.IntN(50)) + traced + "PING")
	},
	func(c *wireClient, rnd *rand.Rand) { // is muted
		c.send("CLIENT REPLY OFF", strings.Repeat(traced+"SET k v\r\n", 200), "CLIENT REPLY ON", "ECHO end")
		c.drain(end)
	},
	func(c *wireClient, rnd *rand.Rand) { // leaves while it is muted
		c.send("CLIENT REPLY OFF", strings.Repeat(traced+"SET k v\r\n", 200))
	},
	func(c *wireClient, rnd *rand.Rand) { // leaves while it is blocked
		c.send(traced + "BLPOP nothing 0")
		time.Sleep(time.Duration(rnd.IntN(20)) * time.Millisecond)
	},
	func(c *wireClient, rnd *rand.Rand) { // is served or times out
		c.send(traced+"BLPOP list 0.05", traced+"PING", "ECHO end")
		c.drain(end)
	},
	func(c *wireClient, rnd *rand.Rand) { // serves others
		c.send(traced+"RPUSH list a b c", "ECHO end")
		c.drain(end)
	},
	func(c *wireClient, rnd *rand.Rand) { // kills
		c.send(traced+"PING", "CLIENT KILL TYPE normal SKIPME yes", traced+"PING", "ECHO end")
		c.drain(end)
	},
	func(c *wireClient, rnd *rand.Rand) { // kills itself
		c.send(traced+"SET k v", "CLIENT KILL TYPE normal SKIPME no", traced+"SET k v")
		c.drain(end)
	},
	func(c *wireClient, rnd *rand.Rand) { // pauses
		c.send(fmt.Sprintf("CLIENT PAUSE %d WRITE", 1+rnd.IntN(20)), traced+"SET k v", traced+"BLPOP list 0.01", "ECHO end")
		c.drain(end)
	},
	func(c *wireClient, rnd *rand.Rand) { // leaves while it is paused
		c.send("CLIENT PAUSE 10 ALL", traced+"SET k v", traced+"SET k v")
	},
	func(c *wireClient, rnd *rand.Rand) { // executes a transaction
		c.send("MULTI", strings.Repeat(traced+"SET k v\r\n", 40)+traced+"EXEC", "ECHO end")
		c.drain(end)
	},
	func(c *wireClient, rnd *rand.Rand) { // stalls
		c.send(strings.Repeat(traced+"GET large\r\n", 40))
		time.Sleep(time.Duration(rnd.IntN(20)) * time.Millisecond)
		c.drain(strings.Repeat("x", 8))
	},
}

// Every pending span comes back exactly once, whatever happens to its client, and every
// sampled call is counted as exported or as dropped for one reason.
func TestEveryPendingSpanComesBackOnce(t *testing.T) {
	eachTransport(t, func(t *testing.T, change func(*server.Config)) {
		sink := &recordingSink{bounded: true, room: 500}
		clock := server.NewClock()
		a := &accountant{t: t, live: map[*span]bool{}, Observer: New(Options{
			Clock: clock, Sink: sink, Propagator: newRig(t).extract.propagator, MaxSpans: 2000, MaxPending: 512,
		})}
		s := startServer(t, a, func(c *server.Config) { change(c); c.Engine.Clock = clock })
		setup := dial(t, s)
		setup.send("SET large "+strings.Repeat("x", 32<<10), "ECHO end")
		setup.drain(end)
		setup.send(strings.Repeat(traced+"SET k v\r\n", 4000) + "ECHO end") // exceeds every limit
		setup.drain(end)
		_ = setup.Close()

		var clients sync.WaitGroup
		for i := range 8 {
			rnd := rand.New(rand.NewPCG(1, uint64(i)))
			clients.Go(func() {
				for range 50 {
					c := dial(t, s)
					behaviours[rnd.IntN(len(behaviours))](c, rnd)
					_ = c.Close()
				}
			})
		}
		stop := make(chan struct{})
		var viewer sync.WaitGroup
		viewer.Go(func() { a.watch(s, sink, stop) })
		clients.Wait()
		close(stop)
		viewer.Wait()
		await(t, "every client has left", func() bool { return s.Stats().Clients == 0 })
		await(t, "no span is pending", func() bool { return a.pending.count.Load() == 0 })
		s.Locked(func() { a.mustBalance(sink) })
	})
}

// watch lets viewers come and go until stop is closed.
func (a *accountant) watch(s *server.Server, sink *recordingSink, stop chan struct{}) {
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		case <-time.After(2 * time.Millisecond):
		}
		sink.watched.Store(i%3 != 0)
		s.Locked(func() {
			a.ShowOpen(s.Engine(), func([]telemetry.Record) {})
			s.Engine().EachWaiting(func(_ *engine.Turn, call *engine.Call) bool {
				if p, ok := call.Opened.(*span); ok && !a.knows(p) {
					a.issue(p)
				}
				return true
			})
		})
	}
}
