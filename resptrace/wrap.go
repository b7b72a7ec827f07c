package resptrace

import (
	"errors"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"mini-redis/resptrace/wire"
)

// A wrapped command embeds the command and so is it in all but its arguments,
// which go-redis asks for when it writes the command: after the dial and HELLO,
// once an attempt. Deciding there, and not when the call begins, follows a
// server that was exchanged without a failed attempt.

// inlineArgs is how many arguments a wrapped command has room for without a
// slice of its own: three fields and a command of six words.
const inlineArgs = 2 + 2*3 + 6

// tracedCmd is a single command with a context.
type tracedCmd struct {
	redis.Cmder
	hook    *hook
	carrier wire.Carrier
	written time.Time // of the first attempt
	sent    bool      // as TRACED, in the last attempt
	buf     [inlineArgs]any
}

// Args returns the command as it goes over the wire.
func (c *tracedCmd) Args() []any {
	if c.written.IsZero() {
		c.written = time.Now()
	}
	c.sent = c.hook.traced.Load() && c.carrier.Len() > 0
	if !c.sent {
		return c.Cmder.Args()
	}
	return appendTraced(c.buf[:0], &c.carrier, c.Cmder.Args())
}

func (c *tracedCmd) unwrap() redis.Cmder { return c.Cmder }

// appendTraced is wire.Append with the fields as pointers, which an any holds
// without an allocation.
func appendTraced(dst []any, carrier *wire.Carrier, inner []any) []any {
	dst = append(dst, wire.Command, carrier.Len())
	for i := range carrier.Len() {
		name, value := carrier.At(i)
		dst = append(dst, name, value)
	}
	return append(dst, inner...)
}

// batch is the context that the commands of one pipeline or transaction share,
// and the one decision for all of them, taken anew with each attempt: a
// batch of which half is wrapped could be half refused.
type batch struct {
	hook    *hook
	carrier wire.Carrier
	cmds    []batchCmd
	written time.Time // of the first attempt
	sent    bool      // as TRACED, in the last attempt
	args    []any     // of all commands, one after the other
}

// batchCmd is a command of a batch, with its context.
type batchCmd struct {
	redis.Cmder
	batch *batch
	first bool
}

// Args returns the command as it goes over the wire.
func (c *batchCmd) Args() []any {
	if c.first {
		c.batch.decide()
	}
	inner := c.Cmder.Args()
	b := c.batch
	if !b.sent {
		return inner
	}
	from := len(b.args)
	b.args = appendTraced(b.args, &b.carrier, inner)
	return b.args[from:len(b.args):len(b.args)]
}

func (c *batchCmd) unwrap() redis.Cmder { return c.Cmder }

func (b *batch) decide() {
	if b.written.IsZero() {
		b.written = time.Now()
	}
	b.sent = b.hook.traced.Load() && b.carrier.Len() > 0
	if !b.sent {
		return
	}
	room := 0
	for i := range b.cmds {
		room += 2 + 2*b.carrier.Len() + len(b.cmds[i].Cmder.Args())
	}
	// A slice of its own for each attempt: another hook may keep what it was given.
	b.args = make([]any, 0, room)
}

// unwrap gives back the command as the program made it. A cluster client puts
// redirected commands of a pipeline back into its queue as they were sent, and
// the next node's hook finds them wrapped by the last one's.
func unwrap(cmd redis.Cmder) redis.Cmder {
	for {
		w, ok := cmd.(interface{ unwrap() redis.Cmder })
		if !ok {
			return cmd
		}
		cmd = w.unwrap()
	}
}

// unwrapAll is unwrap for a batch. It copies only if it has to.
func unwrapAll(cmds []redis.Cmder) []redis.Cmder {
	for i, cmd := range cmds {
		if unwrap(cmd) == cmd {
			continue
		}
		plain := make([]redis.Cmder, len(cmds))
		copy(plain, cmds[:i])
		for j := i; j < len(cmds); j++ {
			plain[j] = unwrap(cmds[j])
		}
		return plain
	}
	return cmds
}

// asReply is the server's answer in err, if that is what it is.
func asReply(err error) (redis.Error, bool) {
	if err == nil {
		return nil, false
	}
	if reply, ok := err.(redis.Error); ok {
		return reply, true // without the allocation of errors.As: a nil reply is nothing special
	}
	var reply redis.Error
	ok := errors.As(err, &reply)
	return reply, ok
}

// isUnknownTraced says that a server refused TRACED as a command it does not
// know, and so ran nothing. Redis before 7 has backticks for the quotes.
func isUnknownTraced(err error) bool {
	reply, ok := asReply(err)
	if !ok {
		return false
	}
	name, ok := strings.CutPrefix(reply.Error(), "ERR unknown command ")
	return ok && (strings.HasPrefix(name, "'TRACED'") || strings.HasPrefix(name, "`TRACED`"))
}
