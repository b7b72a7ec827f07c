package netloop

import "mini-redis/internal/resp"

// output is what a connection has not sent yet: full chunks in order, then buf.
// Only buf is appended to.
type output struct {
	buf    []byte
	chunks [][]byte
	sent   int // of the first chunk, or of buf if there are none
	size   int // bytes in chunks
}

// unsent returns the number of bytes that wait to be sent.
func (o *output) unsent() int { return o.size + len(o.buf) - o.sent }

// take takes over what w has written: w's buffer began as o's.
func (o *output) take(w *resp.Writer) {
	o.buf = w.Buf
	w.Buf = nil
	if len(w.Full) > 0 {
		for _, chunk := range w.Full {
			o.addChunk(chunk)
		}
		clear(w.Full)
		w.Full = w.Full[:0]
	}
	if len(o.buf) > outKept { // a partial write then copies nothing
		o.addChunk(o.buf)
		o.buf = nil
	}
}

func (o *output) addChunk(chunk []byte) {
	o.chunks = append(o.chunks, chunk)
	o.size += len(chunk)
}

// append appends p. A large p is referenced: it must not change.
func (o *output) append(l *Loop, c *Conn, p []byte) {
	if len(p) < sharedPush {
		if n := len(o.buf); n >= outKept && n+len(p) > cap(o.buf) {
			o.addChunk(o.buf)
			o.buf = make([]byte, 0, outKept)
		}
		o.buf = append(l.buffer(c), p...)
		return
	}
	if len(o.buf) > 0 {
		o.addChunk(o.buf)
		o.buf = nil
	}
	o.addChunk(p)
}

// next returns the bytes to send next.
func (o *output) next() []byte {
	if len(o.chunks) > 0 {
		return o.chunks[0][o.sent:]
	}
	return o.buf[o.sent:]
}

// advance drops n sent bytes.
func (o *output) advance(n int) {
	o.sent += n
	if len(o.chunks) == 0 {
		return
	}
	if first := len(o.chunks[0]); o.sent == first {
		o.chunks[0] = nil
		o.chunks = o.chunks[1:]
		o.size -= first
		o.sent = 0
		if len(o.chunks) == 0 {
			o.chunks = nil
		}
	}
}

// drop discards everything.
func (o *output) drop() { *o = output{} }

// buffer returns the connection's output buffer, or a free one if it has none. An
// idle connection has no buffer.
func (l *Loop) buffer(c *Conn) []byte {
	if c.out.buf != nil {
		return c.out.buf
	}
	if n := len(l.outs); n > 0 {
		b := l.outs[n-1]
		l.outs = l.outs[:n-1]
		return b
	}
	return make([]byte, 0, outStart)
}

// push appends a push to the connection's output; it returns false if that
// exceeds the output limit.
func (l *Loop) push(c *Conn, p []byte) bool {
	if c.state >= Closing || c.overflowed {
		return false
	}
	waiting := c.out.unsent()
	if c == l.current {
		waiting += l.deferredBytes
	}
	if waiting+len(p) > c.outputLimit() {
		l.overflow(c)
		return false
	}
	if c == l.current {
		l.deferred = append(l.deferred, p)
		l.deferredBytes += len(p)
		return true
	}
	c.out.append(l, c, p)
	l.touch(c)
	return true
}

// reply ends a waiting request.
func (l *Loop) reply(c *Conn, p []byte, u Update) {
	if c.state >= Closing {
		return
	}
	if len(p) > 0 {
		c.out.append(l, c, p)
	}
	l.touch(c)
	c.apply(u)
	if c.out.unsent() > c.outputLimit() {
		l.overflow(c)
		return
	}
	l.scheduleResume(c)
}

// complete attaches a completion to the output.
func (l *Loop) complete(c *Conn, x any) {
	c.completions = append(c.completions, x)
	if c.state == Closed {
		l.flushed(c)
		return
	}
	l.touch(c)
}

// overflow closes a connection that exceeds its output limit. Its output is
// dropped. It may run under the handler's lock, so the socket is closed when the
// loop flushes.
func (l *Loop) overflow(c *Conn) {
	if c.overflowed || c.state >= Closed {
		return
	}
	c.overflowed = true
	l.server.overflows.Add(1)
	l.kill(c)
}

// kill drops the output and closes the connection when the loop flushes.
func (l *Loop) kill(c *Conn) {
	if c.state == Closed {
		return
	}
	c.closeAfterOutput()
	if c != l.current {
		c.out.drop()
	}
	c.in, c.more = nil, false
	l.touch(c)
}

// touch makes the loop flush the connection at the end of the turn.
func (l *Loop) touch(c *Conn) {
	if !c.dirty && c.state != Closed {
		c.dirty = true
		l.dirty = append(l.dirty, c)
	}
}

// flush sends the output of every touched connection.
func (l *Loop) flush() {
	for i := 0; i < len(l.dirty); i++ {
		c := l.dirty[i]
		l.dirty[i] = nil
		c.dirty = false
		l.send(c)
	}
	l.dirty = l.dirty[:0]
}

// send writes the connection's output as far as the socket takes it.
func (l *Loop) send(c *Conn) {
	if c.state == Closed {
		return
	}
	if c.overflowed {
		c.out.drop()
	}
	for c.out.unsent() > 0 {
		p := c.out.next()
		n, err := c.link.write(p)
		if err != nil {
			l.close(c)
			return
		}
		l.sent += int64(n)
		c.out.advance(n)
		if n < len(p) {
			l.stalled(c)
			return
		}
	}
	c.stalledAt = 0
	l.release(c)
	l.flushed(c)
	if c.state == Closing || c.state == Draining && !c.more {
		l.close(c)
		return
	}
	l.resumeIfReady(c)
	l.review(c)
}

// stalled follows a write that the socket did not take completely.
func (l *Loop) stalled(c *Conn) {
	if c.stalledAt == 0 && len(c.completions) > 0 {
		c.stalledAt = l.wake
	}
	if len(c.completions) > maxCompletions {
		l.flushed(c)
	}
	c.out.compact()
	l.resumeIfReady(c)
	l.review(c)
}

// compact drops the sent half of a long buffer.
func (o *output) compact() {
	if len(o.chunks) == 0 && o.sent >= len(o.buf)/2 {
		n := copy(o.buf, o.buf[o.sent:])
		o.buf, o.sent = o.buf[:n], 0
	}
}

// resumeIfReady resumes a connection whose requests wait and no longer have to.
func (l *Loop) resumeIfReady(c *Conn) {
	if c.more && c.executes() {
		l.scheduleResume(c)
	}
}

// flushed gives the connection's completions back to the handler.
func (l *Loop) flushed(c *Conn) {
	if len(c.completions) == 0 {
		return
	}
	l.server.handler.Flushed(c.completions, l.server.clock.Mono())
	clear(c.completions)
	c.completions = c.completions[:0]
	c.stalledAt = 0
	if cap(c.completions) > maxCompletions {
		c.completions = nil
	}
}

// release takes back an empty output buffer.
func (l *Loop) release(c *Conn) {
	if b := c.out.buf; cap(b) > 0 && cap(b) <= outKept && len(l.outs) < outsKept {
		l.outs = append(l.outs, b[:0])
	}
	c.out = output{}
}
