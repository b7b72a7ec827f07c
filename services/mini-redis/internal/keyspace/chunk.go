package keyspace

import (
	"encoding/binary"
	"unsafe"
)

// chunk is a run of a list's elements, packed into one buffer:
//
//	....[length][bytes][back] [length][bytes][back]....
//	    ^head                                      ^tail
//
// length is a uvarint. back is the size of the two before it, a uvarint written
// backwards, by which a chunk is read from its end. There is room at both ends, so
// that elements are added and removed there without moving others. The buffer has
// no pointers, so that the garbage collector does not scan the elements. The
// fields are small because each list contains a chunk: an element has less than
// 2 GiB. size is the length of the buffer.
type chunk struct {
	prev, next              *chunk
	data                    unsafe.Pointer
	size, head, tail, count uint32
}

const (
	chunkMost  = 8 << 10 // what a chunk's packed elements may take, except a larger single one
	chunkFirst = 16      // size of a list's first buffer
	chunkLater = 1 << 10 // and of those of further chunks
)

var chunkSize = allocSize(int(unsafe.Sizeof(chunk{})))

// bytes returns the buffer.
func (c *chunk) bytes() []byte { return unsafe.Slice((*byte)(c.data), int(c.size)) }

// setBytes makes buf the buffer, in which the elements are at head and end at tail.
func (c *chunk) setBytes(buf []byte, head, tail int) {
	c.data, c.size = unsafe.Pointer(unsafe.SliceData(buf)), uint32(len(buf))
	c.head, c.tail = uint32(head), uint32(tail)
}

func uvarintSize(n int) int {
	size := 1
	for ; n >= 0x80; n >>= 7 {
		size++
	}
	return size
}

// packedSize is the room that an element of n bytes takes.
func packedSize(n int) int {
	body := uvarintSize(n) + n
	return body + uvarintSize(body)
}

// pack writes v to dst, whose length is v's packed size.
func pack(dst, v []byte) {
	if len(v) < 0x7f { // both sizes take a byte
		n := copy(dst[1:], v)
		dst[0], dst[n+1] = byte(n), byte(n+1)
		return
	}
	body := binary.PutUvarint(dst, uint64(len(v)))
	body += copy(dst[body:], v)
	for i, left := len(dst)-1, body; i >= body; i-- {
		dst[i] = byte(left & 0x7f)
		if left >>= 7; left > 0 {
			dst[i] |= 0x80
		}
	}
}

// at returns the element at p and the position of the next one.
func (c *chunk) at(p int) (v []byte, next int) {
	buf := c.bytes()
	n, from := int(buf[p]), p+1
	if n >= 0x80 {
		long, size := binary.Uvarint(buf[p:])
		n, from = int(long), p+size
	}
	to := from + n
	return buf[from:to:to], to + uvarintSize(to-p)
}

// before returns the position of the element that ends at p.
func (c *chunk) before(p int) int {
	buf := c.bytes()
	body, end := 0, p
	for shift := 0; ; shift += 7 {
		end--
		body |= int(buf[end]&0x7f) << shift
		if buf[end] < 0x80 {
			return end - body
		}
	}
}

// seek returns the position of element i.
func (c *chunk) seek(i int) int {
	if count := int(c.count); i > count/2 {
		p := int(c.tail)
		for range count - i {
			p = c.before(p)
		}
		return p
	}
	p := int(c.head)
	for range i {
		_, p = c.at(p)
	}
	return p
}

func (c *chunk) used() int { return int(c.tail - c.head) }

// takes reports whether an element of that packed size belongs into the chunk.
func (c *chunk) takes(need int) bool { return c.count == 0 || c.used()+need <= chunkMost }

// reserve makes room for need bytes behind the elements, or in front of them.
// Positions in the chunk change.
func (c *chunk) reserve(need int, front bool) {
	size, used := int(c.size), c.used()
	room := size - int(c.tail)
	if front {
		room = int(c.head)
	}
	if room >= need {
		return
	}
	if size-used < need || size-used < size/2 { // a move within the buffer would not last
		size = allocSize(max(chunkFirst, used+need, min(2*size, chunkMost)))
	}
	c.move(size, front)
}

// move moves the elements to the end of the buffer, or else to its start, and
// into a new buffer if size is not the buffer's.
func (c *chunk) move(size int, toEnd bool) {
	old := c.bytes()
	buf, used, head := old, c.used(), 0
	if size != len(old) {
		buf = make([]byte, size)
	}
	if toEnd {
		head = size - used
	}
	copy(buf[head:], old[c.head:c.tail])
	c.setBytes(buf, head, head+used)
}

func (c *chunk) pushBack(v []byte, need int) {
	c.reserve(need, false)
	tail := int(c.tail)
	pack(c.bytes()[tail:tail+need], v)
	c.tail += uint32(need)
	c.count++
}

func (c *chunk) pushFront(v []byte, need int) {
	c.reserve(need, true)
	c.head -= uint32(need)
	head := int(c.head)
	pack(c.bytes()[head:head+need], v)
	c.count++
}

// insert inserts v at p.
func (c *chunk) insert(p int, v []byte, need int) {
	offset := p - int(c.head)
	c.reserve(need, false)
	p = int(c.head) + offset
	buf := c.bytes()
	copy(buf[p+need:], buf[p:c.tail])
	pack(buf[p:p+need], v)
	c.tail += uint32(need)
	c.count++
}

// cut removes the element at p.
func (c *chunk) cut(p int) {
	_, next := c.at(p)
	buf := c.bytes()
	copy(buf[p:], buf[next:c.tail])
	c.tail -= uint32(next - p)
	c.count--
}

// split moves the elements from p on, which are all but the first n, to the chunk
// right, which is empty.
func (c *chunk) split(right *chunk, p, n int) {
	used := int(c.tail) - p
	buf := make([]byte, allocSize(used))
	copy(buf, c.bytes()[p:c.tail])
	right.setBytes(buf, 0, used)
	right.count = c.count - uint32(n)
	c.tail, c.count = uint32(p), uint32(n)
}
