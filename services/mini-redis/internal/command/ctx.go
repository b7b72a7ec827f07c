package command

import (
	"strings"

	"mini-redis/services/mini-redis/internal/keyspace"
)

// The errors that many commands share, as redis-server words them.
const (
	errWrongType = "WRONGTYPE Operation against a key holding the wrong kind of value"
	errNotInt    = "ERR value is not an integer or out of range"
	errNotFinite = "ERR increment would produce NaN or Infinity"
	errNotFloat  = "ERR value is not a valid float"
	errOverflow  = "ERR increment or decrement would overflow"
	errSyntax    = "ERR syntax error"
	errNoKey     = "ERR no such key"
	errRange     = "ERR index out of range"
	errTooLong   = "ERR string exceeds maximum allowed size (proto-max-bulk-len)"
	errPositive  = "ERR value is out of range, must be positive"
)

// is reports whether argument i is that word, given in lower case, in any case.
func (c *Ctx) is(i int, word string) bool { return equalFold(c.Args[i], word) }

// more reports whether at least n arguments follow argument i.
func (c *Ctx) more(i, n int) bool { return i+n < len(c.Args) }

// integer reads argument i; when it is no integer the request has been answered.
func (c *Ctx) integer(i int) (n int64, ok bool) {
	n, ok = keyspace.CanonicalInt(c.Args[i])
	if !ok {
		c.W.Error(errNotInt)
	}
	return n, ok
}

// wrongArity answers a request whose number of arguments is wrong for what its
// options ask.
func (c *Ctx) wrongArity() { c.W.Error(arityError(c.Spec)) }

// subcommandSyntax answers a subcommand whose arguments make no sense.
func (c *Ctx) subcommandSyntax() {
	c.W.Error("ERR unknown subcommand or wrong number of arguments for '" + shown(c.Args[1]) + "'. Try " +
		strings.ToUpper(c.Spec.Parent.Name) + " HELP.")
}

func arityError(s *Spec) string {
	return "ERR wrong number of arguments for '" + s.Name + "' command"
}

// badExpire answers a request whose expiry cannot be.
func (c *Ctx) badExpire() { c.W.Error("ERR invalid expire time in '" + c.Spec.Name + "' command") }

// flag writes a yes or no as most commands do: 1 or 0.
func (c *Ctx) flag(b bool) {
	if b {
		c.W.RawString(":1\r\n")
	} else {
		c.W.RawString(":0\r\n")
	}
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

// help writes the subcommands of a container, each with its arguments and what
// it does.
func (c *Ctx) help() {
	parent := c.Spec.Parent
	title := strings.ToUpper(parent.Name)
	c.W.Array(1 + 2*len(parent.Subs))
	c.W.Simple(title + " <subcommand> [<arg> ...], where the subcommand is one of:")
	for _, s := range parent.Subs {
		_, name, _ := strings.Cut(s.Operation, " ")
		if usage := s.usage(); usage != "" {
			name += " " + usage
		}
		c.W.Simple(name)
		c.W.Simple("    " + s.Summary)
	}
}
