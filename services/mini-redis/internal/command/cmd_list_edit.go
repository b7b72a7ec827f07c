package command

import "mini-redis/services/mini-redis/internal/keyspace"

// element resolves an index that counts from the end when it is negative.
func element(i int64, n int) (int, bool) {
	if i < 0 {
		i += int64(n)
	}
	return int(i), i >= 0 && i < int64(n)
}

// lindex: LINDEX key index
func lindex(c *Ctx) {
	e := c.DB.Read(c.Args[1])
	l, ok := typed[*keyspace.List](c, e)
	if !ok {
		return
	}
	if e == nil {
		c.W.Null()
		return
	}
	index, ok := c.Integer(2)
	if !ok {
		return
	}
	i, ok := element(index, l.Len())
	if !ok {
		c.W.Null()
		return
	}
	c.W.Bulk(l.At(i))
}

// lset: LSET key index element
func lset(c *Ctx) {
	e := c.DB.Edit(c.Args[1])
	if e == nil {
		c.W.Error(errNoKey)
		return
	}
	l, ok := typed[*keyspace.List](c, e)
	if !ok {
		return
	}
	index, ok := c.Integer(2)
	if !ok {
		return
	}
	i, ok := element(index, l.Len())
	if !ok {
		c.W.Error(errRange)
		return
	}
	l.Set(i, c.Args[3])
	c.DB.Changed(e)
	c.W.OK()
}

// lrem: LREM key count element
func lrem(c *Ctx) {
	count, ok := c.Integer(2)
	if !ok {
		return
	}
	e := c.DB.Edit(c.Args[1])
	l, ok := typed[*keyspace.List](c, e)
	if !ok {
		return
	}
	if e == nil {
		c.W.Int(0)
		return
	}
	most := int64(l.Len())
	n := l.Remove(c.Args[3], int(max(-most, min(count, most))))
	if n > 0 {
		listChanged(c.DB, e, l)
	}
	c.W.Int(int64(n))
}

// ltrim: LTRIM key start stop
func ltrim(c *Ctx) {
	start, stop, ok := rangeArgs(c)
	if !ok {
		return
	}
	e := c.DB.Edit(c.Args[1])
	l, ok := typed[*keyspace.List](c, e)
	if !ok {
		return
	}
	if e != nil {
		l.Trim(clampRange(start, stop, l.Len()))
		listChanged(c.DB, e, l)
	}
	c.W.OK()
}

// linsert: LINSERT key BEFORE | AFTER pivot element
func linsert(c *Ctx) {
	after := c.Is(2, "after")
	if !after && !c.Is(2, "before") {
		c.W.Error(errSyntax)
		return
	}
	e := c.DB.Edit(c.Args[1])
	l, ok := typed[*keyspace.List](c, e)
	switch {
	case !ok:
	case e == nil:
		c.W.Int(0)
	case !l.Insert(c.Args[3], c.Args[4], after):
		c.W.Int(-1)
	default:
		c.DB.Changed(e)
		c.W.Int(int64(l.Len()))
	}
}
