package engine

import (
	"strings"

	"mini-redis/internal/ascii"
	"mini-redis/internal/resp"
	"mini-redis/services/mini-redis/internal/keyspace"
)

// ErrNotInteger is the error reply for an argument that is not an integer.
const ErrNotInteger = "ERR value is not an integer or out of range"

// Is reports whether argument i equals word, which is in lower case, ignoring case.
func (c *Ctx) Is(i int, word string) bool { return ascii.Is(c.Args[i], word) }

// More reports whether at least n arguments follow argument i.
func (c *Ctx) More(i, n int) bool { return i+n < len(c.Args) }

// Integer parses argument i. If it is not an integer, Integer writes the error
// reply and returns false.
func (c *Ctx) Integer(i int) (n int64, ok bool) {
	n, ok = keyspace.CanonicalInt(c.Args[i])
	if !ok {
		c.W.Error(ErrNotInteger)
	}
	return n, ok
}

// WrongArity writes the error reply for a wrong number of arguments.
func (c *Ctx) WrongArity() { c.W.Error(arityError(c.Spec)) }

// SubcommandSyntax writes the error reply for wrong arguments of a subcommand.
func (c *Ctx) SubcommandSyntax() {
	c.W.Error("ERR unknown subcommand or wrong number of arguments for '" + Shown(c.Args[1]) + "'. Try " +
		strings.ToUpper(c.Spec.Parent.Name) + " HELP.")
}

// Flag writes 1 for true and 0 for false.
func (c *Ctx) Flag(b bool) {
	if b {
		c.W.RawString(":1\r\n")
	} else {
		c.W.RawString(":0\r\n")
	}
}

// ownedMin is the length from which an argument is worth keeping instead of copying.
const ownedMin = 32 << 10

// Owns reports whether a handler may keep arg, one of its arguments, instead of copying
// it: the memory of the request is not reused, and arg is most of it.
func (c *Ctx) Owns(arg []byte) bool {
	if len(arg) < ownedMin || !c.owned {
		return false
	}
	total := 0
	for _, a := range c.Args {
		total += len(a)
	}
	return 2*len(arg) >= total
}

// PushWriter returns the writer for pushes that a command sends to its own client
// in place of a reply. CLIENT REPLY OFF does not mute them.
func (c *Ctx) PushWriter() *resp.Writer {
	if c.Session.Reply == ReplyOn {
		return c.W
	}
	c.Session.pushes.Proto = c.Session.Proto
	return &c.Session.pushes
}

// AlreadyExpired reports whether a key with that expiration time, in unix
// milliseconds, is expired and is deleted instead of being stored. While a record
// is replayed no key is: its deletion is part of the record.
func (c *Ctx) AlreadyExpired(at int64) bool {
	return at <= c.Engine.space.Now() && !c.Engine.space.Loading
}

// Help writes the subcommands of the command's container, with their arguments and
// summaries.
func Help(c *Ctx) {
	parent := c.Spec.Parent
	title := strings.ToUpper(parent.Name)
	c.W.Array(1 + 2*len(parent.Subs))
	c.W.Simple(title + " <subcommand> [<arg> ...], where the subcommand is one of:")
	for _, s := range parent.Subs {
		_, name, _ := strings.Cut(s.Operation, " ")
		if usage := s.Usage(); usage != "" {
			name += " " + usage
		}
		c.W.Simple(name)
		c.W.Simple("    " + s.Summary)
	}
}

// maxShown is the number of bytes of a request that an error reply shows.
const maxShown = 128

// Shown returns an argument as an error reply shows it.
func Shown(arg []byte) string { return clip(arg, maxShown) }

// clip returns at most n bytes of an argument, up to the first NUL, which ends a
// string in redis-server's error texts.
func clip(arg []byte, n int) string {
	if len(arg) > n {
		arg = arg[:n]
	}
	text, _, _ := strings.Cut(string(arg), "\x00")
	return text
}
