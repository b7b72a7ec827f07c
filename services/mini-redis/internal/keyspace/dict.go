package keyspace

import (
	"hash/maphash"
	"math/bits"
)

// dict is a hash table of entries, chained through Entry.next. It grows and
// shrinks a bucket at a time, so that no single operation pays for it, and can
// be scanned by a cursor that survives both. Go's own map gives neither a
// cursor nor a random element, which SCAN, RANDOMKEY and eviction need.
//
// While it is being resized, prev is the table that entries move from, in order
// of its buckets: those before moved are empty.
type dict struct {
	table []*Entry
	prev  []*Entry
	moved int
	count int
	seed  maphash.Seed
}

const (
	smallestTable = 4
	bucketsAStep  = 4 // buckets moved by each operation during a resize
)

func newDict() dict {
	return dict{table: make([]*Entry, smallestTable), seed: maphash.MakeSeed()}
}

func (d *dict) hash(key []byte) uint32 { return uint32(maphash.Bytes(d.seed, key)) }

// find returns the entry of key, nil when there is none.
func (d *dict) find(key []byte, hash uint32) *Entry {
	for e := d.table[hash&uint32(len(d.table)-1)]; e != nil; e = e.next {
		if e.hash == hash && e.key == string(key) {
			return e
		}
	}
	if d.prev == nil {
		return nil
	}
	for e := d.prev[hash&uint32(len(d.prev)-1)]; e != nil; e = e.next {
		if e.hash == hash && e.key == string(key) {
			return e
		}
	}
	return nil
}

// insert adds an entry whose key is absent; hash is set.
func (d *dict) insert(e *Entry) {
	d.step()
	if d.prev == nil && d.count >= len(d.table) {
		d.resize(2 * len(d.table))
	}
	b := &d.table[e.hash&uint32(len(d.table)-1)]
	e.next, *b = *b, e
	d.count++
}

// remove takes out an entry that is in.
func (d *dict) remove(e *Entry) {
	if !unlink(&d.table[e.hash&uint32(len(d.table)-1)], e) {
		unlink(&d.prev[e.hash&uint32(len(d.prev)-1)], e)
	}
	d.count--
	d.step()
	switch {
	case d.count == 0 && (d.prev != nil || len(d.table) > smallestTable):
		d.table, d.prev = make([]*Entry, smallestTable), nil
	case d.prev == nil && len(d.table) > smallestTable && d.count*8 < len(d.table):
		d.resize(max(smallestTable, 1<<bits.Len(uint(d.count)))) // the power of two above count
	}
}

func unlink(b **Entry, e *Entry) bool {
	for ; *b != nil; b = &(*b).next {
		if *b == e {
			*b, e.next = e.next, nil
			return true
		}
	}
	return false
}

func (d *dict) resize(n int) {
	d.prev, d.moved = d.table, 0
	d.table = make([]*Entry, n)
}

// step moves a few buckets on when a resize is under way.
func (d *dict) step() {
	if d.prev == nil {
		return
	}
	mask := uint32(len(d.table) - 1)
	for range min(bucketsAStep, len(d.prev)-d.moved) {
		e := d.prev[d.moved]
		d.prev[d.moved] = nil
		d.moved++
		for e != nil {
			next := e.next
			b := &d.table[e.hash&mask]
			e.next, *b = *b, e
			e = next
		}
	}
	if d.moved == len(d.prev) {
		d.prev = nil
	}
}

// each calls f for every entry until it returns false. f must not change the dict.
func (d *dict) each(f func(*Entry) bool) {
	for _, table := range [2][]*Entry{d.prev, d.table} {
		for _, e := range table {
			for ; e != nil; e = e.next {
				if !f(e) {
					return
				}
			}
		}
	}
}

// random returns an entry, each about as likely as any other; nil when empty.
func (d *dict) random(next func() uint64) *Entry {
	if d.count == 0 {
		return nil
	}
	var e *Entry
	for e == nil {
		i := int(next() % uint64(len(d.table)+len(d.prev)))
		if i < len(d.table) {
			e = d.table[i]
		} else {
			e = d.prev[i-len(d.table)]
		}
	}
	n := 0
	for x := e; x != nil; x = x.next {
		n++
	}
	for range int(next() % uint64(n)) {
		e = e.next
	}
	return e
}

// scan calls f for every entry in one place of the table and returns the cursor
// of the next place, 0 at the end.
//
// A cursor counts through the buckets with its bits reversed: the high bits of
// the mask change first. When the table doubles, a bucket that was visited splits
// into buckets whose numbers share its low bits, all of which count as visited;
// when it halves, buckets merge likewise. So a scan that began in a table of
// another size goes on where it was, and meets at worst some entries again.
// During a resize a place is a bucket of the smaller table and all that it
// corresponds to in the larger one.
//
// Source: the algorithm is Pieter Noordhuis's, from redis-server's dict.c.
func (d *dict) scan(cursor uint64, f func(*Entry)) uint64 {
	small, large := d.table, []*Entry(nil)
	if d.prev != nil {
		large = d.prev
		if len(small) > len(large) {
			small, large = large, small
		}
	}
	visit(small, cursor, f)
	mask := uint64(len(small) - 1)
	if large == nil {
		return advance(cursor, mask)
	}
	wide := uint64(len(large) - 1)
	for {
		visit(large, cursor, f)
		cursor = advance(cursor, wide)
		if cursor&(mask^wide) == 0 {
			return cursor
		}
	}
}

func visit(table []*Entry, cursor uint64, f func(*Entry)) {
	for e := table[cursor&uint64(len(table)-1)]; e != nil; e = e.next {
		f(e)
	}
}

// advance adds one to the reversed bits of the cursor under the mask.
func advance(cursor, mask uint64) uint64 {
	return bits.Reverse64(bits.Reverse64(cursor|^mask) + 1)
}
