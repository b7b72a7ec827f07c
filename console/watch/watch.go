// Package watch wraps the standard synchronization primitives as resources of a console. A viewer
// shows which task holds a primitive, which tasks wait for it and since when. Each wrapper holds
// the standard primitive and behaves like it, also if the console is disabled (a nil
// *console.Console).
//
// The calling task is taken from the context if the method has one, and otherwise looked up by the
// goroutine, which costs a few microseconds. The methods that take a *console.Task avoid the
// lookup.
package watch

import (
	"context"
	"sync/atomic"

	"mini-redis/console"
)

// instrumented is the common part of the primitives: the resource and its waiters.
type instrumented struct {
	c        *console.Console
	r        *console.Resource // nil if the console is disabled or full
	waiters  atomic.Int64
	lastWake atomic.Int64 // Mono of the last operation that let a waiter continue
}

// callerSkip is the argument with which console.CallSite, if init calls it, returns the location of
// the constructor's caller.
const callerSkip = 2

func (p *instrumented) init(c *console.Console, kind, typ, name string, state func(add func(console.Field))) {
	p.c = c
	p.r = c.NewResource(console.ResourceOptions{
		Kind: kind, Type: typ, Name: name, State: state, Site: site(c),
	})
}

func site(c *console.Console) console.Site {
	if c == nil {
		return console.Site{}
	}
	return console.CallSite(callerSkip + 1)
}

// off reports whether the primitive is not recorded, because the console is disabled or full.
func (p *instrumented) off() bool { return p.r == nil }

// wait blocks task t in f, which reports whether it obtained what it waited for.
func (p *instrumented) wait(t *console.Task, source, op string, f func() bool) bool {
	return p.waitUntil(t, source, op, 0, f)
}

// waitUntil is like wait, for an event that occurs at the known time due. due is 0 if the time is
// not known.
func (p *instrumented) waitUntil(t *console.Task, source, op string, due int64, f func() bool) bool {
	p.waiters.Add(1)
	began := p.c.Mono()
	a := p.r.Wait(t, source, op)
	t.Park(began)
	ok := f()
	now := p.c.Mono()
	woken := due
	if due == 0 || !ok {
		woken = p.lastWake.Load()
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
	p.waiters.Add(-1)
	return ok
}

// recordWake records the current time as that of the wake, if a task waits. It is called by an
// operation that lets a waiter continue.
func (p *instrumented) recordWake() {
	if p.r != nil && p.waiters.Load() > 0 {
		p.lastWake.Store(p.c.Mono())
	}
}

// caller returns the task in which a call is made, or nil if it is not known.
func (p *instrumented) caller(ctx context.Context) *console.Task {
	if p.r == nil {
		return nil
	}
	if t := console.FromContext(ctx); t != nil {
		return t
	}
	return p.c.Current()
}

// holdTime measures how long a lock has been held. It counts from the acquisition if a viewer was
// connected at that time, and otherwise from the first call of milliseconds afterwards.
type holdTime struct {
	acquisition atomic.Uint64 // number of acquisitions
	since       atomic.Int64  // Mono at the start of acquisition sinceOf
	sinceOf     atomic.Uint64
}

// start is called by the goroutine that has acquired the lock.
func (h *holdTime) start(c *console.Console) {
	acquisition := h.acquisition.Add(1)
	if c.Watched() {
		h.since.Store(c.Mono())
		h.sinceOf.Store(acquisition)
	}
}

// milliseconds returns the hold time. It must be called while the lock is held, by one goroutine at
// a time.
func (h *holdTime) milliseconds(c *console.Console) uint64 {
	now, acquisition := c.Mono(), h.acquisition.Load()
	if h.sinceOf.Load() != acquisition {
		h.since.Store(now)
		h.sinceOf.Store(acquisition)
	}
	return uint64(max(now-h.since.Load(), 0)) / 1e6
}

func (h *holdTime) field(c *console.Console) console.Field {
	return console.Uint(console.HeldAttribute, h.milliseconds(c)).In("ms")
}
