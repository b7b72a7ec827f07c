package command

import "mini-redis/services/mini-redis/internal/engine"

func transactionCommands() []*Spec {
	const flags = engine.NoScript | engine.Loading | engine.Stale
	return []*Spec{
		{Name: "multi", Arity: 1, Flags: flags | engine.Fast | engine.AllowBusy, ACL: engine.CatTransaction,
			Group: "transactions", Since: "1.2.0", Complexity: "O(1)",
			Summary: "Begins a transaction.", Handler: multi, Immediate: true},
		{Name: "exec", Arity: 1, Flags: flags | engine.SkipSlowlog, ACL: engine.CatTransaction,
			Group: "transactions", Since: "1.2.0", Complexity: "Depends on the commands",
			Summary: "Runs the commands of a transaction.", Handler: exec, Immediate: true},
		{Name: "discard", Arity: 1, Flags: flags | engine.Fast | engine.AllowBusy, ACL: engine.CatTransaction,
			Group: "transactions", Since: "2.0.0", Complexity: "O(n) of the queued commands",
			Summary: "Drops the commands of a transaction.", Handler: discard, Immediate: true},
		{Name: "watch", Arity: -2, Flags: flags | engine.Fast | engine.AllowBusy, ACL: engine.CatTransaction,
			KeySpecs: allKeys(engine.KeyRO, 1),
			Group:    "transactions", Since: "2.2.0", Complexity: "O(1) for each key",
			Summary: "Makes the next EXEC depend on keys staying as they are.", Syntax: "key:key...",
			Handler: watch, Immediate: true},
		{Name: "unwatch", Arity: 1, Flags: flags | engine.Fast | engine.AllowBusy, ACL: engine.CatTransaction,
			Group: "transactions", Since: "2.2.0", Complexity: "O(1)",
			Summary: "Forgets the watched keys.", Handler: unwatch},
	}
}

// multi: MULTI
func multi(c *Ctx) {
	if c.Session.Tx != nil {
		c.W.Error("ERR MULTI calls can not be nested")
		return
	}
	c.Session.Tx = &engine.Tx{}
	c.W.OK()
}

// exec: EXEC
func exec(c *Ctx) {
	s := c.Session
	tx := s.Tx
	if tx == nil {
		c.W.Error("ERR EXEC without MULTI")
		return
	}
	changed := s.Watched.Changed() || s.Watched.Expired()
	s.Discard()
	switch {
	case tx.Aborted:
		c.W.Error("EXECABORT Transaction discarded because of previous errors.")
	case changed:
		c.W.NullArray()
	default:
		c.ExecuteQueue(tx)
	}
}

// discard: DISCARD
func discard(c *Ctx) {
	if c.Session.Tx == nil {
		c.W.Error("ERR DISCARD without MULTI")
		return
	}
	c.Session.Discard()
	c.W.OK()
}

// watch: WATCH key [key ...]
func watch(c *Ctx) {
	if c.Session.Tx != nil {
		c.W.Error("ERR WATCH inside MULTI is not allowed")
		return
	}
	for _, key := range c.Args[1:] {
		c.DB.Watch(key, &c.Session.Watched)
	}
	c.W.OK()
}

// unwatch: UNWATCH
func unwatch(c *Ctx) {
	c.Session.Watched.Release()
	c.W.OK()
}
