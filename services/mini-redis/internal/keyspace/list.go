package keyspace

import (
	"bytes"
	"unsafe"
)

// List is a sequence of byte strings with cheap ends: a chain of chunks, each of
// which packs some hundred elements. Indexes count from 0. A slice that a method
// returns or passes on is valid until the next change.
//
// The first chunk is a part of the struct, so that a short list takes two
// allocations. If there is more than one chunk, none is empty.
type List struct {
	first  chunk
	last   *chunk // &first if there is only one
	memory int    // of the other chunks and of all buffers
	count  uint32
	chunks uint32
}

var listSize = allocSize(int(unsafe.Sizeof(List{})))

// NewList makes an empty list.
func NewList() *List {
	l := &List{}
	l.reset()
	return l
}

// reset makes the list empty.
func (l *List) reset() {
	*l = List{chunks: 1}
	l.last = &l.first
}

// Len is the number of elements.
func (l *List) Len() int { return int(l.count) }

// Size implements Value.
func (l *List) Size() int { return listSize + l.memory }

// Encoding implements Value. redis-server 7.2 keeps a list that fits into one
// chunk as a listpack.
func (l *List) Encoding() string {
	if l.chunks == 1 && l.first.used() <= chunkMost {
		return "listpack"
	}
	return "quicklist"
}

// PushBack adds a copy of v at the end.
func (l *List) PushBack(v []byte) {
	need := packedSize(len(v))
	c := l.last
	if !c.takes(need) {
		c = l.addAfter(c)
		l.setBuffer(c)
	}
	size := c.size
	c.pushBack(v, need)
	l.account(c, size)
	l.count++
}

// PushFront adds a copy of v at the start.
func (l *List) PushFront(v []byte) {
	need := packedSize(len(v))
	c := &l.first
	if !c.takes(need) {
		c = l.addBefore(c)
		l.setBuffer(c)
	}
	size := c.size
	c.pushFront(v, need)
	l.account(c, size)
	l.count++
}

// setBuffer gives a new chunk at an end of the list a buffer: more elements are
// likely to follow.
func (l *List) setBuffer(c *chunk) {
	c.setBytes(make([]byte, chunkLater), 0, 0)
	l.memory += chunkLater
}

// account adds the change of the size of c's buffer to the list's memory.
func (l *List) account(c *chunk, before uint32) {
	if c.size != before {
		l.memory += allocSize(int(c.size)) - allocSize(int(before))
	}
}

// PopFront removes the first element and returns it. The list is not empty.
func (l *List) PopFront() []byte {
	c := &l.first
	v, next := c.at(int(c.head))
	l.shorten(c, next, int(c.tail), 1)
	return v
}

// PopBack removes the last element and returns it. The list is not empty.
func (l *List) PopBack() []byte {
	c := l.last
	p := c.before(int(c.tail))
	v, _ := c.at(p)
	l.shorten(c, int(c.head), p, 1)
	return v
}

// shorten removes n elements from the ends of a chunk: what is left lies between
// head and tail. It does not write to the buffer.
func (l *List) shorten(c *chunk, head, tail, n int) {
	if n == int(c.count) {
		l.drop(c)
		return
	}
	c.head, c.tail = uint32(head), uint32(tail)
	c.count -= uint32(n)
	l.count -= uint32(n)
	if l.sparse(c) {
		l.shrink(c)
	}
}

// find returns the chunk of element i and the element's index in it.
func (l *List) find(i int) (*chunk, int) {
	if i < l.Len()/2 {
		c := &l.first
		for i >= int(c.count) {
			i -= int(c.count)
			c = c.next
		}
		return c, i
	}
	c, i := l.last, l.Len()-1-i
	for i >= int(c.count) {
		i -= int(c.count)
		c = c.prev
	}
	return c, int(c.count) - 1 - i
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
		if p == int(c.tail) {
			c = c.next
			p = int(c.head)
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
	c.cut(p)
	l.count--
	l.insert(c, p, i, v)
}

// insert inserts v at p of chunk c, before which there are i elements of the chunk.
func (l *List) insert(c *chunk, p, i int, v []byte) {
	need := packedSize(len(v))
	if !c.takes(need) {
		if i > 0 && i < int(c.count) {
			right := l.addAfter(c)
			c.split(right, p, i)
			l.account(right, 0)
		}
		if i == 0 {
			c = l.addBefore(c)
		} else if !c.takes(need) {
			c = l.addAfter(c)
		}
		p = int(c.tail)
	}
	size := c.size
	c.insert(p, v, need)
	l.account(c, size)
	l.count++
}

// Insert inserts a copy of v before or after the first element that equals pivot,
// and reports whether there is one.
func (l *List) Insert(pivot, v []byte, after bool) bool {
	for c := &l.first; c != nil; c = c.next {
		for i, p := 0, int(c.head); p < int(c.tail); i++ {
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
