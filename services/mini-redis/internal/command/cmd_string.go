package command

import (
	"mini-redis/internal/resp"
	"mini-redis/services/mini-redis/internal/engine"
	"mini-redis/services/mini-redis/internal/keyspace"
)

func stringCommands() []*Spec {
	return []*Spec{
		{Name: "get", Arity: 2, Flags: engine.ReadOnly | engine.Fast, ACL: engine.CatString, KeySpecs: oneKey(engine.KeyRO | engine.KeyAccess),
			Group: "string", Since: "1.0.0", Complexity: "O(1)",
			Summary: "Returns the string at a key.", Syntax: "key:key", Handler: get},
		{Name: "getdel", Arity: 2, Flags: engine.Write | engine.Fast, ACL: engine.CatString, KeySpecs: oneKey(engine.KeyRW | engine.KeyAccess | engine.KeyDelete),
			Group: "string", Since: "6.2.0", Complexity: "O(1)",
			Summary: "Returns the string at a key and deletes the key.", Syntax: "key:key", Handler: getdel},
		{Name: "mget", Arity: -2, Flags: engine.ReadOnly | engine.Fast, ACL: engine.CatString, KeySpecs: allKeys(engine.KeyRO|engine.KeyAccess, 1),
			Tips:  []string{"request_policy:multi_shard"},
			Group: "string", Since: "1.0.0", Complexity: "O(n) of the keys",
			Summary: "Returns the strings at several keys.", Syntax: "key:key...", Handler: mget},
		{Name: "mset", Arity: -3, Flags: engine.Write | engine.DenyOOM, ACL: engine.CatString, KeySpecs: allKeys(engine.KeyOW|engine.KeyUpdate, 2),
			Tips:  []string{"request_policy:multi_shard", "response_policy:all_succeeded"},
			Group: "string", Since: "1.0.1", Complexity: "O(n) of the keys",
			Summary: "Sets several keys to strings.", Syntax: "data={key:key value:string}...", Handler: mset},
		{Name: "msetnx", Arity: -3, Flags: engine.Write | engine.DenyOOM, ACL: engine.CatString, KeySpecs: allKeys(engine.KeyOW|engine.KeyInsert, 2),
			Group: "string", Since: "1.0.1", Complexity: "O(n) of the keys",
			Summary: "Sets several keys to strings if none of them exists.", Syntax: "data={key:key value:string}...", Handler: msetnx},
		{Name: "append", Arity: 3, Flags: engine.Write | engine.DenyOOM | engine.Fast, ACL: engine.CatString, KeySpecs: oneKey(engine.KeyRW | engine.KeyInsert),
			Group: "string", Since: "2.0.0", Complexity: "O(1) amortized",
			Summary: "Appends to a string.", Syntax: "key:key value:string", Handler: appendText},
		{Name: "strlen", Arity: 2, Flags: engine.ReadOnly | engine.Fast, ACL: engine.CatString, KeySpecs: oneKey(engine.KeyRO),
			Group: "string", Since: "2.2.0", Complexity: "O(1)",
			Summary: "Returns the length of a string.", Syntax: "key:key", Handler: strlen},
		{Name: "getrange", Arity: 4, Flags: engine.ReadOnly, ACL: engine.CatString, KeySpecs: oneKey(engine.KeyRO | engine.KeyAccess),
			Group: "string", Since: "2.4.0", Complexity: "O(n) of the bytes returned",
			Summary: "Returns a part of a string.", Syntax: "key:key start:integer end:integer", Handler: getrange},
		{Name: "substr", Arity: 4, Flags: engine.ReadOnly, ACL: engine.CatString, KeySpecs: oneKey(engine.KeyRO | engine.KeyAccess),
			Group: "string", Since: "1.0.0", Complexity: "O(n) of the bytes returned",
			Deprecated: "2.0.0", Instead: "`GETRANGE`",
			Summary: "Returns a part of a string.", Syntax: "key:key start:integer end:integer", Handler: getrange},
		{Name: "setrange", Arity: 4, Flags: engine.Write | engine.DenyOOM, ACL: engine.CatString, KeySpecs: oneKey(engine.KeyRW | engine.KeyUpdate),
			Group: "string", Since: "2.2.0", Complexity: "O(n) of the bytes written",
			Summary: "Overwrites a part of a string.", Syntax: "key:key offset:integer value:string", Handler: setrange},
	}
}

// get: GET key
func get(c *Ctx) {
	if e := c.DB.Read(c.Args[1]); isString(c, e) {
		writeString(c.W, e)
	}
}

// getdel: GETDEL key
func getdel(c *Ctx) {
	e := c.DB.Read(c.Args[1])
	if !isString(c, e) {
		return
	}
	writeString(c.W, e)
	if e != nil {
		c.DB.Remove(e)
		c.Record("DEL", c.Args[1])
	}
}

// mget: MGET key [key ...]
func mget(c *Ctx) {
	mark := c.W.Mark()
	c.W.Array(len(c.Args) - 1)
	for _, key := range c.Args[1:] {
		if !replyFits(c, mark) {
			return
		}
		e := c.DB.Read(key)
		if e != nil && e.Kind() != keyspace.KindString {
			e = nil
		}
		writeString(c.W, e)
	}
}

// mset: MSET key value [key value ...]
func mset(c *Ctx) {
	if len(c.Args)%2 == 0 {
		c.WrongArity()
		return
	}
	setPairs(c)
	c.W.OK()
}

// msetnx: MSETNX key value [key value ...]
func msetnx(c *Ctx) {
	if len(c.Args)%2 == 0 {
		c.WrongArity()
		return
	}
	for i := 1; i < len(c.Args); i += 2 {
		if c.DB.Edit(c.Args[i]) != nil {
			c.Flag(false)
			return
		}
	}
	setPairs(c)
	c.Record("MSET", c.Args[1:]...)
	c.Flag(true)
}

func setPairs(c *Ctx) {
	for i := 1; i < len(c.Args); i += 2 {
		setString(c, c.DB.Edit(c.Args[i]), c.Args[i], c.Args[i+1])
	}
}

// appendText: APPEND key value
func appendText(c *Ctx) {
	key, value := c.Args[1], c.Args[2]
	e := c.DB.Edit(key)
	switch {
	case !isString(c, e):
		return
	case e == nil:
		e = setString(c, nil, key, value)
	case !fitsString(c, e.TextLen(), len(value)):
		return
	default:
		c.DB.Append(e, value)
	}
	c.W.Int(int64(e.TextLen()))
}

// fitsString reports whether a string of n bytes may grow by more bytes. If not, it
// writes the error reply.
func fitsString(c *Ctx, n, more int) bool {
	if n+more <= resp.DefaultLimits.Bulk && n+more >= 0 {
		return true
	}
	c.W.Error(errTooLong)
	return false
}

// strlen: STRLEN key
func strlen(c *Ctx) {
	e := c.DB.Read(c.Args[1])
	switch {
	case !isString(c, e):
	case e == nil:
		c.W.Int(0)
	default:
		c.W.Int(int64(e.TextLen()))
	}
}

// getrange: GETRANGE key start end
func getrange(c *Ctx) {
	start, ok := c.Integer(2)
	if !ok {
		return
	}
	end, ok := c.Integer(3)
	if !ok {
		return
	}
	e := c.DB.Read(c.Args[1])
	if !isString(c, e) {
		return
	}
	if e == nil {
		c.W.BulkString("")
		return
	}
	var tmp [20]byte
	text := e.Text()
	if _, isInt := e.Int(); isInt {
		text = e.AppendText(tmp[:0])
	}
	from, to := 0, 0
	if start >= 0 || end >= 0 || start <= end {
		from, to = clampRange(start, max(end, -int64(len(text))), len(text)) // an end before the first byte means the first byte
	}
	c.W.Bulk(text[from:to])
}

// clampRange converts a first and a last index, which count from the end if they are
// negative, to a range [from, to) of n elements.
func clampRange(first, last int64, n int) (from, to int) {
	if first < 0 {
		first = max(0, first+int64(n))
	}
	if last < 0 {
		last += int64(n)
	}
	last = min(last, int64(n)-1)
	if first > last {
		return 0, 0
	}
	return int(first), int(last) + 1
}

// setrange: SETRANGE key offset value
func setrange(c *Ctx) {
	key, value := c.Args[1], c.Args[3]
	offset, ok := c.Integer(2)
	if !ok {
		return
	}
	if offset < 0 {
		c.W.Error("ERR offset is out of range")
		return
	}
	e := c.DB.Edit(key)
	switch {
	case !isString(c, e):
		return
	case len(value) == 0 && e == nil:
		c.W.Int(0)
		return
	case len(value) == 0:
		c.W.Int(int64(e.TextLen()))
		return
	case offset > int64(resp.DefaultLimits.Bulk) || !fitsString(c, int(offset), len(value)):
		if offset > int64(resp.DefaultLimits.Bulk) {
			c.W.Error(errTooLong)
		}
		return
	}
	if e == nil {
		e = c.DB.Add(key, keyspace.KindString, nil)
		c.DB.SetBytes(e, nil)
	}
	c.DB.SetRange(e, int(offset), value)
	c.W.Int(int64(e.TextLen()))
}
