package command

import (
	"math"

	"mini-redis/services/mini-redis/internal/engine"
	"mini-redis/services/mini-redis/internal/keyspace"
)

func expireCommands() []*Spec {
	const condition = " [condition=(NX | XX | GT | LT)@7.0.0]"
	return []*Spec{
		{Name: "expire", Arity: -3, Flags: engine.Write | engine.Fast, ACL: engine.CatKeyspace, KeySpecs: oneKey(engine.KeyRW | engine.KeyUpdate),
			Group: "generic", Since: "1.0.0", Complexity: "O(1)",
			Summary: "Sets the time to live of a key in seconds.",
			Syntax:  "key:key seconds:integer" + condition, Handler: expire},
		{Name: "pexpire", Arity: -3, Flags: engine.Write | engine.Fast, ACL: engine.CatKeyspace, KeySpecs: oneKey(engine.KeyRW | engine.KeyUpdate),
			Group: "generic", Since: "2.6.0", Complexity: "O(1)",
			Summary: "Sets the time to live of a key in milliseconds.",
			Syntax:  "key:key milliseconds:integer" + condition, Handler: pexpire},
		{Name: "expireat", Arity: -3, Flags: engine.Write | engine.Fast, ACL: engine.CatKeyspace, KeySpecs: oneKey(engine.KeyRW | engine.KeyUpdate),
			Group: "generic", Since: "1.2.0", Complexity: "O(1)",
			Summary: "Sets the expiration time of a key in unix seconds.",
			Syntax:  "key:key unix-time-seconds:unix-time" + condition, Handler: expireat},
		{Name: "pexpireat", Arity: -3, Flags: engine.Write | engine.Fast, ACL: engine.CatKeyspace, KeySpecs: oneKey(engine.KeyRW | engine.KeyUpdate),
			Group: "generic", Since: "2.6.0", Complexity: "O(1)",
			Summary: "Sets the expiration time of a key in unix milliseconds.",
			Syntax:  "key:key unix-time-milliseconds:unix-time" + condition, Handler: pexpireat},
		{Name: "ttl", Arity: 2, Flags: engine.ReadOnly | engine.Fast, ACL: engine.CatKeyspace, KeySpecs: oneKey(engine.KeyRO | engine.KeyAccess),
			Tips:  []string{"nondeterministic_output"},
			Group: "generic", Since: "1.0.0", Complexity: "O(1)",
			Summary: "Returns the time to live of a key in seconds.", Syntax: "key:key", Handler: ttl},
		{Name: "pttl", Arity: 2, Flags: engine.ReadOnly | engine.Fast, ACL: engine.CatKeyspace, KeySpecs: oneKey(engine.KeyRO | engine.KeyAccess),
			Tips:  []string{"nondeterministic_output"},
			Group: "generic", Since: "2.6.0", Complexity: "O(1)",
			Summary: "Returns the time to live of a key in milliseconds.", Syntax: "key:key", Handler: pttl},
		{Name: "expiretime", Arity: 2, Flags: engine.ReadOnly | engine.Fast, ACL: engine.CatKeyspace, KeySpecs: oneKey(engine.KeyRO | engine.KeyAccess),
			Group: "generic", Since: "7.0.0", Complexity: "O(1)",
			Summary: "Returns the expiration time of a key in unix seconds.", Syntax: "key:key", Handler: expiretime},
		{Name: "pexpiretime", Arity: 2, Flags: engine.ReadOnly | engine.Fast, ACL: engine.CatKeyspace, KeySpecs: oneKey(engine.KeyRO | engine.KeyAccess),
			Group: "generic", Since: "7.0.0", Complexity: "O(1)",
			Summary: "Returns the expiration time of a key in unix milliseconds.", Syntax: "key:key", Handler: pexpiretime},
		{Name: "persist", Arity: 2, Flags: engine.Write | engine.Fast, ACL: engine.CatKeyspace, KeySpecs: oneKey(engine.KeyRW | engine.KeyUpdate),
			Group: "generic", Since: "2.2.0", Complexity: "O(1)",
			Summary: "Removes the expiration time of a key.", Syntax: "key:key", Handler: persist},
	}
}

// expire: EXPIRE key seconds [NX | XX | GT | LT]
func expire(c *Ctx) { expireAt(c, c.Engine.Keyspace().Now(), 1000) }

// pexpire: PEXPIRE key milliseconds [NX | XX | GT | LT]
func pexpire(c *Ctx) { expireAt(c, c.Engine.Keyspace().Now(), 1) }

// expireat: EXPIREAT key unix-seconds [NX | XX | GT | LT]
func expireat(c *Ctx) { expireAt(c, 0, 1000) }

// pexpireat: PEXPIREAT key unix-milliseconds [NX | XX | GT | LT]
func pexpireat(c *Ctx) { expireAt(c, 0, 1) }

// expireAt sets the expiration time to base plus argument 2, which counts units of unit
// milliseconds. A time that has passed deletes the key.
func expireAt(c *Ctx, base, unit int64) {
	cond, ok := parseExpireCondition(c)
	if !ok {
		return
	}
	at, ok := c.Integer(2)
	if !ok {
		return
	}
	if at > math.MaxInt64/unit || at < math.MinInt64/unit || at*unit > math.MaxInt64-base {
		invalidExpire(c)
		return
	}
	at = at*unit + base
	e := c.DB.Edit(c.Args[1])
	if e == nil || !cond.allows(e, at) {
		c.Flag(false)
		return
	}
	if c.AlreadyExpired(at) {
		c.DB.Remove(e)
		c.Record("DEL", c.Args[1])
	} else {
		c.DB.SetExpiry(e, at)
		recordExpiry(c, c.Args[1], at)
	}
	c.Flag(true)
}

// expireCondition is the condition for a new expiration time.
type expireCondition struct{ nx, xx, gt, lt bool }

func parseExpireCondition(c *Ctx) (cond expireCondition, ok bool) {
	for i := 3; i < len(c.Args); i++ {
		switch {
		case c.Is(i, "nx"):
			cond.nx = true
		case c.Is(i, "xx"):
			cond.xx = true
		case c.Is(i, "gt"):
			cond.gt = true
		case c.Is(i, "lt"):
			cond.lt = true
		default:
			c.W.Error("ERR Unsupported option " + engine.Shown(c.Args[i]))
			return cond, false
		}
	}
	switch {
	case cond.nx && (cond.xx || cond.gt || cond.lt):
		c.W.Error("ERR NX and XX, GT or LT options at the same time are not compatible")
		return cond, false
	case cond.gt && cond.lt:
		c.W.Error("ERR GT and LT options at the same time are not compatible")
		return cond, false
	}
	return cond, true
}

// allows reports whether e may get the expiration time at. A key without one counts as
// one that never expires.
func (cond expireCondition) allows(e *keyspace.Entry, at int64) bool {
	now, has := e.ExpireAt()
	switch {
	case cond.nx && has, cond.xx && !has:
		return false
	case cond.gt && (!has || at <= now), cond.lt && has && at >= now:
		return false
	}
	return true
}

// ttl: TTL key
func ttl(c *Ctx) { writeExpiry(c, c.Engine.Keyspace().Now(), 1000) }

// pttl: PTTL key
func pttl(c *Ctx) { writeExpiry(c, c.Engine.Keyspace().Now(), 1) }

// expiretime: EXPIRETIME key
func expiretime(c *Ctx) { writeExpiry(c, 0, 1000) }

// pexpiretime: PEXPIRETIME key
func pexpiretime(c *Ctx) { writeExpiry(c, 0, 1) }

// writeExpiry writes a key's expiration time relative to base, in units of unit
// milliseconds, rounded; -1 if it has none, -2 if the key does not exist.
func writeExpiry(c *Ctx, base, unit int64) {
	e := c.DB.Look(c.Args[1])
	if e == nil {
		c.W.Int(-2)
		return
	}
	at, ok := e.ExpireAt()
	if !ok {
		c.W.Int(-1)
		return
	}
	left := at - base
	if unit > 1 {
		left = left/unit + (left%unit+unit/2)/unit // left+unit/2 could overflow
	}
	c.W.Int(left)
}

// persist: PERSIST key
func persist(c *Ctx) {
	e := c.DB.Edit(c.Args[1])
	done := e != nil && c.DB.Persist(e)
	if done {
		c.DB.Touch(e)
	}
	c.Flag(done)
}

// recordExpiry records that a key has got an expiration time, in unix milliseconds.
func recordExpiry(c *Ctx, key []byte, at int64) {
	if c.Recording() {
		c.Record("PEXPIREAT", key, decimal(at))
	}
}
