package command

import (
	"mini-redis/services/mini-redis/internal/engine"
	"mini-redis/services/mini-redis/internal/keyspace"
)

func objectCommands() []*Spec {
	key := func(f engine.KeyFlags) []engine.KeySpec {
		return []engine.KeySpec{{Flags: f, Begin: 2, Last: 0, Step: 1}}
	}
	tips := []string{"nondeterministic_output"}
	return []*Spec{
		{Name: "object", Arity: -2, Group: "generic", Since: "2.2.3", Complexity: "Depends on the subcommand",
			Summary: "A container for commands about the representation of values.", Subs: []*Spec{
				{Name: "object|encoding", Arity: 3, Flags: engine.ReadOnly, ACL: engine.CatKeyspace, KeySpecs: key(engine.KeyRO), Tips: tips,
					Group: "generic", Since: "2.2.3", Complexity: "O(1)",
					Summary: "Returns the encoding of a value.", Syntax: "key:key", Handler: objectEncoding},
				{Name: "object|freq", Arity: 3, Flags: engine.ReadOnly, ACL: engine.CatKeyspace, KeySpecs: key(engine.KeyRO), Tips: tips,
					Group: "generic", Since: "4.0.0", Complexity: "O(1)",
					Summary: "Returns the access frequency of a key, if it is tracked.", Syntax: "key:key", Handler: objectFreq},
				{Name: "object|help", Arity: 2, Flags: engine.Loading | engine.Stale, ACL: engine.CatKeyspace,
					Group: "generic", Since: "6.2.0", Complexity: "O(1)",
					Summary: "Prints this help.", Handler: engine.Help},
				{Name: "object|idletime", Arity: 3, Flags: engine.ReadOnly, ACL: engine.CatKeyspace, KeySpecs: key(engine.KeyRO), Tips: tips,
					Group: "generic", Since: "2.2.3", Complexity: "O(1)",
					Summary: "Returns the seconds since the last access of a key.", Syntax: "key:key", Handler: objectIdletime},
				{Name: "object|refcount", Arity: 3, Flags: engine.ReadOnly, ACL: engine.CatKeyspace, KeySpecs: key(engine.KeyRO), Tips: tips,
					Group: "generic", Since: "2.2.3", Complexity: "O(1)",
					Summary: "Returns the reference count of a value, which is 1.", Syntax: "key:key", Handler: objectRefcount},
			}},
	}
}

// objectEntry returns the entry of argument 2 without updating its access time. If there
// is none, it writes a null.
func objectEntry(c *Ctx) *keyspace.Entry {
	e := c.DB.Look(c.Args[2])
	if e == nil {
		c.W.Null()
	}
	return e
}

// objectEncoding: OBJECT ENCODING key
func objectEncoding(c *Ctx) {
	if e := objectEntry(c); e != nil {
		c.W.BulkString(e.Encoding())
	}
}

// objectFreq: OBJECT FREQ key
func objectFreq(c *Ctx) {
	if objectEntry(c) != nil {
		c.W.Error("ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when " +
			"switching between policies at runtime LRU and LFU data will take some time to adjust.")
	}
}

// objectIdletime: OBJECT IDLETIME key
func objectIdletime(c *Ctx) {
	if e := objectEntry(c); e != nil {
		c.W.Int(int64(c.DB.Idle(e).Seconds()))
	}
}

// objectRefcount: OBJECT REFCOUNT key
func objectRefcount(c *Ctx) {
	if objectEntry(c) != nil {
		c.W.Int(1)
	}
}
