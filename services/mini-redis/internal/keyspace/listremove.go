package keyspace

import "bytes"

// Trim keeps the elements from index from up to but not including to.
func (l *List) Trim(from, to int) {
	if from >= to {
		l.reset()
		return
	}
	for n := l.Len() - to; n > 0; {
		c := l.last
		k := min(n, int(c.count))
		n -= k
		if k == int(c.count) {
			l.drop(c)
		} else {
			l.shorten(c, int(c.head), c.seek(int(c.count)-k), k)
		}
	}
	for n := from; n > 0; {
		c := &l.first
		k := min(n, int(c.count))
		n -= k
		if k == int(c.count) {
			l.drop(c)
		} else {
			l.shorten(c, c.seek(k), int(c.tail), k)
		}
	}
}

// Remove removes elements that equal v: the first n, or the last -n if n is
// negative, or all if it is 0. It returns how many.
func (l *List) Remove(v []byte, n int) int {
	removed := 0
	if n < 0 {
		for c := l.last; c != nil && removed < -n; {
			prev := c.prev
			k, _ := l.removeFrom(c, v, -n-removed, true)
			removed += k
			c = prev
		}
		return removed
	}
	for c := &l.first; c != nil && (n == 0 || removed < n); {
		k, next := l.removeFrom(c, v, n-removed, false)
		removed += k
		c = next
	}
	return removed
}

// removeFrom removes up to most of the elements that equal v from a chunk, all if
// most is 0, the last ones if fromBack is set. It returns how many and the chunk
// that has the elements after these.
func (l *List) removeFrom(c *chunk, v []byte, most int, fromBack bool) (removed int, next *chunk) {
	skip, removed := 0, c.matches(v)
	if most > 0 && most < removed {
		if fromBack {
			skip = removed - most
		}
		removed = most
	}
	next = c.next
	if removed == 0 {
		return 0, next
	}
	if removed == int(c.count) {
		l.drop(c)
		if c == &l.first && next != nil { // the next chunk's elements have moved to it
			next = c
		}
		return removed, next
	}
	c.remove(v, skip, removed)
	l.count -= uint32(removed)
	if !l.merge(c) && l.sparse(c) {
		l.shrink(c)
	}
	return removed, next
}

// matches returns the number of elements that equal v.
func (c *chunk) matches(v []byte) int {
	n := 0
	for p := int(c.head); p < int(c.tail); {
		var e []byte
		if e, p = c.at(p); bytes.Equal(e, v) {
			n++
		}
	}
	return n
}

// remove removes n of the elements that equal v, after the first skip of them.
func (c *chunk) remove(v []byte, skip, n int) {
	buf := c.bytes()
	to, met := int(c.head), 0
	for p := to; p < int(c.tail); {
		e, next := c.at(p)
		if bytes.Equal(e, v) {
			met++
			if met > skip && met <= skip+n {
				p = next
				continue
			}
		}
		to += copy(buf[to:], buf[p:next])
		p = next
	}
	c.tail = uint32(to)
	c.count -= uint32(n)
}

// merge moves the elements of a chunk that has shrunk to the chunk before it if
// both are small, and reports whether it did.
func (l *List) merge(c *chunk) bool {
	prev := c.prev
	if prev == nil || prev.used()+c.used() > chunkMost/2 {
		return false
	}
	size := prev.size
	prev.reserve(c.used(), false)
	copy(prev.bytes()[prev.tail:], c.bytes()[c.head:c.tail])
	prev.tail += c.tail - c.head
	prev.count += c.count
	l.count += c.count // drop subtracts them
	l.account(prev, size)
	l.drop(c)
	return true
}
