package server

import "mini-redis/services/mini-redis/internal/command"

// finish ends a turn: it runs what was read, goes on with the requests that no
// longer wait, and sends the replies. It reports whether there is more to do at
// once.
func (w *worker) finish() (again bool) {
	w.settle()
	w.flush()
	for range rounds {
		if len(w.resume) == 0 {
			return false
		}
		list := w.resume
		w.resume = nil
		for _, c := range list {
			c.resuming = false
			if len(c.in) > 0 && !c.waits() {
				c.more = false
				w.ingest(c, c.in)
			}
			w.review(c)
		}
		w.settle()
		w.flush()
	}
	return len(w.resume) > 0
}

// flush sends the replies of every connection that has some.
func (w *worker) flush() {
	for i := 0; i < len(w.dirty); i++ {
		c := w.dirty[i]
		w.dirty[i] = nil
		c.dirty = false
		w.send(c)
	}
	w.dirty = w.dirty[:0]
}

// send writes what the connection owes, as far as the socket takes it.
func (w *worker) send(c *conn) {
	if c.dead {
		return
	}
	for c.sent < len(c.out) {
		n, err := c.link.write(c.out[c.sent:])
		if err != nil {
			w.drop(c)
			return
		}
		if n == 0 {
			break
		}
		w.server.counters.out.Add(int64(n))
		c.sent += n
	}
	if c.unsent() > 0 {
		w.compact(c)
		w.review(c)
		return
	}
	w.release(c)
	w.flushed(c)
	if c.closing || c.hungUp && !c.more {
		w.drop(c)
		return
	}
	if c.more && !c.blocked {
		w.goOn(c)
	}
	w.review(c)
}

// flushed ends the spans whose replies have left.
func (w *worker) flushed(c *conn) {
	if len(c.session.Pending) == 0 {
		return
	}
	w.server.cfg.Observer.Flushed(c.session.Pending, w.server.clock.Mono())
	clear(c.session.Pending)
	c.session.Pending = c.session.Pending[:0]
}

// compact drops the sent half of a long output.
func (w *worker) compact(c *conn) {
	if c.sent >= len(c.out)/2 {
		n := copy(c.out, c.out[c.sent:])
		c.out, c.sent = c.out[:n], 0
	}
}

// release takes the connection's empty output buffer back.
func (w *worker) release(c *conn) {
	if cap(c.out) > 0 && cap(c.out) <= outKept && len(w.outs) < outsKept {
		w.outs = append(w.outs, c.out[:0])
	}
	c.out, c.sent = nil, 0
}

// review tells the transport what the connection waits for: a client that does
// not read its replies is not read from, nor one that sends on and on while
// its requests wait.
func (w *worker) review(c *conn) {
	if c.dead {
		return
	}
	backlog := c.unsent() > w.server.cfg.Limits.Backlog
	ahead := len(c.in) > blockedInput && c.waits()
	c.link.interest(!backlog && !ahead && !c.hungUp && !c.closing, c.unsent() > 0)
}

// eof is told that the client will send no more. What it has sent is still
// answered, but a blocked command ends: there may be nobody to answer.
func (w *worker) eof(c *conn) {
	if c.buf != nil {
		w.settle()
	}
	if c.blocked || c.unsent() == 0 && !c.more && !c.dirty {
		w.drop(c)
		return
	}
	c.hungUp = true
	w.touch(c)
	w.review(c)
}

// drop closes the connection.
func (w *worker) drop(c *conn) {
	if c.dead {
		return
	}
	c.dead = true
	c.link.close()
	delete(w.members, c)
	w.size.Add(-1)
	w.flushed(c)
	c.in, c.out, c.sent = nil, nil, 0
	w.server.forget(c)
	w.server.tell(c, "client gone")
	w.server.watch.gone(c)
}

// join takes a new connection in.
func (w *worker) join(c *conn) {
	c.worker = w
	w.members[c] = struct{}{}
	w.size.Add(1)
	w.server.open(c)
}

// collect reads the mailbox.
func (w *worker) collect() {
	w.letters = w.mail.take(w.letters)
	for i := range w.letters {
		m := &w.letters[i]
		w.handle(m)
		*m = message{}
	}
}

func (w *worker) handle(m *message) {
	c := m.c
	if c != nil {
		c.posted.Add(-int64(len(m.data)))
	}
	switch m.kind {
	case messagePush:
		w.append(c, m.data)
	case messageUnblock:
		w.unblock(m)
	case messageKill:
		c.closing = true
		w.touch(c)
	case messageOverflow:
		w.server.tell(c, "client does not read its replies")
		w.drop(c)
	case messageAdopt:
		w.adopt(c)
	case messageDrain:
		w.draining = true
	case messageAbort:
		for c := range w.members {
			w.drop(c)
		}
	}
}

// hangUpAll has every connection closed once its requests are answered. What
// waits for a key may wait for ever, and is not waited for.
func (w *worker) hangUpAll() {
	for c := range w.members {
		c.hungUp = true
		c.closing = c.closing || c.blocked
		w.touch(c)
	}
}

var _ command.Peer = (*conn)(nil)
