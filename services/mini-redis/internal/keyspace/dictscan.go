package keyspace

import "math/bits"

// scan calls f for the nodes of one bucket and returns the cursor of the next
// bucket, 0 at the end.
//
// A cursor counts through the buckets with its bits reversed: the high bits of
// the mask change first. When the table doubles, a visited bucket splits into
// buckets whose numbers share its low bits, all of which count as visited; when
// it halves, buckets merge likewise. A scan that began in a table of another size
// therefore continues at the same position, and may meet some nodes twice. During
// a resize, a step visits a bucket of the smaller table and all the buckets that
// correspond to it in the larger one.
//
// The algorithm is Pieter Noordhuis's, from redis-server's dict.c.
func (d *dict) scan(cursor uint64, f func(*node)) uint64 {
	if d.count == 0 {
		return 0
	}
	small, large := d.buckets, d.prev
	if large != nil && len(small) > len(large) {
		small, large = large, small
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

func visit(buckets []*node, cursor uint64, f func(*node)) {
	for n := buckets[cursor&uint64(len(buckets)-1)]; n != nil; n = n.next {
		f(n)
	}
}

// advance adds one to the reversed bits of the cursor under the mask.
func advance(cursor, mask uint64) uint64 {
	return bits.Reverse64(bits.Reverse64(cursor|^mask) + 1)
}
