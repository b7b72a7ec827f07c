package command

import (
	"bytes"

	"go.opentelemetry.io/otel/trace"

	"mini-redis/internal/resp"
	"mini-redis/services/mini-redis/internal/keyspace"
)

func txCommands() []*Spec {
	return []*Spec{
		{Name: "multi", Arity: 1, Flags: NoScript | Loading | Stale | Fast | AllowBusy, ACL: CatTransaction,
			Group: "transactions", Since: "1.2.0", Complexity: "O(1)",
			Summary: "Begins a transaction.", Handler: multi, always: true},
		{Name: "exec", Arity: 1, Flags: NoScript | Loading | Stale | SkipSlowlog, ACL: CatTransaction,
			Group: "transactions", Since: "1.2.0", Complexity: "Depends on the commands",
			Summary: "Runs the commands of a transaction.", Handler: exec, always: true},
		{Name: "discard", Arity: 1, Flags: NoScript | Loading | Stale | Fast | AllowBusy, ACL: CatTransaction,
			Group: "transactions", Since: "2.0.0", Complexity: "O(n) of the queued commands",
			Summary: "Drops the commands of a transaction.", Handler: discard, always: true},
		{Name: "watch", Arity: -2, Flags: NoScript | Loading | Stale | Fast | AllowBusy, ACL: CatTransaction,
			KeySpecs: allKeys(KeyRO, 1),
			Group:    "transactions", Since: "2.2.0", Complexity: "O(1) for each key",
			Summary: "Makes the next EXEC depend on keys staying as they are.", Syntax: "key:key...",
			Handler: watch, always: true},
		{Name: "unwatch", Arity: 1, Flags: NoScript | Loading | Stale | Fast | AllowBusy, ACL: CatTransaction,
			Group: "transactions", Since: "2.2.0", Complexity: "O(1)",
			Summary: "Forgets the watched keys.", Handler: unwatch},
	}
}

// Tx is a transaction being put together by MULTI.
type Tx struct {
	Queue   []Queued
	Aborted bool // a command could not be queued: EXEC answers EXECABORT
	Bytes   int  // memory of the queued arguments
	Flags   Flags
	parent  trace.SpanContext // the first valid context that came with a queued command
}

// lend gives EXEC the context of the first command that has one, if it has none
// itself: the transaction's own time belongs to that trace.
func (tx *Tx) lend(from *origin) {
	if !from.parent.IsValid() && tx.parent.IsValid() {
		from.parent, from.traced = tx.parent, true
	}
}

// Queued is one command of a transaction, with copies of its arguments and the
// context that came with it.
type Queued struct {
	Spec   *Spec
	Args   [][]byte
	Parent trace.SpanContext
	Traced bool
}

// queuedOverhead is the memory of a queued command or argument beside its bytes.
const queuedOverhead = 64

// Watched is the keys a session watches.
type Watched struct {
	keys map[queueID]watchedKey
}

type watchedKey struct {
	key     *keyspace.WatchedKey
	version int64 // at the time of WATCH
}

// multi: MULTI
func multi(c *Ctx) {
	if c.Session.Tx != nil {
		c.W.Error("ERR MULTI calls can not be nested")
		return
	}
	c.Session.Tx = &Tx{}
	c.W.OK()
}

// enqueue keeps a request for EXEC.
func (e *Engine) enqueue(s *Session, spec *Spec, args [][]byte, from *origin, w *resp.Writer) {
	tx := s.Tx
	size := queuedOverhead * (len(args) + 1)
	for _, a := range args {
		size += len(a)
	}
	if tx.Bytes+size > e.cfg.TxBytes {
		tx.Queue = nil
		e.reject(s, spec, args, from, w, "ERR the commands queued by MULTI take too much memory")
		return
	}
	if from.parent.IsValid() && !tx.parent.IsValid() {
		tx.parent = from.parent
	}
	if !tx.Aborted {
		tx.Queue = append(tx.Queue, Queued{spec, cloneArgs(args), from.parent, from.traced})
		tx.Bytes += size
		tx.Flags |= spec.Flags
	}
	w.RawString("+QUEUED\r\n")
}

// exec: EXEC
func exec(c *Ctx) {
	s, e, w := c.Session, c.Engine, c.W
	tx := s.Tx
	if tx == nil {
		w.Error("ERR EXEC without MULTI")
		return
	}
	changed := s.watchedChanged()
	s.discard()
	switch {
	case tx.Aborted:
		w.Error("EXECABORT Transaction discarded because of previous errors.")
		return
	case changed:
		w.NullArray()
		return
	}
	outer := *c
	e.inExec = true
	mark := len(w.Buf)
	w.Array(len(tx.Queue))
	for i := range tx.Queue {
		q := &tx.Queue[i]
		e.run(s, q.Spec, q.Args, &origin{parent: q.Parent, traced: q.Traced}, w)
		if len(w.Buf)-mark > e.cfg.Reply {
			w.Buf = w.Buf[:mark] // all of it runs, but its replies cannot be kept: the client is let go
			s.Closing = true
			s.Peer.Kill()
		}
	}
	e.inExec = false
	*c = outer
}

// discard: DISCARD
func discard(c *Ctx) {
	if c.Session.Tx == nil {
		c.W.Error("ERR DISCARD without MULTI")
		return
	}
	c.Session.discard()
	c.W.OK()
}

// watch: WATCH key [key ...]
func watch(c *Ctx) {
	if c.Session.Tx != nil {
		c.W.Error("ERR WATCH inside MULTI is not allowed")
		return
	}
	for _, key := range c.Args[1:] {
		c.Session.watch(c.DB, key)
	}
	c.W.OK()
}

// unwatch: UNWATCH
func unwatch(c *Ctx) {
	c.Session.unwatch()
	c.W.OK()
}

func (s *Session) watch(db *keyspace.DB, key []byte) {
	if s.Watched == nil {
		s.Watched = &Watched{keys: map[queueID]watchedKey{}}
	}
	id := queueID{db, string(key)}
	if _, twice := s.Watched.keys[id]; twice {
		return
	}
	db.Peek(key) // what has expired counts as gone before, not as a change
	w := db.Watch(id.key)
	s.Watched.keys[id] = watchedKey{w, w.Version()}
}

// unwatch forgets the watched keys.
func (s *Session) unwatch() {
	if s.Watched == nil {
		return
	}
	for id := range s.Watched.keys {
		id.db.Unwatch(id.key)
	}
	s.Watched = nil
}

// watchedChanged reports whether a watched key has changed since WATCH; to have
// expired is a change.
func (s *Session) watchedChanged() bool {
	if s.Watched == nil {
		return false
	}
	for id, w := range s.Watched.keys {
		id.db.Peek([]byte(id.key))
		if w.key.Version() != w.version {
			return true
		}
	}
	return false
}

// discard ends the transaction, if there is one, and forgets the watched keys.
func (s *Session) discard() {
	s.Tx = nil
	s.unwatch()
}

// cloneArgs copies a request out of the input buffer, in two allocations.
func cloneArgs(args [][]byte) [][]byte {
	all := bytes.Join(args, nil)
	list := make([][]byte, len(args))
	for i, a := range args {
		list[i], all = all[:len(a):len(a)], all[len(a):]
	}
	return list
}
