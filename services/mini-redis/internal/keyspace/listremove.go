package keyspace

import "bytes"

// Trim keeps the elements from index from up to but not including to.
func (l *List) Trim(from, to int) {
	if from >= to {
		*l = List{}
		return
	}
	for n := l.count - to; n > 0; {
		c := l.last
		if n >= c.count {
			n -= c.count
			l.unlink(c)
			continue
		}
		c.tail = c.seek(c.count - n)
		c.count -= n
		l.count -= n
		n = 0
	}
	for n := from; n > 0; {
		c := l.first
		if n >= c.count {
			n -= c.count
			l.unlink(c)
			continue
		}
		c.head = c.seek(n)
		c.count -= n
		l.count -= n
		n = 0
	}
}

// Remove takes out elements that equal v: the first n, or, when n is negative,
// the last -n, or all when it is 0. It returns how many.
func (l *List) Remove(v []byte, n int) int {
	removed := 0
	for c := l.first; n >= 0 && c != nil && (n == 0 || removed < n); {
		next := c.next
		removed += l.sift(c, v, n-removed, false)
		c = next
	}
	for c := l.last; n < 0 && c != nil && removed < -n; {
		prev := c.prev
		removed += l.sift(c, v, -n-removed, true)
		c = prev
	}
	return removed
}

// sift takes up to most of the elements that equal v out of a chunk, all when
// most is not positive, the last ones when fromBack is set.
func (l *List) sift(c *chunk, v []byte, most int, fromBack bool) int {
	matches := 0
	for p := c.head; p < c.tail; {
		var e []byte
		if e, p = c.at(p); bytes.Equal(e, v) {
			matches++
		}
	}
	skip, drop := 0, matches
	if most > 0 && most < matches {
		drop = most
		if fromBack {
			skip = matches - most
		}
	}
	if drop == 0 {
		return 0
	}
	to, met := c.head, 0
	for p := c.head; p < c.tail; {
		e, next := c.at(p)
		if bytes.Equal(e, v) {
			met++
			if met > skip && met <= skip+drop {
				p = next
				continue
			}
		}
		to += copy(c.buf[to:], c.buf[p:next])
		p = next
	}
	c.tail = to
	c.count -= drop
	l.count -= drop
	if c.count == 0 {
		l.unlink(c)
	} else {
		l.merge(c)
	}
	return drop
}

// merge joins a chunk that has shrunk with the one before it when both are small.
func (l *List) merge(c *chunk) {
	prev := c.prev
	if prev == nil || prev.used()+c.used() > chunkMost/2 {
		return
	}
	l.charge(prev, func() {
		prev.reserve(c.used(), false)
		prev.tail += copy(prev.buf[prev.tail:], c.buf[c.head:c.tail])
		prev.count += c.count
	})
	l.unlink(c)
}
