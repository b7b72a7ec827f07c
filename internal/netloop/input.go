package netloop

import "mini-redis/internal/resp"

// Request is one request of a batch.
type Request struct {
	Conn *Conn
	// Owned reports whether the memory of the arguments is not reused after the
	// request. The handler may then keep an argument without copying it; that
	// keeps the whole request in memory.
	Owned    bool
	from, to int // the arguments are Loop.args[from:to]
	end      int // end of the request in the connection's buf
}

// Args returns the arguments of a request of the current batch; none for an empty
// request. They are valid during the execution.
func (l *Loop) Args(r *Request) [][]byte { return l.args[r.from:r.to] }

// space returns memory for the next read of c. direct reports that it belongs to
// the connection's own input, where a large argument is received in place.
func (l *Loop) space(c *Conn) (p []byte, direct bool) {
	if c.buf == nil && len(c.in) > 0 && c.parser.Need()-len(c.in) >= largeArgument {
		c.reserveInput(0)
		to := min(cap(c.in), len(c.in)+maxDirectRead)
		return c.in[len(c.in):to], true
	}
	if l.region == nil {
		l.region = make([]byte, l.regionSize)
	}
	if len(l.region)-l.used < minRead {
		l.endBatch()
	}
	return l.region[l.used:min(l.used+maxRead, len(l.region))], false
}

// reserveInput makes room for the rest of a large argument, and for at least n
// bytes. The memory grows with what has been received, so that a length alone
// reserves little.
func (c *Conn) reserveInput(n int) {
	need := c.parser.Need()
	if need-len(c.in) < largeArgument {
		return
	}
	have := len(c.in)
	want := max(firstReserve, reserveFactor*have)
	if need < want+want/2 { // the rest would be another copy of nearly everything
		want = need
	}
	if free := cap(c.in) - have; free >= max(n, 1) || want <= have {
		return
	}
	in := make([]byte, have, max(want, have+n))
	copy(in, c.in)
	c.in, c.ownsInput = in, true
}

// received takes n bytes that were read into the memory that space returned.
func (l *Loop) received(c *Conn, n int, direct bool) {
	l.got += int64(n)
	if c.drainLeft > 0 {
		c.drainLeft = max(0, c.drainLeft-n)
	}
	if direct {
		c.in = c.in[:len(c.in)+n]
		if c.executes() && len(c.in) < c.parser.Need() {
			return
		}
		l.ingestBuffered(c)
		return
	}
	p := l.region[l.used : l.used+n]
	if c.state >= Closing {
		return
	}
	if len(c.in) > 0 || c.buf != nil || !c.executes() {
		l.bufferInput(c, p)
		l.ingestBuffered(c)
		return
	}
	l.used += n
	l.ingest(c, p)
}

// ingestBuffered parses the connection's own input, unless its requests wait.
func (l *Loop) ingestBuffered(c *Conn) {
	if c.more = !c.executes(); !c.more {
		l.ingest(c, c.in)
		return
	}
	if len(c.in) > waitingInput {
		l.review(c)
	}
}

// bufferInput appends to the connection's own input.
func (l *Loop) bufferInput(c *Conn, p []byte) {
	if c.buf != nil {
		l.endBatch()
	}
	c.reserveInput(len(p))
	c.in = append(c.in, p...)
}

// ingest parses the requests in buf and adds them to the batch.
func (l *Loop) ingest(c *Conn, buf []byte) {
	if c.buf == nil {
		l.batch = append(l.batch, c)
	}
	c.buf, c.parsed, c.done = buf, 0, 0
	for c.parsed < len(buf) {
		if !l.next(c) {
			return
		}
		if len(l.requests) >= MaxBatch {
			l.execute()
			if !c.executes() {
				return
			}
		}
	}
}

// next parses one request. It returns false if the rest of the input waits.
func (l *Loop) next(c *Conn) bool {
	lim := &resp.DefaultLimits
	if !c.trusted {
		lim = &resp.UnauthenticatedLimits
	}
	from := len(l.args)
	var n int
	var err error
	l.args, n, err = c.parser.Next(c.buf[c.parsed:], l.args, lim)
	if err == nil && n == 0 && len(c.buf)-c.parsed > l.server.limits.Input {
		err = errRequestSize
	}
	if err != nil {
		l.execute()
		l.protocolError(c, err)
		return false
	}
	if n == 0 {
		return false
	}
	c.parsed += n
	owned := c.ownsInput && len(c.in) > 0 && &c.buf[0] == &c.in[0]
	l.requests = append(l.requests, Request{Conn: c, Owned: owned, from: from, to: len(l.args), end: c.parsed})
	if !c.trusted {
		l.execute() // authentication changes the limits of the next request
		return c.executes()
	}
	return true
}

// errRequestSize: the request exceeds the input limit. redis-server closes such
// connections without a reply.
const errRequestSize resp.ProtocolError = "too big request"

// protocolError replies to a malformed request and closes the connection.
func (l *Loop) protocolError(c *Conn, err error) {
	if !c.executes() {
		return // the request in front of it still waits: it is parsed again later
	}
	l.writer.Buf = l.buffer(c)
	l.writer.Error("ERR " + err.Error())
	c.out.take(&l.writer)
	c.done, c.parsed = len(c.buf), len(c.buf)
	c.closeAfterOutput()
	l.touch(c)
}

// execute hands the batch to the handler.
func (l *Loop) execute() {
	if len(l.requests) == 0 {
		return
	}
	for list := l.requests; len(list) > 0; {
		list = list[l.server.handler.Execute(l, list):]
	}
	clear(l.args)
	clear(l.requests)
	l.requests, l.args = l.requests[:0], l.args[:0]
	if cap(l.args) > argsKept {
		l.args = nil
	}
}

// endBatch executes the batch and saves the input that was not executed, so that
// the region can be used again.
func (l *Loop) endBatch() {
	l.execute()
	for i, c := range l.batch {
		l.batch[i] = nil
		l.saveUnexecuted(c)
	}
	l.batch, l.used = l.batch[:0], 0
}

// saveUnexecuted keeps the end of a connection's input that was not executed.
func (l *Loop) saveUnexecuted(c *Conn) {
	rest := c.buf[c.done:]
	if c.done != c.parsed {
		c.parser = resp.Parser{} // requests that were parsed and not executed are parsed again
	}
	moved := c.done > 0
	fromIn := len(c.in) > 0 && len(c.buf) > 0 && &c.buf[0] == &c.in[0]
	c.buf, c.done, c.parsed = nil, 0, 0
	if c.state >= Closing {
		c.in, c.more = nil, false
		return
	}
	switch {
	case len(rest) == 0:
		c.in, c.ownsInput = nil, false
	case fromIn && !moved: // the request is incomplete: it stays where it is
	case fromIn && !c.ownsInput:
		c.in = append(c.in[:0], rest...)
	default:
		c.in, c.ownsInput = append([]byte(nil), rest...), false
	}
	c.more = len(rest) > 0 && !c.executes()
	if len(c.in) > waitingInput || c.backlogged() || c.drainLeft == 0 {
		l.review(c)
	}
}

// review tells the transport what the connection waits for. A connection is not
// read from while it has too much unsent output, nor while its requests wait and
// enough input is buffered.
func (l *Loop) review(c *Conn) {
	if c.state == Closed {
		return
	}
	ahead := len(c.in) > waitingInput && !c.executes()
	read := c.state < Draining && !c.backlogged() && !ahead && c.drainLeft != 0
	c.link.interest(read, c.out.unsent() > 0)
}
