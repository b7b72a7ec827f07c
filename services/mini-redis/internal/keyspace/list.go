package keyspace

import "bytes"

// List is a sequence of byte strings with cheap ends: a chain of chunks, each of
// which packs some hundred elements. Indexes count from 0. A slice that a method
// returns or passes on is valid until the next change.
type List struct {
	first, last *chunk
	count       int
	memory      int // of the chunks
	chunks      int
}

const listSize = 40 // of the struct, for estimates of memory

// NewList makes an empty list.
func NewList() *List { return &List{} }

// Len is the number of elements.
func (l *List) Len() int { return l.count }

// Size implements Value.
func (l *List) Size() int { return listSize + l.memory }

// Encoding implements Value. redis-server 7.2 keeps a list that fits into one
// chunk as a listpack.
func (l *List) Encoding() string {
	if l.chunks <= 1 && (l.first == nil || l.first.used() <= chunkMost) {
		return "listpack"
	}
	return "quicklist"
}

// PushBack adds a copy of v at the end.
func (l *List) PushBack(v []byte) {
	need := packedSize(len(v))
	if l.last == nil || !l.last.takes(need) {
		l.link(l.fresh(), l.last, nil)
	}
	c := l.last
	l.charge(c, func() { c.pushBack(v, need) })
}

// PushFront adds a copy of v at the start.
func (l *List) PushFront(v []byte) {
	need := packedSize(len(v))
	if l.first == nil || !l.first.takes(need) {
		l.link(l.fresh(), nil, l.first)
	}
	c := l.first
	l.charge(c, func() { c.pushFront(v, need) })
}

// fresh makes a chunk: the longer the list, the more it is likely to hold.
func (l *List) fresh() *chunk {
	if l.chunks == 0 {
		return &chunk{}
	}
	return &chunk{buf: make([]byte, chunkMost/8)}
}

// charge accounts for what f does to the memory and the elements of c.
func (l *List) charge(c *chunk, f func()) {
	memory, count := len(c.buf), c.count
	f()
	l.memory += len(c.buf) - memory
	l.count += c.count - count
}

// link puts a chunk without elements or with into the chain.
func (l *List) link(c, prev, next *chunk) {
	c.prev, c.next = prev, next
	if prev == nil {
		l.first = c
	} else {
		prev.next = c
	}
	if next == nil {
		l.last = c
	} else {
		next.prev = c
	}
	l.chunks++
	l.memory += chunkSize + len(c.buf)
	l.count += c.count
}

// unlink takes a chunk out of the chain, with its elements.
func (l *List) unlink(c *chunk) {
	if c.prev == nil {
		l.first = c.next
	} else {
		c.prev.next = c.next
	}
	if c.next == nil {
		l.last = c.prev
	} else {
		c.next.prev = c.prev
	}
	l.chunks--
	l.memory -= chunkSize + len(c.buf)
	l.count -= c.count
}

// PopFront takes the first element out. The list is not empty.
func (l *List) PopFront() []byte {
	c := l.first
	v, next := c.at(c.head)
	if c.count == 1 {
		l.unlink(c)
		return v
	}
	c.head = next
	c.count--
	l.count--
	return v
}

// PopBack takes the last element out. The list is not empty.
func (l *List) PopBack() []byte {
	c := l.last
	p := c.before(c.tail)
	v, _ := c.at(p)
	if c.count == 1 {
		l.unlink(c)
		return v
	}
	c.tail = p
	c.count--
	l.count--
	return v
}

// find returns the chunk of element i and the element's index in it.
func (l *List) find(i int) (*chunk, int) {
	if i < l.count/2 {
		c := l.first
		for i >= c.count {
			i -= c.count
			c = c.next
		}
		return c, i
	}
	c, i := l.last, l.count-1-i
	for i >= c.count {
		i -= c.count
		c = c.prev
	}
	return c, c.count - 1 - i
}

// At returns element i, which exists.
func (l *List) At(i int) []byte {
	c, i := l.find(i)
	v, _ := c.at(c.seek(i))
	return v
}

// Range calls f for the elements from index from up to but not including to.
func (l *List) Range(from, to int, f func(v []byte)) {
	if from >= to {
		return
	}
	c, i := l.find(from)
	p := c.seek(i)
	for range to - from {
		if p == c.tail {
			c = c.next
			p = c.head
		}
		var v []byte
		v, p = c.at(p)
		f(v)
	}
}

// Set replaces element i, which exists, by a copy of v.
func (l *List) Set(i int, v []byte) {
	c, i := l.find(i)
	p := c.seek(i)
	if old, _ := c.at(p); len(old) == len(v) {
		copy(old, v)
		return
	}
	l.charge(c, func() { c.cut(p) })
	l.insert(c, p, i, v)
}

// insert puts v in at p of chunk c, in front of which are i elements of the chunk.
func (l *List) insert(c *chunk, p, i int, v []byte) {
	need := packedSize(len(v))
	if !c.takes(need) {
		if i > 0 && i < c.count {
			right := c.split(p, i)
			l.count -= right.count // link counts them again
			l.link(right, c, c.next)
		}
		if i == 0 {
			l.link(&chunk{}, c.prev, c)
			c = c.prev
		} else if !c.takes(need) {
			l.link(&chunk{}, c, c.next)
			c = c.next
		}
		p = c.tail
	}
	l.charge(c, func() { c.insert(p, v, need) })
}

// Insert puts a copy of v before or after the first element that equals pivot,
// and reports whether there is one.
func (l *List) Insert(pivot, v []byte, after bool) bool {
	for c := l.first; c != nil; c = c.next {
		for i, p := 0, c.head; p < c.tail; i++ {
			e, next := c.at(p)
			if bytes.Equal(e, pivot) {
				if after {
					i, p = i+1, next
				}
				l.insert(c, p, i, v)
				return true
			}
			p = next
		}
	}
	return false
}
