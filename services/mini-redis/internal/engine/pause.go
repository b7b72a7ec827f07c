package engine

import (
	"container/list"
	"math"
	"time"

	"mini-redis/internal/resp"
)

// pause is the state of CLIENT PAUSE. Until it ends, requests wait: all of them or
// those that write. They are then executed in the order in which they came.
type pause struct {
	until int64 // monotonic; 0 if nothing is paused
	all   bool
	queue list.List // of *Waiter
}

// Pause makes requests wait for d: all of them, or those that write. It extends a
// pause that is under way and never shortens it.
func (e *Engine) Pause(d time.Duration, all bool) {
	if e.stopping {
		return
	}
	now := e.cfg.Clock.Mono()
	until := int64(math.MaxInt64)
	if int64(d) <= math.MaxInt64-now {
		until = now + int64(d)
	}
	e.pause.until = max(e.pause.until, until)
	e.pause.all = e.pause.all || all
}

// Unpause ends a pause. The requests that wait are executed when the current request
// has ended.
func (e *Engine) Unpause() { e.pause.end() }

// Stop ends a pause, executes the requests that wait for it, and allows no other one.
// The server calls it when it stops.
func (e *Engine) Stop() {
	e.stopping = true
	e.pause.end()
	e.tick = e.cfg.Clock.Mono()
	e.setClock()
	e.resumeAll()
	e.endUnit()
}

// postpone makes a request wait if a pause affects it.
func (e *Engine) postpone(s *Session, spec *Spec, args [][]byte, rc *requestContext) bool {
	if e.tick >= e.pause.until {
		e.pause.end()
		e.resumeAll()
		return false
	}
	const writes = Write | MayReplicate
	flags := spec.Flags
	if spec.Name == "exec" && s.Tx != nil {
		flags |= s.Tx.Flags
	}
	if !e.pause.all && flags&writes == 0 {
		return false
	}
	w := &Waiter{session: s, heapPos: -1, paused: true}
	w.captureCall(e, spec, args, rc, e.tick)
	s.Waiting = w
	w.place = e.pause.queue.PushBack(w)
	return true
}

// end ends the pause; what waits is executed by resumeAll.
func (p *pause) end() { p.until, p.all = 0, false }

// overdue reports whether the pause has ended and requests still wait for that.
func (p *pause) overdue() bool { return p.until == 0 && p.queue.Len() > 0 }

// remove forgets a waiter, with its arguments.
func (p *pause) remove(w *Waiter) {
	if w.place != nil {
		p.queue.Remove(w.place)
		w.place = nil
	}
}

// resumeAll executes the requests that have waited for the end of a pause.
func (e *Engine) resumeAll() {
	turn := e.turn
	for e.pause.queue.Len() > 0 && e.pause.until == 0 {
		w := e.pause.queue.Front().Value.(*Waiter)
		e.pause.remove(w)
		w.session.Waiting = nil
		e.resume(w)
	}
	e.turn = turn
}

// resume executes a request that was postponed.
func (e *Engine) resume(w *Waiter) {
	s := w.session
	out := resp.Writer{Proto: s.Proto}
	e.endUnit()
	e.turn = w.turn
	w.rc.start, w.rc.blocked = w.start, max(0, e.tick-w.since)
	owned := e.owned
	e.owned = true // the arguments are copies
	e.perform(s, w.spec, w.args, &w.rc, &out)
	e.owned = owned
	e.endUnit()
	s.mute(&out, resp.Mark{})
	s.Peer.Reply(out.Buf)
}
