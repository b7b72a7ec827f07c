// Package command holds the commands: one file cmd_<group>.go for each group, with
// the rows of the command table and the handlers. [All] returns the rows; package
// engine builds the table from them and calls the handlers.
//
// A handler has four steps in this order: it parses its arguments, looks its keys
// up, changes them, and writes the reply. A command whose effect depends on the time
// or on what a key holds also records the canonical command that repeats the change
// (engine.Ctx.Record).
package command

import (
	"slices"
	"strconv"

	"mini-redis/internal/resp"
	"mini-redis/services/mini-redis/internal/engine"
	"mini-redis/services/mini-redis/internal/keyspace"
)

type (
	// Ctx is the context of one execution of a command.
	Ctx = engine.Ctx
	// Spec is a row of the command table.
	Spec = engine.Spec
	// Handler executes a command.
	Handler = engine.Handler
)

// All returns a row for each command of the server. Each call returns new rows.
func All() []*Spec {
	return slices.Concat(
		connectionCommands(), clientCommands(), serverCommands(), introspectionCommands(),
		keyCommands(), expireCommands(), scanCommands(), objectCommands(),
		stringCommands(), setCommands(), counterCommands(), listCommands(), blockingListCommands(),
		transactionCommands(), pubsubCommands(), tracedCommands(),
	)
}

// Error replies that several commands share, in the words of redis-server.
const (
	errWrongType = "WRONGTYPE Operation against a key holding the wrong kind of value"
	errNotFinite = "ERR increment would produce NaN or Infinity"
	errNotFloat  = "ERR value is not a valid float"
	errOverflow  = "ERR increment or decrement would overflow"
	errSyntax    = "ERR syntax error"
	errNoKey     = "ERR no such key"
	errRange     = "ERR index out of range"
	errTooLong   = "ERR string exceeds maximum allowed size (proto-max-bulk-len)"
	errPositive  = "ERR value is out of range, must be positive"
)

// oneKey is the key specification of commands whose first argument is their key.
func oneKey(f engine.KeyFlags) []engine.KeySpec {
	return []engine.KeySpec{{Flags: f, Begin: 1, Step: 1}}
}

// allKeys is the key specification of commands whose every step-th argument is a
// key.
func allKeys(f engine.KeyFlags, step int) []engine.KeySpec {
	return []engine.KeySpec{{Flags: f, Begin: 1, Last: -1, Step: step}}
}

// typed returns the value of e as a T, the zero value if e is nil. If e holds
// another type, typed writes the error reply and returns false.
func typed[T keyspace.Value](c *Ctx, e *keyspace.Entry) (v T, ok bool) {
	if v, ok = keyspace.As[T](e); !ok {
		c.W.Error(errWrongType)
	}
	return v, ok
}

// invalidExpire writes the error reply for an expiration time that is out of range.
func invalidExpire(c *Ctx) { c.W.Error("ERR invalid expire time in '" + c.Spec.Name + "' command") }

// isString reports whether e is nil or a string. If it is not, isString writes the
// error reply.
func isString(c *Ctx, e *keyspace.Entry) bool {
	if e == nil || e.Kind() == keyspace.KindString {
		return true
	}
	c.W.Error(errWrongType)
	return false
}

// writeString writes the string value of e, null if e is nil.
func writeString(w *resp.Writer, e *keyspace.Entry) {
	if e == nil {
		w.Null()
		return
	}
	if _, ok := e.Int(); !ok {
		w.Bulk(e.Text())
		return
	}
	var tmp [20]byte
	w.Bulk(e.AppendText(tmp[:0]))
}

// setString stores a string at key without an expiration time. e is the entry that
// exists, nil for none.
func setString(c *Ctx, e *keyspace.Entry, key, value []byte) *keyspace.Entry {
	if e == nil {
		if c.Owns(value) {
			e = c.DB.Add(key, keyspace.KindString, nil)
			c.DB.SetOwned(e, value)
			return e
		}
		return c.DB.AddBytes(key, value)
	}
	c.DB.Persist(e)
	setBytes(c, e, value)
	return e
}

// setBytes makes value the string of e and leaves its expiration time as it is. A large
// value is not copied if the memory of the request belongs to it.
func setBytes(c *Ctx, e *keyspace.Entry, value []byte) {
	if c.Owns(value) {
		c.DB.SetOwned(e, value)
		return
	}
	c.DB.SetBytes(e, value)
}

// replyFits reports whether the reply since mark is at most the largest reply. If it is
// not, replyFits replaces it by an error: a short request can name something large many
// times.
func replyFits(c *Ctx, mark resp.Mark) bool {
	if c.W.Since(mark) <= c.Engine.MaxReply() {
		return true
	}
	c.W.Truncate(mark)
	c.W.Error("ERR the reply is too large")
	return false
}

// decimal formats an integer as an argument of a recorded command.
func decimal(n int64) []byte { return strconv.AppendInt(nil, n, 10) }
