package command

import (
	"mini-redis/services/mini-redis/internal/engine"
	"strconv"
	"strings"
)

func serverCommands() []*Spec {
	everywhere := []string{"request_policy:all_shards", "response_policy:all_succeeded"}
	nodes := []string{"request_policy:all_nodes", "response_policy:all_succeeded"}
	const admin = engine.Admin | engine.NoScript | engine.Loading | engine.Stale
	return []*Spec{
		{Name: "dbsize", Arity: 1, Flags: engine.ReadOnly | engine.Fast, ACL: engine.CatKeyspace,
			Tips:  []string{"request_policy:all_shards", "response_policy:agg_sum"},
			Group: "server", Since: "1.0.0", Complexity: "O(1)",
			Summary: "Returns the number of keys in the database.", Handler: dbsize},
		{Name: "flushall", Arity: -1, Flags: engine.Write, ACL: engine.CatKeyspace | engine.CatDangerous, Tips: everywhere,
			Group: "server", Since: "1.0.0", Complexity: "O(n) of all keys",
			Summary: "Deletes the keys of all databases.", Syntax: "[flush-type=(ASYNC@4.0.0 | SYNC@6.2.0)]", Handler: flushall},
		{Name: "flushdb", Arity: -1, Flags: engine.Write, ACL: engine.CatKeyspace | engine.CatDangerous, Tips: everywhere,
			Group: "server", Since: "1.0.0", Complexity: "O(n) of the keys",
			Summary: "Deletes the keys of the database.", Syntax: "[flush-type=(ASYNC@4.0.0 | SYNC@6.2.0)]", Handler: flushdb},
		{Name: "time", Arity: 1, Flags: engine.Loading | engine.Stale | engine.Fast, Tips: []string{"nondeterministic_output"},
			Group: "server", Since: "2.6.0", Complexity: "O(1)",
			Summary: "Returns the server's time.", Handler: timeNow},
		{Name: "info", Arity: -1, Flags: engine.Loading | engine.Stale, ACL: engine.CatDangerous,
			Tips:  []string{"nondeterministic_output", "request_policy:all_shards", "response_policy:special"},
			Group: "server", Since: "1.0.0", Complexity: "O(1)",
			Summary: "Returns information and statistics about the server.", Syntax: "[section:string...]", Handler: info},
		{Name: "shutdown", Arity: -1, Flags: admin | engine.NoMulti | engine.AllowBusy,
			Group: "server", Since: "1.0.0", Complexity: "O(1)",
			Summary: "Stops the server.",
			Syntax: "[abort-selector=(save-selector-block={[save-selector=(NOSAVE | SAVE)] [NOW@7.0.0] [FORCE@7.0.0]}" +
				" | ABORT@7.0.0)]", Handler: shutdown},
		{Name: "config", Arity: -2, Group: "server", Since: "2.0.0", Complexity: "Depends on the subcommand",
			Summary: "A container for commands about configuration parameters.", Subs: []*Spec{
				{Name: "config|get", Arity: -3, Flags: admin, Group: "server", Since: "2.0.0", Complexity: "O(n) of the settings",
					Summary: "Returns configuration parameters.", Syntax: "parameter:string...", Handler: configGet},
				{Name: "config|help", Arity: 2, Flags: engine.Loading | engine.Stale, Group: "server", Since: "5.0.0", Complexity: "O(1)",
					Summary: "Prints this help.", Handler: engine.Help},
				{Name: "config|resetstat", Arity: 2, Flags: admin, Tips: nodes, Group: "server", Since: "2.0.0", Complexity: "O(1)",
					Summary: "Resets the statistics.", Handler: configResetstat},
				{Name: "config|rewrite", Arity: 2, Flags: admin, Tips: nodes, Group: "server", Since: "2.8.0", Complexity: "O(1)",
					Summary: "Writes the configuration file, which does not exist.", Handler: configRewrite},
				{Name: "config|set", Arity: -4, Flags: admin, Tips: nodes, Group: "server", Since: "2.0.0", Complexity: "O(n) of the settings",
					Summary: "Changes configuration parameters.", Syntax: "data={parameter:string value:string}...", Handler: configSet},
			}},
	}
}

// dbsize: DBSIZE
func dbsize(c *Ctx) { c.W.Int(int64(c.DB.Len())) }

// flushall: FLUSHALL [ASYNC | SYNC]
func flushall(c *Ctx) {
	if flushModeOK(c) {
		c.Engine.Keyspace().Flush()
		c.W.OK()
	}
}

// flushdb: FLUSHDB [ASYNC | SYNC]
func flushdb(c *Ctx) {
	if flushModeOK(c) {
		c.DB.Flush()
		c.W.OK()
	}
}

// flushModeOK reports whether the option is valid; if not, it writes the error reply.
// SYNC and ASYNC are the same: the garbage collector frees the memory.
func flushModeOK(c *Ctx) bool {
	if len(c.Args) == 1 || len(c.Args) == 2 && (c.Is(1, "async") || c.Is(1, "sync")) {
		return true
	}
	c.W.Error(errSyntax)
	return false
}

// timeNow: TIME
func timeNow(c *Ctx) {
	now := c.Engine.Clock().Now()
	c.W.Array(2)
	c.W.BulkString(strconv.FormatInt(now.Unix(), 10))
	c.W.BulkString(strconv.Itoa(now.Nanosecond() / 1000))
}

// info: INFO [section ...]
func info(c *Ctx) {
	var sections []string
	seen := map[string]bool{}
	for _, arg := range c.Args[1:] {
		if s := strings.ToLower(string(arg)); !seen[s] {
			seen[s] = true
			sections = append(sections, s)
		}
	}
	c.W.Verbatim("txt", c.Engine.Host().Info(sections))
}

// shutdown: SHUTDOWN [NOSAVE | SAVE] [NOW] [FORCE] [ABORT]
//
// The data is in memory only, so SAVE, NOSAVE, NOW and FORCE have no effect. ABORT always
// fails: a shutdown cannot be aborted.
func shutdown(c *Ctx) {
	var save, nosave, other, abort bool
	for i := range c.Args[1:] {
		switch i++; {
		case c.Is(i, "save"):
			save = true
		case c.Is(i, "nosave"):
			nosave = true
		case c.Is(i, "now"), c.Is(i, "force"):
			other = true
		case c.Is(i, "abort"):
			abort = true
		default:
			c.W.Error(errSyntax)
			return
		}
	}
	switch {
	case save && nosave, abort && (save || nosave || other):
		c.W.Error(errSyntax)
	case abort:
		c.W.Error("ERR No shutdown in progress.")
	default:
		c.Session.Closing = true
		c.Engine.Host().Shutdown()
	}
}
