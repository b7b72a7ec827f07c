package engine

import (
	"bytes"

	"mini-redis/internal/resp"
)

// Tx is the transaction that MULTI has started.
type Tx struct {
	Queue   []Queued
	Aborted bool  // a command could not be queued: EXEC fails
	Bytes   int   // memory of the queued arguments
	Flags   Flags // of all queued commands

	context TraceContext // the first valid context of a queued command
}

// Queued is a command of a transaction, with copies of its arguments and the
// context that it was sent with.
type Queued struct {
	TraceContext
	Spec *Spec
	Args [][]byte
}

// inheritContext gives EXEC the context of the first command that has one, if EXEC
// has none: the time of the transaction belongs to that trace.
func (tx *Tx) inheritContext(rc *requestContext) {
	if !rc.Parent.IsValid() && tx.context.Parent.IsValid() {
		rc.TraceContext = tx.context
	}
}

// queuedOverhead is the memory of a queued command or argument beside its bytes.
const queuedOverhead = 64

// enqueue keeps a request for EXEC.
func (e *Engine) enqueue(s *Session, spec *Spec, args [][]byte, rc *requestContext, w *resp.Writer) {
	tx := s.Tx
	size := queuedOverhead*(len(args)+1) + rc.Bytes()
	for _, a := range args {
		size += len(a)
	}
	if tx.Bytes+size > e.cfg.TxBytes {
		tx.Queue = nil
		e.reject(s, spec, args, rc, w, "ERR the commands queued by MULTI take too much memory")
		return
	}
	if rc.Parent.IsValid() && !tx.context.Parent.IsValid() {
		tx.context = rc.TraceContext
	}
	if !tx.Aborted {
		tx.Queue = append(tx.Queue, Queued{rc.TraceContext, spec, cloneArgs(args)})
		tx.Bytes += size
		tx.Flags |= spec.Flags
	}
	w.RawString("+QUEUED\r\n")
}

// ExecuteQueue runs the commands of tx and writes the array of their replies. The
// changes are recorded as one unit. If the replies exceed the largest reply, all
// commands still run, but no reply is sent and the connection is closed.
func (c *Ctx) ExecuteQueue(tx *Tx) {
	e, s, w := c.Engine, c.Session, c.W
	owned := e.owned
	e.owned = true // the queue holds copies
	mark := w.Mark()
	w.Array(len(tx.Queue))
	var discarded resp.Writer
	for i := range tx.Queue {
		q := &tx.Queue[i]
		e.call(s, q.Spec, q.Args, &requestContext{TraceContext: q.TraceContext}, w)
		switch {
		case w == &discarded:
			discarded.Buf = discarded.Buf[:0]
		case w.Since(mark) > e.cfg.Reply:
			w.Truncate(mark)
			s.Closing = true
			discarded.Proto, w = w.Proto, &discarded
		}
	}
	e.owned = owned
}

// Discard ends the session's transaction, if there is one, and forgets the watched
// keys.
func (s *Session) Discard() {
	s.Tx = nil
	s.Watched.Release()
}

// cloneArgs copies the arguments of a request, in two allocations.
func cloneArgs(args [][]byte) [][]byte {
	all := bytes.Join(args, nil)
	list := make([][]byte, len(args))
	for i, a := range args {
		list[i], all = all[:len(a):len(a)], all[len(a):]
	}
	return list
}
