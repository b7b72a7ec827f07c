package engine

import (
	"container/heap"
	"container/list"
	"time"

	"mini-redis/internal/resp"
	"mini-redis/services/mini-redis/internal/keyspace"
)

// Waiter is a request that has not ended: it waits for one of its keys, or for the
// end of a pause.
type Waiter struct {
	session *Session
	spec    *Spec
	args    [][]byte // copies
	rc      requestContext
	turn    Turn
	start   int64 // start of the execution
	since   int64 // start of the waiting
	opened  Pending

	deadline int64         // monotonic; 0 waits for ever
	heapPos  int           // index in the heap of deadlines, -1 if not in it
	paused   bool          // waits for the end of a pause, not for a key
	place    *list.Element // in the queue of the pause
	links    []link

	serve   func(c *Serving) bool
	timeout func(w *resp.Writer)
}

// Serving is the attempt to serve a waiting request with a key that has got a value.
type Serving struct {
	Engine *Engine
	DB     *keyspace.DB
	Key    string
	W      *resp.Writer
}

// Record records a change in place of the request; see [Ctx.Record].
func (c *Serving) Record(name string, args ...[]byte) {
	c.Engine.recordChange(c.DB.Index, name, args)
}

// operation returns the name of the waiting command.
func (w *Waiter) operation() string {
	if w.spec == nil {
		return ""
	}
	return w.spec.Operation
}

// link is the place of a waiter in the queue of one key.
type link struct {
	waiter     *Waiter
	queue      *queue
	prev, next *link
}

// queue holds the waiters of one key in the order of their arrival.
type queue struct {
	id          dbKey
	first, last *link
}

type dbKey struct {
	db  *keyspace.DB
	key string
}

// waiting holds all waiters for keys.
type waiting struct {
	queues    map[dbKey]*queue
	deadlines deadlines
	count     int
}

func (t *waiting) init() { t.queues = map[dbKey]*queue{} }

// Block makes the session wait until one of keys can serve the request, or until
// timeout has passed; 0 means no timeout. serve tries to end the request with what a
// key holds and reports whether it wrote the reply. timeoutReply writes the reply
// after the timeout.
func (c *Ctx) Block(keys [][]byte, timeout time.Duration, serve func(*Serving) bool, timeoutReply func(*resp.Writer)) {
	e := c.Engine
	w := &Waiter{session: c.Session, heapPos: -1, serve: serve, timeout: timeoutReply, links: make([]link, 0, len(keys))}
	if timeout > 0 {
		w.deadline = e.cfg.Clock.Mono() + int64(timeout)
		heap.Push(&e.waiting.deadlines, w)
	}
	for _, key := range keys {
		e.waiting.join(w, dbKey{c.DB, string(key)})
	}
	e.waiting.count++
	c.Session.Waiting = w
}

// captureCall completes a waiter with what belongs to its call.
func (w *Waiter) captureCall(e *Engine, spec *Spec, args [][]byte, rc *requestContext, start int64) {
	if rc.start != 0 {
		start = rc.start
	}
	w.spec, w.args, w.rc, w.start = spec, cloneArgs(args), *rc, start
	w.turn, w.since = e.turn, e.tick
	if e.opener != nil && !w.paused {
		w.opened = e.opener.Opened(&w.turn, w.call(w.since))
	}
}

// call returns the waiter's call as of the given time.
func (w *Waiter) call(at int64) *Call {
	return &Call{
		TraceContext: w.rc.TraceContext, Session: w.session, Spec: w.spec, Args: w.args,
		Start: w.start, End: at, Blocked: w.rc.blocked, Opened: w.opened,
	}
}

// EachWaiting calls f for the calls that wait for a key, in no order, until it
// returns false. f may set Call.Opened as Opener.Opened would have done.
func (e *Engine) EachWaiting(f func(turn *Turn, call *Call) bool) {
	for _, q := range e.waiting.queues {
		for l := q.first; l != nil; l = l.next {
			w := l.waiter
			if &w.links[0] != l {
				continue // it waits for several keys: only the first one counts
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

// join adds a waiter to the queue of a key, once. Only the waiter that joins now can
// be the last in the queue twice. The capacity of w.links is the number of keys.
func (t *waiting) join(w *Waiter, id dbKey) {
	q := t.queues[id]
	switch {
	case q == nil:
		q = &queue{id: id}
		t.queues[id] = q
	case q.last.waiter == w:
		return
	}
	w.links = append(w.links, link{waiter: w, queue: q, prev: q.last})
	l := &w.links[len(w.links)-1]
	if q.last == nil {
		q.first = l
	} else {
		q.last.next = l
	}
	q.last = l
	id.db.Await(id.key)
}

// leave removes a waiter from all queues.
func (t *waiting) leave(w *Waiter) {
	for i := range w.links {
		l := &w.links[i]
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
	if w.heapPos >= 0 {
		heap.Remove(&t.deadlines, w.heapPos)
	}
	t.count--
}

// serveReady serves the waiters of keys that have got a value, in the order in which
// the keys got it and the waiters came. Serving may make more keys ready. The change
// that made a key ready is recorded before those of the waiters it serves.
func (e *Engine) serveReady() {
	for e.space.AnyReady() {
		for _, r := range e.space.TakeReady() {
			q := e.waiting.queues[dbKey{r.DB, r.Key}]
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
	e.flushRecord()
	served := e.tick
	out := resp.Writer{Proto: w.session.Proto}
	if w.serve(&Serving{Engine: e, DB: r.DB, Key: r.Key, W: &out}) {
		e.release(w, served, &out)
	}
	e.flushRecord()
}

// release ends a waiter's request with a reply. served is when it could continue.
func (e *Engine) release(w *Waiter, served int64, out *resp.Writer) {
	s := w.session
	e.waiting.leave(w)
	s.Waiting = nil
	e.tick = e.cfg.Clock.Mono()
	call := w.call(e.tick)
	call.Blocked = w.rc.blocked + max(0, served-w.since)
	call.Error = resp.ErrorCode(out.Buf)
	s.mute(out, resp.Mark{})
	e.observe(&w.turn, call)
	s.Peer.Reply(out.Buf)
}

// EndWait ends the wait of a session for a key, as its timeout would; or with reply
// as its error reply if that is not empty. It returns false if the session does not
// wait for a key.
func (e *Engine) EndWait(s *Session, reply string) bool {
	w := s.Waiting
	if w == nil || w.paused {
		return false
	}
	out := resp.Writer{Proto: s.Proto}
	if reply == "" {
		w.timeout(&out)
	} else {
		out.Error(reply)
	}
	e.release(w, e.tick, &out)
	return true
}

// expireWaiters ends the requests whose timeout has passed.
func (e *Engine) expireWaiters(now int64) {
	for len(e.waiting.deadlines) > 0 && e.waiting.deadlines[0].deadline <= now {
		w := e.waiting.deadlines[0]
		out := resp.Writer{Proto: w.session.Proto}
		w.timeout(&out)
		e.release(w, now, &out)
	}
}

// forget ends the wait of a session that is dropped. The observer is informed if it
// knows of the beginning.
func (e *Engine) forget(s *Session) {
	w := s.Waiting
	if w == nil {
		return
	}
	s.Waiting = nil
	if w.opened != nil {
		e.opener.Left(w.opened, e.cfg.Clock.Mono())
		w.opened = nil
	}
	if w.paused {
		e.pause.remove(w)
		return
	}
	e.waiting.leave(w)
}

// deadlines is a heap of the waiters that have a timeout.
type deadlines []*Waiter

func (h deadlines) Len() int           { return len(h) }
func (h deadlines) Less(i, j int) bool { return h[i].deadline < h[j].deadline }
func (h deadlines) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].heapPos, h[j].heapPos = i, j
}

// Push implements heap.Interface.
func (h *deadlines) Push(x any) {
	w := x.(*Waiter)
	w.heapPos = len(*h)
	*h = append(*h, w)
}

// Pop implements heap.Interface.
func (h *deadlines) Pop() any {
	old := *h
	w := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	w.heapPos = -1
	return w
}
