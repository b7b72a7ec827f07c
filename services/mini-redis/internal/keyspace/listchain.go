package keyspace

// addAfter adds an empty chunk after c.
func (l *List) addAfter(c *chunk) *chunk {
	n := &chunk{prev: c, next: c.next}
	l.link(n)
	return n
}

// addBefore adds an empty chunk before c.
func (l *List) addBefore(c *chunk) *chunk {
	if c == &l.first { // its elements move to the new chunk
		n := new(chunk)
		*n = *c
		n.prev = c
		l.link(n)
		*c = chunk{next: n}
		return c
	}
	n := &chunk{prev: c.prev, next: c}
	l.link(n)
	return n
}

// link connects the neighbors of a chunk that is not the first with it.
func (l *List) link(c *chunk) {
	c.prev.next = c
	if c.next == nil {
		l.last = c
	} else {
		c.next.prev = c
	}
	l.chunks++
	l.memory += chunkSize
}

// drop removes a chunk and its elements. If it is the first of several, the next
// chunk's elements move to it.
func (l *List) drop(c *chunk) {
	l.count -= c.count
	l.memory -= allocSize(int(c.size))
	if c == &l.first {
		next := c.next
		if next == nil {
			l.reset()
			return
		}
		*c = *next
		c.prev = nil
		if c.next != nil {
			c.next.prev = c
		}
		c = next
	} else {
		c.prev.next = c.next
		if c.next != nil {
			c.next.prev = c.prev
		}
	}
	if c == l.last {
		l.last = c.prev
	}
	l.chunks--
	l.memory -= chunkSize
}

// sparse reports whether c is the only chunk and its elements take less than a
// quarter of its buffer.
func (l *List) sparse(c *chunk) bool {
	const small = 64
	return l.chunks == 1 && c.size > small && c.tail-c.head < c.size/4
}

// shrink moves the elements of c to a smaller buffer.
func (l *List) shrink(c *chunk) {
	size := c.size
	c.move(allocSize(2*c.used()), false)
	l.account(c, size)
}
