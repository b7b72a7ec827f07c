package command

import (
	"mini-redis/internal/glob"
	"mini-redis/services/mini-redis/internal/engine"
	"mini-redis/services/mini-redis/internal/keyspace"
)

func keyCommands() []*Spec {
	return []*Spec{
		{Name: "del", Arity: -2, Flags: engine.Write, ACL: engine.CatKeyspace, KeySpecs: allKeys(engine.KeyRM|engine.KeyDelete, 1),
			Tips:  []string{"request_policy:multi_shard", "response_policy:agg_sum"},
			Group: "generic", Since: "1.0.0", Complexity: "O(n) of the keys",
			Summary: "Deletes keys.", Syntax: "key:key...", Handler: del},
		{Name: "unlink", Arity: -2, Flags: engine.Write | engine.Fast, ACL: engine.CatKeyspace, KeySpecs: allKeys(engine.KeyRM|engine.KeyDelete, 1),
			Tips:  []string{"request_policy:multi_shard", "response_policy:agg_sum"},
			Group: "generic", Since: "4.0.0", Complexity: "O(n) of the keys",
			Summary: "Deletes keys and frees their memory in the background.", Syntax: "key:key...", Handler: del},
		{Name: "exists", Arity: -2, Flags: engine.ReadOnly | engine.Fast, ACL: engine.CatKeyspace, KeySpecs: allKeys(engine.KeyRO, 1),
			Tips:  []string{"request_policy:multi_shard", "response_policy:agg_sum"},
			Group: "generic", Since: "1.0.0", Complexity: "O(n) of the keys",
			Summary: "Returns how many of the keys exist.", Syntax: "key:key...", Handler: exists},
		{Name: "touch", Arity: -2, Flags: engine.ReadOnly | engine.Fast, ACL: engine.CatKeyspace, KeySpecs: allKeys(engine.KeyRO, 1),
			Tips:  []string{"request_policy:multi_shard", "response_policy:agg_sum"},
			Group: "generic", Since: "3.2.1", Complexity: "O(n) of the keys",
			Summary: "Updates the access time of keys and returns how many exist.", Syntax: "key:key...", Handler: touch},
		{Name: "type", Arity: 2, Flags: engine.ReadOnly | engine.Fast, ACL: engine.CatKeyspace, KeySpecs: oneKey(engine.KeyRO),
			Group: "generic", Since: "1.0.0", Complexity: "O(1)",
			Summary: "Returns the type of the value at a key.", Syntax: "key:key", Handler: typeOf},
		{Name: "keys", Arity: 2, Flags: engine.ReadOnly, ACL: engine.CatKeyspace | engine.CatDangerous,
			Tips:  []string{"request_policy:all_shards", "nondeterministic_output_order"},
			Group: "generic", Since: "1.0.0", Complexity: "O(n) of all keys",
			Summary: "Returns every key that matches a pattern.", Syntax: "pattern:pattern", Handler: keys},
		{Name: "rename", Arity: 3, Flags: engine.Write, ACL: engine.CatKeyspace,
			KeySpecs: []engine.KeySpec{{Flags: engine.KeyRW | engine.KeyAccess | engine.KeyDelete, Begin: 1, Last: 0, Step: 1}, {Flags: engine.KeyOW | engine.KeyUpdate, Begin: 2, Last: 0, Step: 1}},
			Group:    "generic", Since: "1.0.0", Complexity: "O(1)",
			Summary: "Renames a key and replaces the key that had the new name.", Syntax: "key:key newkey:key", Handler: rename},
		{Name: "renamenx", Arity: 3, Flags: engine.Write | engine.Fast, ACL: engine.CatKeyspace,
			KeySpecs: []engine.KeySpec{{Flags: engine.KeyRW | engine.KeyAccess | engine.KeyDelete, Begin: 1, Last: 0, Step: 1}, {Flags: engine.KeyOW | engine.KeyInsert, Begin: 2, Last: 0, Step: 1}},
			Group:    "generic", Since: "1.0.0", Complexity: "O(1)",
			Summary: "Renames a key if the new name is free.", Syntax: "key:key newkey:key", Handler: renamenx},
		{Name: "randomkey", Arity: 1, Flags: engine.ReadOnly, ACL: engine.CatKeyspace,
			Tips:  []string{"request_policy:all_shards", "response_policy:special", "nondeterministic_output"},
			Group: "generic", Since: "1.0.0", Complexity: "O(1)",
			Summary: "Returns a random key.", Handler: randomkey},
	}
}

// del: DEL key [key ...], UNLINK key [key ...]
func del(c *Ctx) {
	n := int64(0)
	for _, key := range c.Args[1:] {
		if e := c.DB.Peek(key); e != nil {
			c.DB.Remove(e)
			n++
		}
	}
	c.W.Int(n)
}

// exists: EXISTS key [key ...]
func exists(c *Ctx) { countKeys(c, (*keyspace.DB).Look) }

// touch: TOUCH key [key ...]
func touch(c *Ctx) { countKeys(c, (*keyspace.DB).Read) }

func countKeys(c *Ctx, look func(*keyspace.DB, []byte) *keyspace.Entry) {
	n := int64(0)
	for _, key := range c.Args[1:] {
		if look(c.DB, key) != nil {
			n++
		}
	}
	c.W.Int(n)
}

// typeOf: TYPE key
func typeOf(c *Ctx) {
	if e := c.DB.Look(c.Args[1]); e != nil {
		c.W.Simple(e.Kind().String())
		return
	}
	c.W.Simple("none")
}

// keys: KEYS pattern
func keys(c *Ctx) {
	pattern := c.Args[1]
	var found []*keyspace.Entry
	c.DB.Each(func(e *keyspace.Entry) bool {
		if len(pattern) == 1 && pattern[0] == '*' || glob.Match(pattern, []byte(e.Key())) {
			found = append(found, e)
		}
		return true
	})
	c.W.Array(len(found))
	for _, e := range found {
		c.W.BulkString(e.Key())
	}
}

// rename: RENAME key newkey
func rename(c *Ctx) {
	if e := entryToRename(c); e != nil {
		c.DB.Rename(e, c.Args[2])
		c.W.OK()
	}
}

// renamenx: RENAMENX key newkey
func renamenx(c *Ctx) {
	e := entryToRename(c)
	if e == nil {
		return
	}
	free := c.DB.Edit(c.Args[2]) == nil
	if free {
		c.DB.Rename(e, c.Args[2])
		c.Record("RENAME", c.Args[1], c.Args[2])
	}
	c.Flag(free)
}

// entryToRename returns the entry of the first argument. If there is none, it writes the
// error reply.
func entryToRename(c *Ctx) *keyspace.Entry {
	e := c.DB.Edit(c.Args[1])
	if e == nil {
		c.W.Error(errNoKey)
	}
	return e
}

// randomkey: RANDOMKEY
func randomkey(c *Ctx) {
	if e := c.DB.Random(); e != nil {
		c.W.BulkString(e.Key())
		return
	}
	c.W.Null()
}
