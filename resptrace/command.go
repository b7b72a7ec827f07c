package resptrace

import (
	"context"
	"strings"

	"github.com/redis/go-redis/v9"

	"mini-redis/resptrace/wire"
)

// treatment is what a hook may do with a command.
type treatment uint8

const (
	ordinary     treatment = iota // a span, and the context on the wire
	bare                          // a span, but never wrapped
	housekeeping                  // neither: go-redis's own handshake and housekeeping
)

// classify decides by the command's name. Bare are the commands that carry a
// connection's state: MULTI, whose type go-redis asserts; EXEC and DISCARD, which a
// server that does not know TRACED would miss and leave the connection inside
// MULTI; WATCH, which a fallback must not repeat; and those whose reply is
// copied away unseen, errors included, so that the fallback could not see it.
func classify(cmd redis.Cmder) treatment {
	switch cmd.(type) {
	case *redis.RawCmd, *redis.RawWriteToCmd:
		return bare
	}
	switch cmd.Name() {
	case "hello", "auth", "select", "readonly", "readwrite", "asking", "command":
		return housekeeping
	case "client":
		return subcommand(cmd, "setinfo", "setname", "maint_notifications", "tracking")
	case "cluster":
		return subcommand(cmd, "slots", "shards")
	case "multi", "exec", "discard", "watch", "unwatch", "himport", "monitor", "sync", "psync", "reset", "quit",
		"subscribe", "psubscribe", "ssubscribe", "unsubscribe", "punsubscribe", "sunsubscribe":
		return bare
	}
	return ordinary
}

// subcommand tells those that go-redis sends by itself from those a program sends.
func subcommand(cmd redis.Cmder, own ...string) treatment {
	given := word(cmd.Args(), 1)
	for _, name := range own {
		if strings.EqualFold(given, name) {
			return housekeeping
		}
	}
	return bare
}

// word is an argument that was given as a string; "" if it was not.
func word(args []any, i int) string {
	if i < len(args) {
		if s, ok := args[i].(string); ok {
			return s
		}
	}
	return ""
}

// keepHouse runs a command of go-redis's own. HELLO passes here on every new
// connection, before the first command is written to it: its reply is the discovery.
func (h *hook) keepHouse(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
	err := next(ctx, announce(cmd))
	if hello, ok := cmd.(*redis.MapStringInterfaceCmd); ok && cmd.Name() == "hello" {
		h.discover(hello, err)
	}
	return err
}

// discover reads HELLO's reply. An error reply is that of a server before
// HELLO; after a failure of the network nothing is known anew.
func (h *hook) discover(hello *redis.MapStringInterfaceCmd, err error) {
	if err != nil {
		if isReply(err) {
			h.traced.Store(false)
		}
		return
	}
	version, ok := hello.Val()[wire.Capability].(int64)
	h.traced.Store(ok && version >= wire.Version)
}

// announce adds resptrace to the library name that go-redis gives itself,
// go-redis(,go1.26.8), so that the server knows a connection that has traces
// even while none of them is sampled.
func announce(cmd redis.Cmder) redis.Cmder {
	args := cmd.Args()
	if cmd.Name() != "client" || !strings.EqualFold(word(args, 1), "setinfo") || !strings.EqualFold(word(args, 2), "lib-name") {
		return cmd
	}
	name, ok := strings.CutSuffix(word(args, 3), ")")
	if len(args) != 4 || !ok || strings.Contains(name, wire.LibName) {
		return cmd
	}
	return &announcedCmd{Cmder: cmd, args: []any{args[0], args[1], args[2], name + "," + wire.LibName + ")"}}
}

// announcedCmd is CLIENT SETINFO LIB-NAME with another name.
type announcedCmd struct {
	redis.Cmder
	args []any
}

// Args returns the command as it goes over the wire.
func (c *announcedCmd) Args() []any { return c.args }

// isReply says that err is an answer of the server, and not the failure to get one.
func isReply(err error) bool {
	_, ok := asReply(err)
	return ok
}
