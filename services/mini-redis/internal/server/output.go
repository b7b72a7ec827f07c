package server

// buffer returns the connection's output buffer, a reused one when it has none:
// an idle connection holds no buffer.
func (w *worker) buffer(c *conn) []byte {
	if c.out != nil {
		return c.out
	}
	if n := len(w.outs); n > 0 {
		b := w.outs[n-1]
		w.outs = w.outs[:n-1]
		return b
	}
	return make([]byte, 0, outStart)
}

// append adds to the output from outside of the connection's own requests.
func (w *worker) append(c *conn, p []byte) {
	if c.dead {
		return
	}
	c.out = append(w.buffer(c), p...)
	w.touch(c)
	if c.unsent() > c.outputLimit() {
		c.overflow()
	}
}

// touch has the connection flushed at the end of the turn.
func (w *worker) touch(c *conn) {
	if !c.dirty && !c.dead {
		c.dirty = true
		w.dirty = append(w.dirty, c)
	}
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
