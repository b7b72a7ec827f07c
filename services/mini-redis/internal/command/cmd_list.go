package command

import (
	"mini-redis/services/mini-redis/internal/engine"
	"mini-redis/services/mini-redis/internal/keyspace"
)

func listCommands() []*Spec {
	push := func(name, since, summary string, h Handler) *Spec {
		return &Spec{Name: name, Arity: -3, Flags: engine.Write | engine.DenyOOM | engine.Fast, ACL: engine.CatList, KeySpecs: oneKey(engine.KeyRW | engine.KeyInsert),
			Group: "list", Since: since, Complexity: "O(n) of the elements",
			Summary: summary, Syntax: "key:key element:string...", Handler: h}
	}
	pop := func(name, summary string, h Handler) *Spec {
		return &Spec{Name: name, Arity: -2, Flags: engine.Write | engine.Fast, ACL: engine.CatList, KeySpecs: oneKey(engine.KeyRW | engine.KeyAccess | engine.KeyDelete),
			Group: "list", Since: "1.0.0", Complexity: "O(n) of the elements",
			Summary: summary, Syntax: "key:key [count:integer@6.2.0]", Handler: h}
	}
	return []*Spec{
		push("lpush", "1.0.0", "Adds elements at the head of a list.", lpush),
		push("rpush", "1.0.0", "Adds elements at the tail of a list.", rpush),
		push("lpushx", "2.2.0", "Adds elements at the head of an existing list.", lpushx),
		push("rpushx", "2.2.0", "Adds elements at the tail of an existing list.", rpushx),
		pop("lpop", "Removes and returns elements at the head of a list.", lpop),
		pop("rpop", "Removes and returns elements at the tail of a list.", rpop),
		{Name: "llen", Arity: 2, Flags: engine.ReadOnly | engine.Fast, ACL: engine.CatList, KeySpecs: oneKey(engine.KeyRO),
			Group: "list", Since: "1.0.0", Complexity: "O(1)",
			Summary: "Returns the length of a list.", Syntax: "key:key", Handler: llen},
		{Name: "lrange", Arity: 4, Flags: engine.ReadOnly, ACL: engine.CatList, KeySpecs: oneKey(engine.KeyRO | engine.KeyAccess),
			Group: "list", Since: "1.0.0", Complexity: "O(n) of the elements and of the distance from the nearer end",
			Summary: "Returns a part of a list.", Syntax: "key:key start:integer stop:integer", Handler: lrange},
		{Name: "lindex", Arity: 3, Flags: engine.ReadOnly, ACL: engine.CatList, KeySpecs: oneKey(engine.KeyRO | engine.KeyAccess),
			Group: "list", Since: "1.0.0", Complexity: "O(n) of the distance from the nearer end",
			Summary: "Returns one element of a list.", Syntax: "key:key index:integer", Handler: lindex},
		{Name: "lset", Arity: 4, Flags: engine.Write | engine.DenyOOM, ACL: engine.CatList, KeySpecs: oneKey(engine.KeyRW | engine.KeyUpdate),
			Group: "list", Since: "1.0.0", Complexity: "O(n) of the distance from the nearer end",
			Summary: "Replaces one element of a list.", Syntax: "key:key index:integer element:string", Handler: lset},
		{Name: "lrem", Arity: 4, Flags: engine.Write, ACL: engine.CatList, KeySpecs: oneKey(engine.KeyRW | engine.KeyDelete),
			Group: "list", Since: "1.0.0", Complexity: "O(n) of the list",
			Summary: "Removes the elements of a list that equal a value.", Syntax: "key:key count:integer element:string", Handler: lrem},
		{Name: "ltrim", Arity: 4, Flags: engine.Write, ACL: engine.CatList, KeySpecs: oneKey(engine.KeyRW | engine.KeyDelete),
			Group: "list", Since: "1.0.0", Complexity: "O(n) of the elements removed",
			Summary: "Removes the elements outside of a range of a list.", Syntax: "key:key start:integer stop:integer", Handler: ltrim},
		{Name: "linsert", Arity: 5, Flags: engine.Write | engine.DenyOOM, ACL: engine.CatList, KeySpecs: oneKey(engine.KeyRW | engine.KeyInsert),
			Group: "list", Since: "2.2.0", Complexity: "O(n) of the distance from the head",
			Summary: "Adds an element before or after another.",
			Syntax:  "key:key where=(BEFORE | AFTER) pivot:string element:string", Handler: linsert},
	}
}

// listChanged follows a change of a list. An empty list is deleted.
func listChanged(db *keyspace.DB, e *keyspace.Entry, l *keyspace.List) {
	if l.Len() == 0 {
		db.Remove(e)
		return
	}
	db.Changed(e)
}

// lpush: LPUSH key element [element ...]
func lpush(c *Ctx) { pushElements(c, true, true) }

// rpush: RPUSH key element [element ...]
func rpush(c *Ctx) { pushElements(c, false, true) }

// lpushx: LPUSHX key element [element ...]
func lpushx(c *Ctx) { pushElements(c, true, false) }

// rpushx: RPUSHX key element [element ...]
func rpushx(c *Ctx) { pushElements(c, false, false) }

func pushElements(c *Ctx, front, create bool) {
	e := c.DB.Edit(c.Args[1])
	l, ok := typed[*keyspace.List](c, e)
	if !ok {
		return
	}
	if e == nil {
		if !create {
			c.W.Int(0)
			return
		}
		l = keyspace.NewList()
		e = c.DB.Add(c.Args[1], keyspace.KindList, l)
	}
	for _, v := range c.Args[2:] {
		if front {
			l.PushFront(v)
		} else {
			l.PushBack(v)
		}
	}
	c.DB.Changed(e)
	c.W.Int(int64(l.Len()))
}

// lpop: LPOP key [count]
func lpop(c *Ctx) { popElements(c, (*keyspace.List).PopFront) }

// rpop: RPOP key [count]
func rpop(c *Ctx) { popElements(c, (*keyspace.List).PopBack) }

func popElements(c *Ctx, take func(*keyspace.List) []byte) {
	if len(c.Args) > 3 {
		c.WrongArity()
		return
	}
	count, counted := int64(1), len(c.Args) == 3
	if counted {
		n, ok := keyspace.CanonicalInt(c.Args[2])
		if !ok || n < 0 {
			c.W.Error(errPositive)
			return
		}
		count = n
	}
	e := c.DB.Edit(c.Args[1])
	l, ok := typed[*keyspace.List](c, e)
	switch {
	case !ok:
		return
	case e == nil && counted:
		c.W.NullArray()
		return
	case e == nil:
		c.W.Null()
		return
	}
	n := int(min(count, int64(l.Len())))
	if counted {
		c.W.Array(n)
	}
	for range n {
		c.W.Bulk(take(l))
	}
	if n > 0 {
		listChanged(c.DB, e, l)
	}
}

// llen: LLEN key
func llen(c *Ctx) {
	l, ok := typed[*keyspace.List](c, c.DB.Read(c.Args[1]))
	switch {
	case !ok:
	case l == nil:
		c.W.Int(0)
	default:
		c.W.Int(int64(l.Len()))
	}
}

// lrange: LRANGE key start stop
func lrange(c *Ctx) {
	start, stop, ok := rangeArgs(c)
	if !ok {
		return
	}
	l, ok := typed[*keyspace.List](c, c.DB.Read(c.Args[1]))
	switch {
	case !ok:
	case l == nil:
		c.W.Array(0)
	default:
		from, to := clampRange(start, stop, l.Len())
		c.W.Array(to - from)
		l.Range(from, to, c.W.Bulk)
	}
}

// rangeArgs parses the two indexes after the key.
func rangeArgs(c *Ctx) (start, stop int64, ok bool) {
	if start, ok = c.Integer(2); ok {
		stop, ok = c.Integer(3)
	}
	return start, stop, ok
}
