package resptrace

import (
	"errors"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"mini-redis/resptrace/wire"
)

// A wrapped command embeds the original command and only overrides Args. go-redis
// calls Args when it writes the command, after the dial and HELLO, once per
// attempt. The decision to send TRACED is made there and not at the start of the
// call. So it follows a server that was replaced without a failed attempt.

// inlineArgs is the number of arguments that fit into a wrapped command without an
// allocation: three fields and a command of six words.
const inlineArgs = 2 + 2*3 + 6

// tracedCmd is a single command with a context.
type tracedCmd struct {
	redis.Cmder
	hook    *hook
	carrier wire.Carrier
	written time.Time // time of the first attempt
	sent    bool      // the last attempt used TRACED
	buf     [inlineArgs]any
}

// Args returns the arguments to send.
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

// appendTraced is wire.Append with the fields as pointers, because converting a
// pointer to any does not allocate.
func appendTraced(dst []any, carrier *wire.Carrier, inner []any) []any {
	dst = append(dst, wire.Command, carrier.Len())
	for i := range carrier.Len() {
		name, value := carrier.At(i)
		dst = append(dst, name, value)
	}
	return append(dst, inner...)
}

// batch holds the context that the commands of one pipeline or transaction share.
// The decision to send TRACED is made once per attempt for all commands, because a
// batch with only some wrapped commands could be partly rejected.
type batch struct {
	hook    *hook
	carrier wire.Carrier
	cmds    []batchCmd
	written time.Time // time of the first attempt
	sent    bool      // the last attempt used TRACED
	args    []any     // arguments of all commands, concatenated
}

// batchCmd is a wrapped command of a batch.
type batchCmd struct {
	redis.Cmder
	batch *batch
	first bool
}

// Args returns the arguments to send.
func (c *batchCmd) Args() []any {
	if c.first {
		c.batch.beginAttempt()
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

func (b *batch) beginAttempt() {
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
	// A new slice for each attempt, because another hook may retain the arguments.
	b.args = make([]any, 0, room)
}

// unwrap returns the original command. A cluster client requeues redirected
// commands of a pipeline as they were sent, so the hook of the next node can
// receive commands that the previous node's hook has wrapped.
func unwrap(cmd redis.Cmder) redis.Cmder {
	for {
		w, ok := cmd.(interface{ unwrap() redis.Cmder })
		if !ok {
			return cmd
		}
		cmd = w.unwrap()
	}
}

// unwrapAll applies unwrap to a batch. It copies cmds only if a command is wrapped.
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

// asReply returns the error reply of the server that err contains, if any.
func asReply(err error) (redis.Error, bool) {
	if err == nil {
		return nil, false
	}
	if reply, ok := err.(redis.Error); ok {
		return reply, true // avoids the allocation of errors.As, because nil replies are frequent
	}
	var reply redis.Error
	ok := errors.As(err, &reply)
	return reply, ok
}

// isUnknownTraced reports whether the server rejected TRACED as an unknown
// command, which means that it executed nothing. Redis before 7 uses backticks
// instead of the quotes.
func isUnknownTraced(err error) bool {
	reply, ok := asReply(err)
	if !ok {
		return false
	}
	name, ok := strings.CutPrefix(reply.Error(), "ERR unknown command ")
	return ok && (strings.HasPrefix(name, "'TRACED'") || strings.HasPrefix(name, "`TRACED`"))
}
