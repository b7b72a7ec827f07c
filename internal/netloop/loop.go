package netloop

import (
	"sync/atomic"

	"mini-redis/internal/resp"
)

// Loop drives connections. One goroutine runs it and owns all of its fields,
// except the inbox and the atomic ones.
type Loop struct {
	// Data belongs to the handler.
	Data any
	// Index is the number of an epoll loop, from 0. It is -1 for the goroutine of
	// a single connection.
	Index int

	server *Server
	inbox  inbox
	wakeup func() // makes the loop drain its inbox

	region     []byte // read buffer; each connection of a batch has a part of it
	regionSize int
	used       int

	requests []Request
	args     [][]byte // arguments of requests

	writer   resp.Writer
	current  *Conn    // whose request is being executed
	deferred [][]byte // pushes to current, which follow its reply

	deferredBytes int

	wake     int64   // monotonic time at which the turn began
	batch    []*Conn // connections with requests in the batch
	dirty    []*Conn // connections to flush
	resume   []*Conn // connections with requests that no longer wait
	outs     [][]byte
	scratch  []effect // spare memory of the inbox
	wakeups  []*Loop  // spare memory of Wake
	conns    map[*Conn]struct{}
	draining bool

	got, sent int64 // bytes of this turn, not yet in the server's totals

	size  atomic.Int64 // number of conns
	since atomic.Int64 // monotonic time since which the loop is busy, 0 while it waits

	adopt func(*Conn)
}

func (l *Loop) init(s *Server, index, regionSize int, wakeup func()) {
	l.server, l.Index, l.regionSize, l.wakeup = s, index, regionSize, wakeup
	l.conns = map[*Conn]struct{}{}
	l.writer.Chunked = true
}

// Connections returns the number of connections that the loop owns. Any goroutine
// may call it.
func (l *Loop) Connections() int64 { return l.size.Load() }

// Inbox returns the number of effects that wait in the inbox. Any goroutine may
// call it.
func (l *Loop) Inbox() int { return l.inbox.len() }

// BusySince returns the monotonic time at which the current turn began, 0 while
// the loop waits for events. Any goroutine may call it.
func (l *Loop) BusySince() int64 { return l.since.Load() }

// TurnStart returns the monotonic time at which the loop woke up for the current
// turn.
func (l *Loop) TurnStart() int64 { return l.wake }

// Begin must be called by [Handler.Execute] after it has taken the handler's lock.
// It applies the effects that execution on other loops has caused, which come
// before everything that is executed now.
func (l *Loop) Begin() {
	l.server.executing = l
	if l.inbox.nonEmpty.Load() {
		l.drainEffects()
	}
}

// End must be called before the lock is released.
func (l *Loop) End() {
	s := l.server
	s.executing = nil
	if len(s.wakeups) > 0 {
		l.wakeups = append(l.wakeups, s.wakeups...)
		clear(s.wakeups)
		s.wakeups = s.wakeups[:0]
	}
}

// Wake wakes the loops that have got effects. It is called after the lock is
// released.
func (l *Loop) Wake() {
	if len(l.wakeups) == 0 {
		return
	}
	WakeLoops(l.wakeups)
	clear(l.wakeups)
	l.wakeups = l.wakeups[:0]
}

// post appends an effect to the inbox of a loop that is not executing. It returns
// false if that kills the connection.
func (l *Loop) post(e effect) bool {
	switch l.inbox.putEffect(e, l.server.limits.SubscriberOutput) {
	case putFirst:
		l.server.wakeups = append(l.server.wakeups, l)
	case putOver:
		e.c.killed = true
		l.server.overflows.Add(1)
		l.post(effect{kind: effectKill, c: e.c, overflow: true})
		e.c.link.interrupt()
		return false
	case putEnded:
		l.discard(&e)
	}
	return true
}

// control sends a control message; ok is false if the loop has ended.
func (l *Loop) control(m control) (ok bool) {
	if ok = l.inbox.putControl(m); ok {
		l.ring()
	}
	return ok
}

func (l *Loop) ring() { l.wakeup() }

// drainEffects applies the effects in the inbox, in order.
func (l *Loop) drainEffects() {
	spare := l.scratch
	l.scratch = nil // the inbox has it now
	list := l.inbox.takeEffects(spare)
	for i := range list {
		l.applyEffect(&list[i])
		list[i] = effect{}
	}
	if cap(list) <= effectsKept {
		l.scratch = list
	}
}

func (l *Loop) applyEffect(e *effect) {
	c := e.c
	switch e.kind {
	case effectPush:
		l.push(c, e.data)
	case effectReply:
		l.reply(c, e.data, e.update)
	case effectComplete:
		l.complete(c, e.completion)
	case effectKill:
		c.overflowed = c.overflowed || e.overflow
		l.kill(c)
	}
}

// collect handles the inbox between batches. No lock is held.
func (l *Loop) collect() {
	l.drainEffects()
	for _, m := range l.inbox.takeControls() {
		switch m.kind {
		case controlAdopt:
			l.adopt(m.c)
		case controlDrain:
			l.draining = true
		case controlAbort:
			l.closeAll()
		case controlSweep:
			l.endStalled()
		}
	}
}

// discard handles an effect on a loop that has ended. Only a completion remains
// to be accounted for. It may run on any goroutine.
func (l *Loop) discard(e *effect) {
	if e.kind == effectComplete {
		l.server.handler.Flushed([]any{e.completion}, l.server.clock.Mono())
	}
}

// end closes the inbox. What is left in it is accounted for.
func (l *Loop) end() {
	effects, controls := l.inbox.close()
	for i := range effects {
		l.discard(&effects[i])
	}
	for _, m := range controls {
		if m.kind == controlAdopt {
			m.c.link.close()
			l.server.handler.Refused()
		}
	}
	l.count()
}

// join makes a new connection part of the loop.
func (l *Loop) join(c *Conn) {
	c.loop, c.drainLeft, c.trusted = l, -1, true
	l.conns[c] = struct{}{}
	l.size.Add(1)
	l.server.handler.Open(c)
	if l.draining {
		l.drain(c)
	}
}

// SetUpdate sets what a new connection starts with; [Handler.Open] calls it.
func (c *Conn) SetUpdate(u Update) { c.apply(u) }

// close closes the connection. The handler's lock is not held.
func (l *Loop) close(c *Conn) {
	if c.state == Closed {
		return
	}
	c.setState(Closed)
	c.link.close()
	delete(l.conns, c)
	l.size.Add(-1)
	l.flushed(c)
	c.in, c.more = nil, false
	c.out.drop()
	l.server.handler.Close(c)
}

func (l *Loop) closeAll() {
	for c := range l.conns {
		l.close(c)
	}
}

// eof follows the end of the client's input. Complete requests are still
// executed and answered. A request that waits is not: the client has most likely
// gone.
func (l *Loop) eof(c *Conn) {
	if c.buf != nil {
		l.endBatch()
	}
	switch {
	case c.state >= Draining:
	case c.state != Open, c.out.unsent() == 0 && !c.more && !c.dirty:
		l.close(c)
		return
	default:
		c.setState(Draining)
	}
	l.touch(c)
	l.review(c)
}

// scheduleResume makes the loop execute the connection's buffered input.
func (l *Loop) scheduleResume(c *Conn) {
	if !c.resuming && c.state < Closing {
		c.resuming = true
		l.resume = append(l.resume, c)
	}
}

// endTurn executes what was read, resumes the connections whose requests no longer
// wait, and sends the replies. It returns true if there is more to do at once.
func (l *Loop) endTurn() (again bool) {
	l.endBatch()
	l.flush()
	for range rounds {
		if len(l.resume) == 0 {
			break
		}
		list := l.resume
		l.resume = nil
		for _, c := range list {
			c.resuming = false
			if len(c.in) > 0 && c.executes() {
				c.more = false
				l.ingest(c, c.in)
			}
			l.review(c)
		}
		l.endBatch()
		l.flush()
	}
	l.count()
	return len(l.resume) > 0
}

// count adds the turn's bytes to the server's totals.
func (l *Loop) count() {
	if l.got > 0 {
		l.server.in.Add(l.got)
		l.got = 0
	}
	if l.sent > 0 {
		l.server.out.Add(l.sent)
		l.sent = 0
	}
}

// drain starts to close a connection because the server stops. The requests that
// the kernel has received until now are still read. A request that waits for data
// may wait for ever: its connection closes.
func (l *Loop) drain(c *Conn) {
	if c.state == Blocked {
		c.closeAfterOutput()
	}
	if c.state >= Draining || c.drainLeft >= 0 {
		l.touch(c)
		return
	}
	c.drainLeft = max(0, c.link.available())
	l.finishDrain(c)
}

// finishDrain makes the connection drain once everything to be read has been
// read.
func (l *Loop) finishDrain(c *Conn) {
	if c.state == Blocked {
		c.closeAfterOutput()
		l.touch(c)
	}
	if c.drainLeft != 0 || c.state != Open {
		return
	}
	if c.buf != nil {
		l.endBatch()
	}
	if c.state == Open {
		c.setState(Draining)
	}
	l.touch(c)
}

// drainAll continues the drain of every connection.
func (l *Loop) drainAll() {
	for c := range l.conns {
		if c.drainLeft < 0 {
			l.drain(c)
		} else {
			l.finishDrain(c)
		}
	}
}

// endStalled ends the completions of connections whose clients do not read.
func (l *Loop) endStalled() {
	limit := l.server.clock.Mono() - int64(StallLimit)
	for c := range l.conns {
		if c.stalledAt != 0 && c.stalledAt < limit {
			l.flushed(c)
		}
	}
}
