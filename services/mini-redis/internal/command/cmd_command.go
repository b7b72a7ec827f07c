package command

import (
	"mini-redis/internal/glob"
	"mini-redis/internal/resp"
	"mini-redis/resptrace/wire"
	"mini-redis/services/mini-redis/internal/engine"
)

func introspectionCommands() []*Spec {
	sub := func(name string, arity int, since, complexity, summary, syntax string, h Handler, tips ...string) *Spec {
		return &Spec{Name: "command|" + name, Arity: arity, Flags: engine.Loading | engine.Stale, ACL: engine.CatConnection, Tips: tips,
			Group: "server", Since: since, Complexity: complexity, Summary: summary, Syntax: syntax, Handler: h}
	}
	const anyOrder = "nondeterministic_output_order"
	return []*Spec{
		{Name: "command", Arity: -1, Flags: engine.Loading | engine.Stale, ACL: engine.CatConnection, Tips: []string{anyOrder},
			Group: "server", Since: "2.8.13", Complexity: "O(n) of all commands",
			Summary: "Returns the details of all commands.", Handler: commandAll, Subs: []*Spec{
				sub("count", 2, "2.8.13", "O(1)", "Returns the number of commands.", "", commandCount),
				sub("docs", -2, "7.0.0", "O(n) of the commands", "Returns the documentation of commands.",
					"[command-name:string...]", commandDocs, anyOrder),
				sub("getkeys", -3, "2.8.13", "O(n) of the arguments", "Returns the keys of a request.",
					"command:string [arg:string...]", commandGetkeys),
				sub("getkeysandflags", -3, "7.0.0", "O(n) of the arguments", "Returns the keys of a request and the access flags of each.",
					"command:string [arg:string...]", commandGetkeysandflags),
				sub("help", 2, "5.0.0", "O(1)", "Prints this help.", "", engine.Help),
				sub("info", -2, "2.8.13", "O(n) of the commands", "Returns the details of commands.",
					"[command-name:string...]", commandInfo, anyOrder),
				sub("list", -2, "7.0.0", "O(n) of all commands", "Returns the names of commands.",
					"[FILTERBY filterby=(MODULE module-name:string | ACLCAT category:string | PATTERN pattern:pattern)]",
					commandList, anyOrder),
			}},
	}
}

// commandAll: COMMAND
func commandAll(c *Ctx) {
	all := c.Engine.Table().Top()
	c.W.Array(len(all))
	for _, s := range all {
		writeInfo(c.W, s)
	}
}

// commandCount: COMMAND COUNT
func commandCount(c *Ctx) { c.W.Int(int64(len(c.Engine.Table().Top()))) }

// commandInfo: COMMAND INFO [command-name ...]
func commandInfo(c *Ctx) {
	if len(c.Args) == 2 {
		commandAll(c)
		return
	}
	mark := c.W.Mark()
	c.W.Array(len(c.Args) - 2)
	for _, name := range c.Args[2:] {
		if !replyFits(c, mark) {
			return
		}
		if s := c.Engine.Table().FindFold(name); s != nil {
			writeInfo(c.W, s)
		} else {
			c.W.Null()
		}
	}
}

// writeInfo writes a command's entry in COMMAND INFO.
func writeInfo(w *resp.Writer, s *Spec) {
	w.Array(10)
	w.BulkString(s.Name)
	w.Int(int64(s.Arity))
	writeNames(w, s.Flags.Names())
	w.Int(int64(s.Keys.First))
	w.Int(int64(s.Keys.Last))
	w.Int(int64(s.Keys.Step))
	writeNames(w, s.ACL.Names())
	w.Set(len(s.Tips))
	for _, tip := range s.Tips {
		w.BulkString(tip)
	}
	w.Set(len(s.KeySpecs))
	for i := range s.KeySpecs {
		writeKeySpec(w, &s.KeySpecs[i])
	}
	w.Set(len(s.Subs))
	for _, child := range s.Subs {
		writeInfo(w, child)
	}
}

func writeNames(w *resp.Writer, names []string) {
	w.Set(len(names))
	for _, name := range names {
		w.Simple(name)
	}
}

// writeKeySpec writes one key specification of COMMAND INFO.
func writeKeySpec(w *resp.Writer, k *engine.KeySpec) {
	w.Map(3)
	w.BulkString("flags")
	writeNames(w, k.Flags.Names())
	w.BulkString("begin_search")
	w.Map(2)
	w.BulkString("type")
	w.BulkString("index")
	w.BulkString("spec")
	w.Map(1)
	w.BulkString("index")
	w.Int(int64(k.Begin))
	w.BulkString("find_keys")
	w.Map(2)
	w.BulkString("type")
	w.BulkString("range")
	w.BulkString("spec")
	w.Map(3)
	w.BulkString("lastkey")
	w.Int(int64(k.Last))
	w.BulkString("keystep")
	w.Int(int64(k.Step))
	w.BulkString("limit")
	w.Int(0)
}

// commandList: COMMAND LIST [FILTERBY MODULE name | ACLCAT category | PATTERN pattern]
func commandList(c *Ctx) {
	var keep func(*Spec) bool
	switch {
	case len(c.Args) == 2:
		keep = func(s *Spec) bool { return s.Parent == nil }
	case len(c.Args) != 5 || !c.Is(2, "filterby"):
		c.W.Error(errSyntax)
		return
	case c.Is(3, "module"):
		keep = func(*Spec) bool { return false }
	case c.Is(3, "aclcat"):
		bit := engine.CategoryOf(c.Args[4])
		keep = func(s *Spec) bool { return s.ACL&bit != 0 }
	case c.Is(3, "pattern"):
		keep = func(s *Spec) bool { return glob.MatchFold(c.Args[4], []byte(s.Name)) }
	default:
		c.W.Error(errSyntax)
		return
	}
	var names []string
	for _, s := range c.Engine.Table().All() {
		if keep(s) {
			names = append(names, s.Name)
		}
	}
	c.W.Array(len(names))
	for _, name := range names {
		c.W.BulkString(name)
	}
}

// commandGetkeys: COMMAND GETKEYS command [arg ...]
func commandGetkeys(c *Ctx) {
	keys, ok := keysOfRequest(c)
	if !ok {
		return
	}
	c.W.Array(len(keys))
	for _, k := range keys {
		c.W.Bulk(k.Key)
	}
}

// commandGetkeysandflags: COMMAND GETKEYSANDFLAGS command [arg ...]
func commandGetkeysandflags(c *Ctx) {
	keys, ok := keysOfRequest(c)
	if !ok {
		return
	}
	c.W.Array(len(keys))
	for _, k := range keys {
		c.W.Array(2)
		c.W.Bulk(k.Key)
		writeNames(c.W, k.Flags.Names())
	}
}

// keysOfRequest returns the keys of the request in the arguments; for TRACED, of the
// command inside. If there are none, it writes the error reply and returns false.
func keysOfRequest(c *Ctx) ([]engine.RequestKey, bool) {
	table, args := c.Engine.Table(), c.Args[2:]
	spec := table.Lookup(args)
	if table.IsTraced(spec) {
		_, inner, err := wire.Parse(args)
		if err != nil {
			c.W.Error(err.Error())
			return nil, false
		}
		args, spec = inner, table.Lookup(inner)
	}
	switch {
	case spec == nil:
		c.W.Error("ERR Invalid command specified")
		return nil, false
	case len(spec.KeySpecs) == 0 && spec.FindKeys == nil:
		c.W.Error("ERR The command has no key arguments")
		return nil, false
	case !spec.ArityOK(len(args)):
		c.W.Error("ERR Invalid number of arguments specified for command")
		return nil, false
	}
	return spec.RequestKeys(args), true
}
