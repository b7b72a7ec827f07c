package command

import (
	"math"
	"time"

	"mini-redis/internal/resp"
	"mini-redis/services/mini-redis/internal/keyspace"
)

// pause is CLIENT PAUSE's state: until then requests wait, all or those that
// write, and are carried out afterwards in the order in which they came.
type pause struct {
	until int64 // monotonic; 0 when nothing is paused
	all   bool
	queue []*Waiter
}

// clientPause: CLIENT PAUSE timeout [WRITE | ALL]
func clientPause(c *Ctx) {
	all := true
	if len(c.Args) > 3 {
		all = c.is(3, "all")
		if len(c.Args) > 4 || !all && !c.is(3, "write") {
			c.W.Error("ERR CLIENT PAUSE mode must be WRITE or ALL")
			return
		}
	}
	ms, ok := keyspace.CanonicalInt(c.Args[2])
	switch {
	case !ok || ms > math.MaxInt64/int64(time.Millisecond):
		c.W.Error("ERR timeout is not an integer or out of range")
		return
	case ms < 0:
		c.W.Error("ERR timeout is negative")
		return
	}
	e, now := c.Engine, c.Engine.cfg.Clock.Mono()
	if d := ms * int64(time.Millisecond); d <= math.MaxInt64-now {
		e.pause.until = max(e.pause.until, now+d)
	} else {
		e.pause.until = math.MaxInt64
	}
	e.pause.all = e.pause.all || all
	c.W.OK()
}

// clientUnpause: CLIENT UNPAUSE
func clientUnpause(c *Ctx) {
	c.Engine.pause.end() // what waits goes on when this request has ended
	c.W.OK()
}

// postpone parks a request while there is a pause that concerns it.
func (e *Engine) postpone(s *Session, spec *Spec, args [][]byte, from *origin) bool {
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
	w := &Waiter{session: s, place: -1, paused: true}
	w.hold(e, spec, args, from, e.tick)
	s.Waiting = w
	e.pause.queue = append(e.pause.queue, w)
	return true
}

// end ends the pause; what waits is still to be carried out.
func (p *pause) end() { p.until, p.all = 0, false }

// overdue reports whether a pause is over and requests still wait for that.
func (p *pause) overdue() bool { return p.until == 0 && len(p.queue) > 0 }

// resumeAll carries out what has waited for the end of a pause.
func (e *Engine) resumeAll() {
	queue := e.pause.queue
	e.pause.queue = nil
	turn := e.turn
	for _, w := range queue {
		if w.session.Waiting == w { // its connection is still there
			w.session.Waiting = nil
			e.resume(w)
		}
	}
	e.turn = turn
}

// resume carries out a request that was postponed. Its spans are not the
// session's, which belong to another loop, but handed over with the reply.
func (e *Engine) resume(w *Waiter) {
	s := w.session
	out := resp.Writer{Proto: s.Proto}
	e.turn = w.turn
	w.from.start, w.from.blocked = w.start, max(0, e.tick-w.since)
	var spans []Pending
	e.spans = &spans
	e.carryOut(s, w.spec, w.args, &w.from, &out)
	e.spans = nil
	if s.Waiting != nil {
		return // it waits for a key now
	}
	if s.Reply != ReplyOn {
		s.mute(w.spec, &out, 0)
	}
	for len(spans) > 1 {
		s.Peer.Unblock(nil, spans[0])
		spans = spans[1:]
	}
	var last Pending
	if len(spans) > 0 {
		last = spans[0]
	}
	s.Peer.Unblock(out.Buf, last)
	if s.Closing {
		s.Peer.Kill()
	}
}
