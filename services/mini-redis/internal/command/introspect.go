package command

import (
	"strings"

	"mini-redis/internal/resp"
	"mini-redis/resptrace/wire"
	"mini-redis/services/mini-redis/internal/pubsub"
)

func introspectCommands() []*Spec {
	sub := func(name string, arity int, since, complexity, summary, syntax string, h Handler, tips ...string) *Spec {
		return &Spec{Name: "command|" + name, Arity: arity, Flags: Loading | Stale, ACL: CatConnection, Tips: tips,
			Group: "server", Since: since, Complexity: complexity, Summary: summary, Syntax: syntax, Handler: h}
	}
	const anyOrder = "nondeterministic_output_order"
	return []*Spec{
		{Name: "command", Arity: -1, Flags: Loading | Stale, ACL: CatConnection, Tips: []string{anyOrder},
			Group: "server", Since: "2.8.13", Complexity: "O(n) of all commands",
			Summary: "Returns what clients need to know of all commands.", Handler: commandAll, Subs: []*Spec{
				sub("count", 2, "2.8.13", "O(1)", "Returns the number of commands.", "", commandCount),
				sub("docs", -2, "7.0.0", "O(n) of the commands", "Returns what people want to know of commands.",
					"[command-name:string...]", commandDocs, anyOrder),
				sub("getkeys", -3, "2.8.13", "O(n) of the arguments", "Returns the keys of a request.",
					"command:string [arg:string...]", commandGetkeys),
				sub("getkeysandflags", -3, "7.0.0", "O(n) of the arguments", "Returns the keys of a request and what is done to them.",
					"command:string [arg:string...]", commandGetkeysandflags),
				sub("help", 2, "5.0.0", "O(1)", "Prints this help.", "", (*Ctx).help),
				sub("info", -2, "2.8.13", "O(n) of the commands", "Returns what clients need to know of commands.",
					"[command-name:string...]", commandInfo, anyOrder),
				sub("list", -2, "7.0.0", "O(n) of all commands", "Returns the names of commands.",
					"[FILTERBY filterby=(MODULE module-name:string | ACLCAT category:string | PATTERN pattern:pattern)]",
					commandList, anyOrder),
			}},
	}
}

// commandAll: COMMAND
func commandAll(c *Ctx) {
	all := c.Engine.table.top
	c.W.Array(len(all))
	for _, s := range all {
		s.writeInfo(c.W)
	}
}

// commandCount: COMMAND COUNT
func commandCount(c *Ctx) { c.W.Int(int64(len(c.Engine.table.top))) }

// commandInfo: COMMAND INFO [command-name ...]
func commandInfo(c *Ctx) {
	if len(c.Args) == 2 {
		commandAll(c)
		return
	}
	c.W.Array(len(c.Args) - 2)
	for _, name := range c.Args[2:] {
		if s := c.Engine.table.named(name); s != nil {
			s.writeInfo(c.W)
		} else {
			c.W.Null()
		}
	}
}

// named finds a command by "name" or "parent|child", in any letter case.
func (t *Table) named(name []byte) *Spec {
	if len(name) > 2*longestName {
		return nil
	}
	return t.Find(strings.ToLower(string(name)))
}

// writeInfo writes a command's entry in COMMAND INFO.
func (s *Spec) writeInfo(w *resp.Writer) {
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
		s.KeySpecs[i].write(w)
	}
	w.Set(len(s.Subs))
	for _, child := range s.Subs {
		child.writeInfo(w)
	}
}

func writeNames(w *resp.Writer, names []string) {
	w.Set(len(names))
	for _, name := range names {
		w.Simple(name)
	}
}

// write writes one key specification of COMMAND INFO.
func (k *KeySpec) write(w *resp.Writer) {
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
	case len(c.Args) != 5 || !c.is(2, "filterby"):
		c.W.Error(errSyntax)
		return
	case c.is(3, "module"):
		keep = func(*Spec) bool { return false }
	case c.is(3, "aclcat"):
		bit := categoryBit(c.Args[4])
		keep = func(s *Spec) bool { return s.ACL&bit != 0 }
	case c.is(3, "pattern"):
		keep = func(s *Spec) bool { return pubsub.MatchFold(c.Args[4], []byte(s.Name)) }
	default:
		c.W.Error(errSyntax)
		return
	}
	var names []string
	for _, s := range c.Engine.table.all {
		if keep(s) {
			names = append(names, s.Name)
		}
	}
	c.W.Array(len(names))
	for _, name := range names {
		c.W.BulkString(name)
	}
}

// categoryBit returns the category of a name, 0 when there is none.
func categoryBit(name []byte) Categories {
	for i, n := range categoryNames {
		if equalFold(name, n[1:]) {
			return 1 << i
		}
	}
	return 0
}

// commandGetkeys: COMMAND GETKEYS command [arg ...]
func commandGetkeys(c *Ctx) {
	keys, ok := c.keysOfRequest()
	if !ok {
		return
	}
	c.W.Array(len(keys))
	for _, k := range keys {
		c.W.Bulk(k.key)
	}
}

// commandGetkeysandflags: COMMAND GETKEYSANDFLAGS command [arg ...]
func commandGetkeysandflags(c *Ctx) {
	keys, ok := c.keysOfRequest()
	if !ok {
		return
	}
	c.W.Array(len(keys))
	for _, k := range keys {
		c.W.Array(2)
		c.W.Bulk(k.key)
		writeNames(c.W, k.flags.Names())
	}
}

// keysOfRequest finds the keys of the request that the arguments are, of the one
// inside when it is a TRACED; when there are none, the request has been answered.
func (c *Ctx) keysOfRequest() ([]foundKey, bool) {
	table, args := c.Engine.table, c.Args[2:]
	spec := table.find(args)
	if spec != nil && spec == table.traced {
		_, inner, err := wire.Parse(args)
		if err != nil {
			c.W.Error(err.Error())
			return nil, false
		}
		args, spec = inner, table.find(inner)
	}
	switch {
	case spec == nil:
		c.W.Error("ERR Invalid command specified")
		return nil, false
	case len(spec.KeySpecs) == 0 && spec.KeysOf == nil:
		c.W.Error("ERR The command has no key arguments")
		return nil, false
	case !spec.arityOK(len(args)):
		c.W.Error("ERR Invalid number of arguments specified for command")
		return nil, false
	}
	return spec.keysOf(args), true
}
