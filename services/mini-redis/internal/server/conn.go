package server

import (
	"sync/atomic"

	"mini-redis/console"
	"mini-redis/internal/resp"
	"mini-redis/services/mini-redis/internal/command"
)

// conn is one connection's state. Its worker owns every field but the atomic
// ones; the session belongs to the engine, so what the worker needs of it
// outside of the execution lock is copied here when a command has run.
type conn struct {
	worker  *worker
	link    link
	session *command.Session
	parser  resp.Parser

	in   []byte // bytes read and not yet executed
	out  []byte // replies not yet sent
	sent int    // how much of out has been sent

	// While a batch runs: the input it is parsed from, and how far it has been
	// parsed and executed.
	buf          []byte
	parsed, done int

	authenticated bool
	subscribed    bool
	blocked       bool // waits for a key: requests wait behind it
	closing       bool // closes when out has been sent
	dead          bool // closed
	dirty         bool // in the worker's list of connections to flush
	resuming      bool // in the worker's list of connections to go on with
	more          bool // has whole requests in its input that wait
	hungUp        bool // has sent all that it will

	task *console.Task    // as a console sees it
	wait *console.AsyncOp // for a key

	posted atomic.Int64 // bytes in the mailbox
	killed atomic.Bool
}

// link is a connection's transport.
type link interface {
	// write sends p and returns how much was taken; less than all of it, with
	// no error, when the socket is full.
	write(p []byte) (int, error)
	// interest says what the worker waits for.
	interest(read, write bool)
	close()
	// interrupt makes a write that blocks return; anyone may call it.
	interrupt()
	remote() string
	local() string
}

// Push implements [command.Peer].
func (c *conn) Push(p []byte) {
	w := c.worker
	if c.worker.server.running != w {
		c.post(message{kind: messagePush, c: c, data: append([]byte(nil), p...)})
		return
	}
	if c.dead {
		return
	}
	if c == w.current {
		w.deferred = append(w.deferred, p...)
		return
	}
	w.append(c, p)
}

// Unblock implements [command.Peer].
func (c *conn) Unblock(reply []byte, done command.Pending) {
	m := message{kind: messageUnblock, c: c, pending: done, state: stateOf(c.session)}
	if c.worker.server.running != c.worker {
		m.data = append([]byte(nil), reply...)
		c.post(m)
		return
	}
	m.data = reply
	c.worker.unblock(&m)
}

// state is what a connection's worker knows of its session without the lock.
type state struct {
	authenticated, subscribed, blocked, closing bool
	operation                                   string // that it is blocked in
}

// stateOf reads it; the execution lock is held.
func stateOf(s *command.Session) state {
	st := state{authenticated: s.Authenticated, subscribed: s.Subscribed(), closing: s.Closing}
	if s.Blocked() {
		st.blocked, st.operation = true, s.LastCommand.Operation
	}
	return st
}

// follow takes over what a command has made of the session.
func (c *conn) follow(s state) {
	c.authenticated, c.subscribed, c.blocked = s.authenticated, s.subscribed, s.blocked
	c.closing = c.closing || s.closing
	c.worker.server.watch.follow(c, s.operation)
}

// Kill implements [command.Peer].
func (c *conn) Kill() {
	if c.killed.Swap(true) {
		return
	}
	if c.worker.server.running != c.worker {
		c.post(message{kind: messageKill, c: c})
		return
	}
	c.closing = true
	c.worker.touch(c)
}

// Addr implements [command.Peer].
func (c *conn) Addr() string { return c.link.remote() }

// LocalAddr implements [command.Peer].
func (c *conn) LocalAddr() string { return c.link.local() }

// post leaves a message for the connection's worker, unless the connection
// already owes its client more than it may.
func (c *conn) post(m message) {
	n := int64(len(m.data))
	if c.posted.Add(n) > int64(c.worker.server.cfg.Limits.PubSubOutput) && m.kind == messagePush {
		c.posted.Add(-n)
		c.overflow()
		return
	}
	c.worker.mail.put(m)
}

// overflow gives up a client that does not read. Its unsent output is dropped.
func (c *conn) overflow() {
	if c.killed.Swap(true) {
		return
	}
	c.worker.server.counters.killedOutput.Add(1)
	c.worker.mail.put(message{kind: messageOverflow, c: c})
	c.link.interrupt()
}

// unsent is how many bytes wait to be sent.
func (c *conn) unsent() int { return len(c.out) - c.sent }

// outputLimit is how many may wait.
func (c *conn) outputLimit() int {
	if c.subscribed {
		return c.worker.server.cfg.Limits.PubSubOutput
	}
	return c.worker.server.cfg.Limits.Output
}

// waits reports whether the connection's next request has to wait.
func (c *conn) waits() bool {
	return c.blocked || c.closing || c.dead || c.unsent() > c.worker.server.cfg.Limits.Backlog
}
