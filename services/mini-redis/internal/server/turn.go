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

// unblock ends a blocked command, or a span of it when there is no reply yet.
func (w *worker) unblock(m *message) {
	c := m.c
	if m.pending != nil {
		c.session.Pending = append(c.session.Pending, m.pending)
	}
	if c.dead { // it left while the message was on its way: the span ends here
		w.flushed(c)
		return
	}
	c.follow(m.state)
	w.append(c, m.data)
	w.goOn(c)
}

// goOn has the connection's kept input looked at again.
func (w *worker) goOn(c *conn) {
	if !c.resuming && !c.dead {
		c.resuming = true
		w.resume = append(w.resume, c)
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
