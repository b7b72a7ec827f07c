package command

import (
	"math"
	"time"

	"mini-redis/internal/resp"
	"mini-redis/services/mini-redis/internal/engine"
	"mini-redis/services/mini-redis/internal/keyspace"
)

func blockingListCommands() []*Spec {
	pop := func(name, summary string, h Handler) *Spec {
		return &Spec{Name: name, Arity: -3, Flags: engine.Write | engine.Blocking, ACL: engine.CatList,
			KeySpecs: []engine.KeySpec{{Flags: engine.KeyRW | engine.KeyAccess | engine.KeyDelete, Begin: 1, Last: -2, Step: 1}},
			Group:    "list", Since: "2.0.0", Complexity: "O(n) of the keys",
			Summary: summary, Syntax: "key:key... timeout:double", Handler: h}
	}
	return []*Spec{
		pop("blpop", "Removes and returns the first element of the first list that is not empty; blocks until there is one.", blpop),
		pop("brpop", "Removes and returns the last element of the first list that is not empty; blocks until there is one.", brpop),
	}
}

// blpop: BLPOP key [key ...] timeout
func blpop(c *Ctx) { blockingPop(c, listEnd{"LPOP", (*keyspace.List).PopFront}) }

// brpop: BRPOP key [key ...] timeout
func brpop(c *Ctx) { blockingPop(c, listEnd{"RPOP", (*keyspace.List).PopBack}) }

// listEnd is an end of a list: the command that pops there, and the operation.
type listEnd struct {
	pop  string
	take func(*keyspace.List) []byte
}

func blockingPop(c *Ctx, end listEnd) {
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
			c.Record(end.pop, key)
			popTo(c.W, c.DB, e, l, end.take)
			return
		}
	}
	if c.Nested {
		c.W.NullArray()
		return
	}
	serve := func(s *engine.Serving) bool {
		key := []byte(s.Key)
		e := s.DB.Edit(key)
		l, ok := keyspace.As[*keyspace.List](e)
		if !ok || e == nil {
			return false
		}
		s.Record(end.pop, key)
		popTo(s.W, s.DB, e, l, end.take)
		return true
	}
	c.Block(keys, timeout, serve, (*resp.Writer).NullArray)
}

// popTo pops an element and writes the key and the element.
func popTo(w *resp.Writer, db *keyspace.DB, e *keyspace.Entry, l *keyspace.List, take func(*keyspace.List) []byte) {
	w.Array(2)
	w.BulkString(e.Key())
	w.Bulk(take(l))
	listChanged(db, e, l)
}

// timeoutArg parses argument i, a timeout in seconds with a fraction; 0 means no
// timeout. If it is invalid, timeoutArg writes the error reply and returns false.
func timeoutArg(c *Ctx, i int) (time.Duration, bool) {
	const forever = 200 * 365 * 24 * time.Hour // a longer timeout does not fit into nanoseconds
	number, ok := parseFloat(c.Args[i])
	if !ok {
		c.W.Error("ERR timeout is not a float or out of range")
		return 0, false
	}
	seconds, _ := number.Float64()
	switch {
	case seconds < 0:
		c.W.Error("ERR timeout is negative")
	case number.Sign() > 0 && seconds*1000 < 1:
		return time.Millisecond, true // also a number that is too small for a float64
	case seconds*1000 >= math.MaxInt64:
		c.W.Error("ERR timeout is out of range")
	case seconds > forever.Seconds():
		return 0, true
	default:
		return time.Duration(math.Ceil(seconds*1000)) * time.Millisecond, true
	}
	return 0, false
}
