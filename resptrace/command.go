package resptrace

import (
	"context"
	"strings"

	"github.com/redis/go-redis/v9"

	"mini-redis/resptrace/wire"
)

// commandClass says what the hook does with a command.
type commandClass uint8

const (
	wrappable       commandClass = iota // the command has a span and may be wrapped in TRACED
	neverWrapped                        // the command has a span but is never wrapped
	internalCommand                     // no span, not wrapped: go-redis sends it for connection setup and maintenance
)

// classify returns the class of a command, which depends on its name. These
// commands are neverWrapped:
//
//   - MULTI, because go-redis asserts its type;
//   - EXEC and DISCARD, because a server without TRACED would reject them and the
//     connection would stay inside MULTI;
//   - WATCH, because the fallback must not repeat it;
//   - other commands that change the state of the connection;
//   - raw commands, because go-redis copies their reply, including an error, to
//     the caller, so that the fallback cannot detect it.
func classify(cmd redis.Cmder) commandClass {
	switch cmd.(type) {
	case *redis.RawCmd, *redis.RawWriteToCmd:
		return neverWrapped
	}
	switch cmd.Name() {
	case "hello", "auth", "select", "readonly", "readwrite", "asking", "command":
		return internalCommand
	case "client":
		return subcommand(cmd, "setinfo", "setname", "maint_notifications", "tracking")
	case "cluster":
		return subcommand(cmd, "slots", "shards")
	case "multi", "exec", "discard", "watch", "unwatch", "himport", "monitor", "sync", "psync", "reset", "quit",
		"subscribe", "psubscribe", "ssubscribe", "unsubscribe", "punsubscribe", "sunsubscribe":
		return neverWrapped
	}
	return wrappable
}

// subcommand returns internalCommand for the subcommands in own, which go-redis
// itself sends, and neverWrapped for others.
func subcommand(cmd redis.Cmder, own ...string) commandClass {
	given := stringArg(cmd.Args(), 1)
	for _, name := range own {
		if strings.EqualFold(given, name) {
			return internalCommand
		}
	}
	return neverWrapped
}

// stringArg returns argument i if it is a string, and "" otherwise.
func stringArg(args []any, i int) string {
	if i < len(args) {
		if s, ok := args[i].(string); ok {
			return s
		}
	}
	return ""
}

// processInternal runs a command that go-redis itself sends. On every new
// connection that includes HELLO, before the first command is written. Its reply
// shows whether the server supports TRACED.
func (h *hook) processInternal(ctx context.Context, cmd redis.Cmder, next redis.ProcessHook) error {
	err := next(ctx, addLibNameSuffix(cmd))
	if hello, ok := cmd.(*redis.MapStringInterfaceCmd); ok && cmd.Name() == "hello" {
		h.discover(hello, err)
	}
	return err
}

// discover reads the reply of HELLO. An error reply means that the server is older
// than HELLO. A network error does not change what is known.
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

// addLibNameSuffix adds resptrace to the library name that go-redis sets,
// go-redis(,go1.26.8). So the server knows that the connection is context-aware
// even if no command on it is sampled.
func addLibNameSuffix(cmd redis.Cmder) redis.Cmder {
	args := cmd.Args()
	if cmd.Name() != "client" || !strings.EqualFold(stringArg(args, 1), "setinfo") || !strings.EqualFold(stringArg(args, 2), "lib-name") {
		return cmd
	}
	name, ok := strings.CutSuffix(stringArg(args, 3), ")")
	if len(args) != 4 || !ok || strings.Contains(name, wire.LibName) {
		return cmd
	}
	return &libNameCmd{Cmder: cmd, args: []any{args[0], args[1], args[2], name + "," + wire.LibName + ")"}}
}

// libNameCmd is CLIENT SETINFO LIB-NAME with a changed name.
type libNameCmd struct {
	redis.Cmder
	args []any
}

// Args returns the arguments to send.
func (c *libNameCmd) Args() []any { return c.args }

// isReply reports whether err is an error reply of the server.
func isReply(err error) bool {
	_, ok := asReply(err)
	return ok
}
