package command

import (
	"container/heap"
	"time"

	"mini-redis/internal/resp"
	"mini-redis/services/mini-redis/internal/keyspace"
)

// Waiter is a request that is not done yet: it waits for one of its keys, or
// for the end of a CLIENT PAUSE. It keeps what the observer is told when it is.
type Waiter struct {
	session *Session
	spec    *Spec
	args    [][]byte // copies
	from    origin
	turn    Turn
	start   int64 // when the execution began
	since   int64 // when the waiting began
	opened  Pending

	deadline int64 // monotonic; 0 waits for ever
	place    int   // in the heap of deadlines, -1 when not there
	paused   bool  // waits for the end of a pause, not for a key
	links    []*link
	// serve tries to end the request with what key has now; it reports whether
	// it wrote the reply.
	serve func(db *keyspace.DB, key string, w *resp.Writer) bool
	// empty writes the reply when the time is over.
	empty func(w *resp.Writer)
}

// link is a waiter's place in the queue of one key.
type link struct {
	waiter     *Waiter
	queue      *queue
	prev, next *link
}

// queue is those who wait for a key, first come first served.
type queue struct {
	id          queueID
	first, last *link
}

type queueID struct {
	db  *keyspace.DB
	key string
}

// waiting is all waiters for keys.
type waiting struct {
	queues    map[queueID]*queue
	deadlines deadlines
	count     int
}

func (t *waiting) init() { t.queues = map[queueID]*queue{} }

// block parks the session until one of keys can serve it, or until timeout has
// passed; 0 means never.
func (c *Ctx) block(keys [][]byte, timeout time.Duration, serve func(*keyspace.DB, string, *resp.Writer) bool, empty func(*resp.Writer)) {
	e := c.Engine
	w := &Waiter{session: c.Session, place: -1, serve: serve, empty: empty}
	if timeout > 0 {
		w.deadline = e.cfg.Clock.Mono() + int64(timeout)
		heap.Push(&e.waiting.deadlines, w)
	}
	for _, key := range keys {
		e.waiting.join(w, queueID{c.DB, string(key)})
	}
	e.waiting.count++
	c.Session.Waiting = w
}

// hold completes a waiter with what belongs to its call.
func (w *Waiter) hold(e *Engine, spec *Spec, args [][]byte, from *origin, start int64) {
	if from.start != 0 {
		start = from.start
	}
	w.spec, w.args, w.from, w.start = spec, cloneArgs(args), *from, start
	w.turn, w.since = e.turn, e.tick
	if e.opener != nil && !w.paused {
		w.opened = e.opener.Opened(&w.turn, w.call(w.since))
	}
}

// call is the waiter's call as it stands at the given time.
func (w *Waiter) call(at int64) *Call {
	return &Call{
		Session: w.session, Spec: w.spec, Args: w.args, Parent: w.from.parent, Traced: w.from.traced,
		Start: w.start, End: at, Blocked: w.from.blocked, Opened: w.opened,
	}
}

// EachWaiting calls f for the calls that wait for a key, in no order, until it
// returns false. f may put what Opener.Opened would have returned into the call.
func (e *Engine) EachWaiting(f func(turn *Turn, call *Call) bool) {
	for _, q := range e.waiting.queues {
		for l := q.first; l != nil; l = l.next {
			w := l.waiter
			if w.links[0] != l {
				continue // it waits for several keys, and has had its turn
			}
			c := w.call(w.since)
			more := f(&w.turn, c)
			w.opened = c.Opened
			if !more {
				return
			}
		}
	}
}

// join puts a waiter at the end of a key's queue, once.
func (t *waiting) join(w *Waiter, id queueID) {
	for _, l := range w.links {
		if l.queue.id == id {
			return
		}
	}
	q := t.queues[id]
	if q == nil {
		q = &queue{id: id}
		t.queues[id] = q
	}
	l := &link{waiter: w, queue: q, prev: q.last}
	if q.last == nil {
		q.first = l
	} else {
		q.last.next = l
	}
	q.last = l
	w.links = append(w.links, l)
	id.db.Await(id.key)
}

// leave takes a waiter out of all queues.
func (t *waiting) leave(w *Waiter) {
	for _, l := range w.links {
		q := l.queue
		if l.prev == nil {
			q.first = l.next
		} else {
			l.prev.next = l.next
		}
		if l.next == nil {
			q.last = l.prev
		} else {
			l.next.prev = l.prev
		}
		if q.first == nil {
			delete(t.queues, q.id)
		}
		q.id.db.Forgo(q.id.key)
	}
	w.links = nil
	if w.place >= 0 {
		heap.Remove(&t.deadlines, w.place)
	}
	t.count--
}

// serveReady gives what keys have got to those who wait for them, in the order
// in which the keys got it and the waiters came. Serving may make further keys
// ready.
func (e *Engine) serveReady() {
	for e.space.AnyReady() {
		for _, r := range e.space.TakeReady() {
			q := e.waiting.queues[queueID{r.DB, r.Key}]
			if q == nil {
				continue
			}
			for l := q.first; l != nil && r.DB.Peek([]byte(r.Key)) != nil; {
				next := l.next
				e.tryServe(l.waiter, r)
				l = next
			}
		}
	}
}

func (e *Engine) tryServe(w *Waiter, r keyspace.Ready) {
	served := e.tick
	out := resp.Writer{Proto: w.session.Proto}
	if w.serve(r.DB, r.Key, &out) {
		e.release(w, served, out.Buf)
	}
}

// release ends a waiter's request with a reply. served is when it could go on.
func (e *Engine) release(w *Waiter, served int64, reply []byte) {
	s := w.session
	e.waiting.leave(w)
	s.Waiting = nil
	e.tick = e.cfg.Clock.Mono()
	call := w.call(e.tick)
	call.Blocked, call.Error = w.from.blocked+max(0, served-w.since), errorCode(reply)
	done := e.cfg.Observer.Command(&w.turn, call)
	if s.Reply != ReplyOn {
		out := resp.Writer{Buf: reply}
		s.mute(w.spec, &out, 0)
		reply = out.Buf
	}
	s.Peer.Unblock(reply, done)
}

// forget ends the waiting of a session that is gone. The observer is told where
// it was told of its beginning.
func (e *Engine) forget(s *Session) {
	if w := s.Waiting; w != nil {
		s.Waiting = nil
		if w.opened != nil {
			e.opener.Left(w.opened, e.cfg.Clock.Mono())
			w.opened = nil
		}
		if !w.paused { // else it is passed over when the pause ends
			e.waiting.leave(w)
		}
	}
}

// deadlines is a heap of the waiters that do not wait for ever.
type deadlines []*Waiter

func (h deadlines) Len() int           { return len(h) }
func (h deadlines) Less(i, j int) bool { return h[i].deadline < h[j].deadline }
func (h deadlines) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

// Push implements heap.Interface.
func (h *deadlines) Push(x any) {
	w := x.(*Waiter)
	w.place = len(*h)
	*h = append(*h, w)
}

// Pop implements heap.Interface.
func (h *deadlines) Pop() any {
	old := *h
	w := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	w.place = -1
	return w
}
