// Package watch has the standard primitives, each a resource of a console: a
// viewer sees who holds it, who waits for it and since when. They are thin: each
// holds the standard one and works as it does, also where the console is off
// (a nil *console.Console).
//
// Who calls is taken from the context where there is one, else looked up by the
// goroutine, which costs a few microseconds; the methods that take a
// *console.Task spare that.
package watch

import (
	"context"
	"sync/atomic"

	"mini-redis/console"
)

// gate is what the primitives have in common: the resource, and its waiters.
type gate struct {
	c       *console.Console
	r       *console.Resource // nil where the console is off
	waiters atomic.Int64
	opened  atomic.Int64 // when somebody last made way while others waited
}

// skipToCaller is how many calls lie between console.Here in init and whoever
// made the primitive.
const skipToCaller = 2

func (g *gate) init(c *console.Console, kind, typ, name string, state func(add func(console.Field))) {
	g.c = c
	g.r = c.NewResource(console.ResourceOptions{
		Kind: kind, Type: typ, Name: name, State: state, Site: site(c),
	})
}

func site(c *console.Console) console.Site {
	if c == nil {
		return console.Site{}
	}
	return console.Here(skipToCaller + 1)
}

// off reports whether nobody will ever ask about the primitive.
func (g *gate) off() bool { return g.r == nil }

// wait blocks t in f, which reports whether it got what it waited for.
func (g *gate) wait(t *console.Task, source, op string, f func() bool) bool {
	return g.waitUntil(t, source, op, 0, f)
}

// waitUntil is wait for what will happen at a known time.
func (g *gate) waitUntil(t *console.Task, source, op string, due int64, f func() bool) bool {
	g.waiters.Add(1)
	began := g.c.Mono()
	a := g.r.Wait(t, source, op)
	t.Park(began)
	ok := f()
	now := g.c.Mono()
	woken := due
	if due == 0 || !ok {
		woken = g.opened.Load()
	}
	if woken < began || woken > now {
		woken = 0 // not known
	}
	t.Unpark(woken, now)
	if ok {
		a.Ready()
	} else {
		a.Drop()
	}
	g.waiters.Add(-1)
	return ok
}

// open notes that somebody makes way, for the one who will be woken by it.
func (g *gate) open() {
	if g.r != nil && g.waiters.Load() > 0 {
		g.opened.Store(g.c.Mono())
	}
}

// caller is the task that a call is made in.
func (g *gate) caller(ctx context.Context) *console.Task {
	if g.r == nil {
		return nil
	}
	if t := console.FromContext(ctx); t != nil {
		return t
	}
	return g.c.Current()
}

// held is how long something has been held: since the moment it was taken where
// somebody watched then, else since the first look at it.
type held struct {
	turn    atomic.Uint64 // how often it was taken
	since   atomic.Int64  // of the turn below
	sinceOf atomic.Uint64
}

// take is called by the one who has just taken it.
func (h *held) take(c *console.Console) {
	turn := h.turn.Add(1)
	if c.Watched() {
		h.since.Store(c.Mono())
		h.sinceOf.Store(turn)
	}
}

// milliseconds is called while it is held, by one goroutine at a time.
func (h *held) milliseconds(c *console.Console) uint64 {
	now, turn := c.Mono(), h.turn.Load()
	if h.sinceOf.Load() != turn {
		h.since.Store(now)
		h.sinceOf.Store(turn)
	}
	return uint64(max(now-h.since.Load(), 0)) / 1e6
}

func (h *held) field(c *console.Console) console.Field {
	return console.Uint(console.HeldAttribute, h.milliseconds(c)).In("ms")
}
