package keyspace

import (
	"hash/maphash"
	"math/bits"
	"unsafe"
)

// node is what a dict keeps of an element: the link of its bucket's chain, the
// key and the key's hash. It is the first field of the element's type, so that a
// pointer to the node is a pointer to the element. That makes lookups faster than
// a type parameter with a method that returns the node, which is an indirect call.
// A key has less than 4 GiB.
type node struct {
	next   *node
	block  unsafe.Pointer // memory that begins with the key and may go on with a value
	hash   uint32
	keyLen uint32
}

// Key returns the element's key. It stays valid after the element is deleted.
func (n *node) Key() string { return unsafe.String((*byte)(n.block), int(n.keyLen)) }

// setKey allocates a copy of key with room for that many bytes after it. It
// returns the size of the block.
func (n *node) setKey(key []byte, hash uint32, room int) (size int) {
	n.block, size = newBlock(0, len(key)+room)
	n.keyLen, n.hash = uint32(len(key)), hash
	copy(unsafe.Slice((*byte)(n.block), len(key)), key)
	return size
}

// newBlock allocates memory for n bytes, and head bytes in front of them. It
// returns the address of the n bytes and how many fit. There is always at least
// one: an address behind the block would not keep it alive.
func newBlock(head, n int) (p unsafe.Pointer, size int) {
	b := make([]byte, allocSize(head+max(1, n)))
	return unsafe.Pointer(&b[head]), len(b) - head
}

// bytesOf returns the bytes of a string, which must not be changed.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// table is a dict of elements of type T, whose first field is a node.
type table[T any] struct{ dict }

func (t *table[T]) find(key []byte, hash uint32) *T {
	return (*T)(unsafe.Pointer(t.dict.find(key, hash)))
}

func (t *table[T]) insert(e *T) { t.dict.insert((*node)(unsafe.Pointer(e))) }

func (t *table[T]) remove(e *T) { t.dict.remove((*node)(unsafe.Pointer(e))) }

func (t *table[T]) random(next func() uint64) *T {
	return (*T)(unsafe.Pointer(t.dict.random(next)))
}

func (t *table[T]) each(f func(*T) bool) {
	t.dict.each(func(n *node) bool { return f((*T)(unsafe.Pointer(n))) })
}

func (t *table[T]) scan(cursor uint64, f func(*T)) uint64 {
	return t.dict.scan(cursor, func(n *node) { f((*T)(unsafe.Pointer(n))) })
}

// dict is a hash table of nodes. It grows and shrinks some buckets at a time, so
// that no single operation pays for it, and can be scanned by a cursor that
// survives both. Go's map has neither a cursor nor a random element, which SCAN,
// RANDOMKEY and eviction need.
//
// During a resize, prev is the table that nodes move from, in the order of its
// buckets: the first moved buckets are empty.
type dict struct {
	buckets []*node // nil until the first insertion
	prev    []*node
	moved   int
	count   int
}

const (
	smallestDict = 4
	growStep     = 4  // buckets that an operation moves while the dict grows
	shrinkStep   = 32 // and while it shrinks: it ends before a quarter of the nodes is gone
	sparseness   = 8  // buckets per node from which the dict shrinks
)

var hashSeed = maphash.MakeSeed()

// hashOf returns the hash that dicts use.
func hashOf(key []byte) uint32 { return uint32(maphash.Bytes(hashSeed, key)) }

// size returns the memory of the tables.
func (d *dict) size() int { return pointersSize(len(d.buckets)) + pointersSize(len(d.prev)) }

// find returns the node of key, nil if there is none.
func (d *dict) find(key []byte, hash uint32) *node {
	if d.count == 0 {
		return nil
	}
	for n := d.buckets[hash&uint32(len(d.buckets)-1)]; n != nil; n = n.next {
		if n.hash == hash && n.Key() == string(key) {
			return n
		}
	}
	if d.prev == nil {
		return nil
	}
	for n := d.prev[hash&uint32(len(d.prev)-1)]; n != nil; n = n.next {
		if n.hash == hash && n.Key() == string(key) {
			return n
		}
	}
	return nil
}

// insert adds a node whose key is absent.
func (d *dict) insert(n *node) {
	switch {
	case d.prev != nil:
		d.step()
	case d.buckets == nil:
		d.buckets = make([]*node, smallestDict)
	case d.count >= len(d.buckets):
		d.resize(2 * len(d.buckets))
	}
	b := &d.buckets[n.hash&uint32(len(d.buckets)-1)]
	n.next, *b = *b, n
	d.count++
}

// remove takes out a node that is in.
func (d *dict) remove(n *node) {
	if !unlink(&d.buckets[n.hash&uint32(len(d.buckets)-1)], n) {
		unlink(&d.prev[n.hash&uint32(len(d.prev)-1)], n)
	}
	d.count--
	if d.count == 0 && len(d.buckets) > smallestDict {
		*d = dict{}
		return
	}
	d.step()
	d.shrink()
}

func unlink(b **node, n *node) bool {
	for ; *b != nil; b = &(*b).next {
		if *b == n {
			*b, n.next = n.next, nil
			return true
		}
	}
	return false
}

// shrink begins a resize if the dict is sparse.
func (d *dict) shrink() {
	if d.prev == nil && len(d.buckets) > smallestDict && d.count*sparseness < len(d.buckets) {
		d.resize(max(smallestDict, 1<<bits.Len(uint(d.count)))) // the power of two above count
	}
}

func (d *dict) resize(n int) {
	d.prev, d.moved = d.buckets, 0
	d.buckets = make([]*node, n)
}

// step moves some buckets if a resize is in progress.
func (d *dict) step() {
	if d.prev == nil {
		return
	}
	n := growStep
	if len(d.prev) > len(d.buckets) {
		n = shrinkStep
	}
	d.move(n)
}

// move moves n buckets of the resize in progress.
func (d *dict) move(n int) {
	mask := uint32(len(d.buckets) - 1)
	end := min(d.moved+n, len(d.prev))
	for i, n := range d.prev[d.moved:end] {
		if n == nil {
			continue
		}
		d.prev[d.moved+i] = nil
		for n != nil {
			next := n.next
			b := &d.buckets[n.hash&mask]
			n.next, *b = *b, n
			n = next
		}
	}
	d.moved = end
	if end == len(d.prev) {
		d.prev, d.moved = nil, 0
	}
}

// rehash moves up to that many buckets and reports whether there is more to move.
func (d *dict) rehash(buckets int) (more bool) {
	if d.prev != nil {
		d.move(buckets)
		d.shrink()
	}
	return d.prev != nil
}

// each calls f for every node until it returns false. f must not change the dict.
func (d *dict) each(f func(*node) bool) {
	for _, buckets := range [2][]*node{d.prev, d.buckets} {
		for _, n := range buckets {
			for ; n != nil; n = n.next {
				if !f(n) {
					return
				}
			}
		}
	}
}

// random returns a node, each about as likely as any other; nil if there is none.
// At least one bucket in some twenty is occupied, so that it finds one soon.
func (d *dict) random(next func() uint64) *node {
	if d.count == 0 {
		return nil
	}
	left := d.prev[d.moved:]
	var first *node
	for first == nil {
		i := int(next() % uint64(len(d.buckets)+len(left)))
		if i < len(d.buckets) {
			first = d.buckets[i]
		} else {
			first = left[i-len(d.buckets)]
		}
	}
	length := 0
	for n := first; n != nil; n = n.next {
		length++
	}
	for range int(next() % uint64(length)) {
		first = first.next
	}
	return first
}
