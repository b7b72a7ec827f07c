package command

import (
	"math"
	"time"

	"mini-redis/internal/resp"
	"mini-redis/services/mini-redis/internal/engine"
	"mini-redis/services/mini-redis/internal/keyspace"
)

func blockingCommands() []*Spec {
	pop := func(name, summary string, h Handler) *Spec {
		return &Spec{Name: name, Arity: -3, Flags: engine.Write | engine.Blocking, ACL: engine.CatList,
			KeySpecs: []KeySpec{{engine.KeyRW | engine.KeyAccess | engine.KeyDelete, 1, -2, 1}},
			Group:    "list", Since: "2.0.0", Complexity: "O(n) of the keys",
			Summary: summary, Syntax: "key:key... timeout:double", Handler: h}
	}
	return []*Spec{
		pop("blpop", "Takes the first element of the first list that has one, and waits for it.", blpop),
		pop("brpop", "Takes the last element of the first list that has one, and waits for it.", brpop),
	}
}

// blpop: BLPOP key [key ...] timeout
func blpop(c *Ctx) { blockingPop(c, (*keyspace.List).PopFront) }

// brpop: BRPOP key [key ...] timeout
func brpop(c *Ctx) { blockingPop(c, (*keyspace.List).PopBack) }

func blockingPop(c *Ctx, take func(*keyspace.List) []byte) {
	keys := c.Args[1 : len(c.Args)-1]
	timeout, ok := timeoutArg(c, len(c.Args)-1)
	if !ok {
		return
	}
	for _, key := range keys {
		e := c.DB.Edit(key)
		l, ok := typed[*keyspace.List](c, e)
		if !ok {
			return
		}
		if l != nil {
			popTo(c.W, c.DB, e, l, take)
			return
		}
	}
	if c.Nested {
		c.W.NullArray()
		return
	}
	serve := func(db *keyspace.DB, key string, w *resp.Writer) bool {
		e := db.Edit([]byte(key))
		if e == nil {
			return false
		}
		l, ok := e.Value().(*keyspace.List)
		if ok {
			popTo(w, db, e, l, take)
		}
		return ok
	}
	c.block(keys, timeout, serve, (*resp.Writer).NullArray)
}

// popTo writes a key and an element taken from its list.
func popTo(w *resp.Writer, db *keyspace.DB, e *keyspace.Entry, l *keyspace.List, take func(*keyspace.List) []byte) {
	w.Array(2)
	w.BulkString(e.Key())
	w.Bulk(take(l))
	listChanged(db, e, l)
}

// timeout reads argument i, seconds to wait with a fraction; 0 is for ever.
func timeoutArg(c *Ctx, i int) (time.Duration, bool) {
	const forever = 200 * 365 * 24 * time.Hour // more does not fit into nanoseconds
	number, ok := parseFloat(c.Args[i])
	if !ok {
		c.W.Error("ERR timeout is not a float or out of range")
		return 0, false
	}
	seconds, _ := number.Float64()
	switch {
	case seconds < 0:
		c.W.Error("ERR timeout is negative")
	case seconds*1000 >= math.MaxInt64:
		c.W.Error("ERR timeout is out of range")
	case seconds > forever.Seconds():
		return 0, true
	default:
		return time.Duration(math.Ceil(seconds*1000)) * time.Millisecond, true
	}
	return 0, false
}
