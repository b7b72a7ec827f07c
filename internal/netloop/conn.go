package netloop

import (
	"mini-redis/internal/resp"
)

// Conn is one connection. Its loop owns every field, except those that are marked.
//
// The exported methods fall into two groups. Push, Reply, Complete and Kill cause
// effects; the handler calls them while it holds its lock, from any loop. The
// others are for the handler while it executes requests of the connection's own
// loop.
type Conn struct {
	// Data belongs to the handler.
	Data any

	loop   *Loop
	link   link
	state  State
	parser resp.Parser

	in  []byte // received and not executed, beyond the current batch
	out output

	// During a batch: the input that requests are parsed from, and how far it has
	// been parsed and executed.
	buf          []byte
	parsed, done int

	completions []any
	stalledAt   int64 // monotonic time since which completions wait for a full socket, else 0
	drainLeft   int   // bytes to read before the connection drains; -1 unless the loop drains

	trusted    bool // the limits of authenticated clients apply
	subscriber bool // the limits of subscribers apply
	overflowed bool // an output limit was exceeded
	dirty      bool // in the loop's list of connections to flush
	resuming   bool // in the loop's list of connections to resume
	more       bool // in may hold complete requests, which wait
	ownsInput  bool // in may be referenced by the handler: it is not overwritten

	killed bool // guarded by the handler's lock
	posted int  // bytes in the loop's inbox; guarded by inbox.mu
}

// link is the transport of a connection.
type link interface {
	// write sends p and returns the number of bytes taken: fewer than len(p), and
	// no error, if the socket is full.
	write(p []byte) (int, error)
	// interest sets what the loop waits for.
	interest(read, write bool)
	// available returns the number of bytes that the kernel has received and that
	// have not been read; -1 if it is not known.
	available() int
	close()
	// interrupt makes a blocked write return. Any goroutine may call it.
	interrupt()
	remote() string
	local() string
}

// Update is what the execution of a request changes about its connection.
type Update struct {
	Trusted    bool // the client is authenticated: the larger input limits apply
	Subscriber bool // the client is a subscriber: limits of subscribers apply
	Close      bool // the connection closes when its output is sent
	Wait       Wait // the request has not ended; the requests behind it wait
}

// Wait is the reason why a request has not ended.
type Wait uint8

// The reasons to wait.
const (
	NoWait   Wait = iota
	WaitData      // for data: the connection is Blocked
	WaitTurn      // for the end of a pause: the connection is Paused
)

// apply changes the connection as a request has asked.
func (c *Conn) apply(u Update) {
	c.trusted, c.subscriber = u.Trusted, u.Subscriber
	switch {
	case u.Close:
		c.closeAfterOutput()
	case u.Wait == WaitData:
		c.wait(Blocked)
	case u.Wait == WaitTurn:
		c.wait(Paused)
	default:
		c.continueAfterWait()
	}
}

// RemoteAddr returns the client's address as "ip:port". It does not change and
// needs no lock.
func (c *Conn) RemoteAddr() string { return c.link.remote() }

// LocalAddr returns the server's address of the connection as "ip:port".
func (c *Conn) LocalAddr() string { return c.link.local() }

// Loop returns the loop that owns the connection.
func (c *Conn) Loop() *Loop { return c.loop }

// Overflowed reports whether the connection is closed because it exceeded an
// output limit. [Handler.Close] may call it.
func (c *Conn) Overflowed() bool { return c.overflowed }

// Push appends p to the output, from outside of the connection's own requests. p
// must not change afterwards. During the execution of a request of the connection
// itself, the push follows the request's reply. It returns false if the connection
// has been killed, also because the push exceeds the output limit: the connection
// then closes, and the handler should cause no further effects on it.
func (c *Conn) Push(p []byte) bool {
	if c.killed {
		return false
	}
	l := c.loop
	if l.server.executing == l {
		if !l.push(c, p) {
			c.killed = true
			return false
		}
		return true
	}
	return l.post(effect{kind: effectPush, c: c, data: p})
}

// Reply ends a waiting request of the connection: p is its reply, which must not
// change afterwards, and u what it changes. The connection then continues with the
// requests behind it, unless u says otherwise.
func (c *Conn) Reply(p []byte, u Update) {
	if c.killed {
		return
	}
	l := c.loop
	if l.server.executing == l {
		l.reply(c, p, u)
		return
	}
	l.post(effect{kind: effectReply, c: c, data: p, update: u})
}

// Complete attaches x to the output so far. [Handler.Flushed] gets it back when
// that output has been handed to the kernel.
func (c *Conn) Complete(x any) {
	l := c.loop
	if l.server.executing == l {
		l.complete(c, x)
		return
	}
	l.post(effect{kind: effectComplete, c: c, completion: x})
}

// Kill drops the output and closes the connection, in any state.
func (c *Conn) Kill() {
	if c.killed {
		return
	}
	c.killed = true
	l := c.loop
	if l.server.executing == l {
		l.kill(c)
		return
	}
	l.post(effect{kind: effectKill, c: c})
	c.link.interrupt()
}

// Executes reports whether the connection's next request may be executed. It is
// false if an earlier request of the batch makes it wait or has closed the
// connection; the handler then passes the request over, and it is executed later
// or dropped.
func (c *Conn) Executes() bool { return c.executes() }

// BeginReply starts the execution of r, a request of the connection, and returns
// the writer for its reply.
func (c *Conn) BeginReply(r *Request) *resp.Writer {
	l := c.loop
	c.done = r.end
	l.current = c
	l.writer.Buf = l.buffer(c)
	return &l.writer
}

// EndReply ends the execution that BeginReply has started.
func (c *Conn) EndReply(u Update) {
	l := c.loop
	c.out.take(&l.writer)
	l.current = nil
	if len(l.deferred) > 0 {
		for _, p := range l.deferred {
			c.out.append(l, c, p)
		}
		clear(l.deferred)
		l.deferred, l.deferredBytes = l.deferred[:0], 0
	}
	c.apply(u)
	if c.out.unsent() > 0 || c.state >= Draining || len(c.completions) > 0 {
		l.touch(c)
		if c.out.unsent() > c.outputLimit() {
			l.overflow(c)
		}
	}
}

// outputLimit returns the largest unsent output.
func (c *Conn) outputLimit() int {
	if c.subscriber {
		return c.loop.server.limits.SubscriberOutput
	}
	return c.loop.server.limits.Output
}
