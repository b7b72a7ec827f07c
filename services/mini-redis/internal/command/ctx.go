package command

import "mini-redis/services/mini-redis/internal/keyspace"

// The errors that many commands share, as redis-server words them.
const (
	errWrongType = "WRONGTYPE Operation against a key holding the wrong kind of value"
	errNotInt    = "ERR value is not an integer or out of range"
	errSyntax    = "ERR syntax error"
)

// wrongArity answers a request whose number of arguments is wrong for what its
// options ask.
func (c *Ctx) wrongArity() {
	c.W.Error("ERR wrong number of arguments for '" + c.Spec.Name + "' command")
}

// isText reports whether e is absent or a string; if it is not, the request
// has been answered.
func (c *Ctx) isText(e *keyspace.Entry) bool {
	if e == nil || e.Kind() == keyspace.KindString {
		return true
	}
	c.W.Error(errWrongType)
	return false
}

// text writes the string value of e; null when e is nil.
func (c *Ctx) text(e *keyspace.Entry) {
	if e == nil {
		c.W.Null()
		return
	}
	if _, ok := e.Int(); !ok {
		c.W.Bulk(e.Text())
		return
	}
	var tmp [20]byte
	c.W.Bulk(e.AppendText(tmp[:0]))
}

// setText stores a string under key, without expiry, in place of what e, which
// is what is there now or nil, has.
func (c *Ctx) setText(e *keyspace.Entry, key, value []byte) *keyspace.Entry {
	if e == nil {
		e = c.DB.Add(key, keyspace.KindString, nil)
	} else {
		c.DB.Persist(e)
	}
	c.DB.SetBytes(e, value)
	return e
}
