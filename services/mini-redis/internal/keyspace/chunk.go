package keyspace

import "encoding/binary"

// chunk is a run of a list's elements, packed into one piece of memory:
//
//	buf:  ....[length][bytes][back] [length][bytes][back]....
//	          ^head                                      ^tail
//
// length is a uvarint; back is the size of the two before it, a uvarint written
// backwards, by which a chunk is read from its end. There is room at both ends, so
// that elements come and go there without others being moved, and no pointer
// inside, so that the garbage collector has nothing to do with the elements.
type chunk struct {
	prev, next *chunk
	buf        []byte
	head, tail int
	count      int
}

const (
	chunkMost  = 8 << 10 // what a chunk's packed elements may take, but for a larger single one
	chunkFirst = 64      // capacity of a list's first chunk
	chunkSize  = 72      // of the struct, for estimates of memory
)

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
	body := binary.PutUvarint(dst, uint64(len(v)))
	body += copy(dst[body:], v)
	for i, left := len(dst)-1, body; i >= body; i-- {
		dst[i] = byte(left & 0x7f)
		if left >>= 7; left > 0 {
			dst[i] |= 0x80
		}
	}
}

// at returns the element at p and where the next one begins.
func (c *chunk) at(p int) (v []byte, next int) {
	n, from := int(c.buf[p]), p+1
	if n >= 0x80 {
		long, size := binary.Uvarint(c.buf[p:])
		n, from = int(long), p+size
	}
	to := from + n
	return c.buf[from:to:to], to + uvarintSize(to-p)
}

// before returns where the element begins that ends at p.
func (c *chunk) before(p int) int {
	body, end := 0, p
	for shift := 0; ; shift += 7 {
		end--
		body |= int(c.buf[end]&0x7f) << shift
		if c.buf[end] < 0x80 {
			return end - body
		}
	}
}

// seek returns where element i begins.
func (c *chunk) seek(i int) int {
	if i > c.count/2 {
		p := c.tail
		for range c.count - i {
			p = c.before(p)
		}
		return p
	}
	p := c.head
	for range i {
		_, p = c.at(p)
	}
	return p
}

func (c *chunk) used() int { return c.tail - c.head }

// takes reports whether an element of that packed size belongs into the chunk.
func (c *chunk) takes(need int) bool { return c.count == 0 || c.used()+need <= chunkMost }

// reserve makes room for need bytes behind the elements, or in front of them.
// Positions in the chunk change.
func (c *chunk) reserve(need int, front bool) {
	room := len(c.buf) - c.tail
	if front {
		room = c.head
	}
	if room >= need {
		return
	}
	used := c.used()
	size := len(c.buf)
	if size-used < need || size-used < size/2 { // moving within buf would soon have to be done again
		size = max(chunkFirst, used+need, min(2*size, chunkMost))
	}
	buf := c.buf
	if size != len(c.buf) {
		buf = make([]byte, size)
	}
	head := 0
	if front {
		head = size - used
	}
	copy(buf[head:], c.buf[c.head:c.tail])
	c.buf, c.head, c.tail = buf, head, head+used
}

func (c *chunk) pushBack(v []byte, need int) {
	c.reserve(need, false)
	pack(c.buf[c.tail:c.tail+need], v)
	c.tail += need
	c.count++
}

func (c *chunk) pushFront(v []byte, need int) {
	c.reserve(need, true)
	c.head -= need
	pack(c.buf[c.head:c.head+need], v)
	c.count++
}

// insert puts v in at p.
func (c *chunk) insert(p int, v []byte, need int) {
	offset := p - c.head
	c.reserve(need, false)
	p = c.head + offset
	copy(c.buf[p+need:], c.buf[p:c.tail])
	pack(c.buf[p:p+need], v)
	c.tail += need
	c.count++
}

// cut takes out the element at p.
func (c *chunk) cut(p int) {
	_, next := c.at(p)
	copy(c.buf[p:], c.buf[next:c.tail])
	c.tail -= next - p
	c.count--
}

// split moves the elements from p on, which are all but the first n, to a chunk
// of their own.
func (c *chunk) split(p, n int) *chunk {
	right := &chunk{buf: append([]byte(nil), c.buf[p:c.tail]...), count: c.count - n}
	right.tail = len(right.buf)
	c.tail, c.count = p, n
	return right
}
