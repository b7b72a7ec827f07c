package telemetry

import (
	"math/bits"
	"sync/atomic"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// item is one span on its way: a compact record, or, when span is not nil, a span of the SDK.
type item struct {
	record Record
	span   sdktrace.ReadOnlySpan
	open   bool // span was handed over as it began
}

// slot is one place of a ring. ready holds the index it was filled for, plus one: an index is used once in the life of a ring, so a
// slot of an earlier round can never be taken for a full one.
type slot struct {
	ready atomic.Uint64
	item  item
}

// closedBit in a ring's tail says that nothing more may enter. It shares the word producers reserve with, so no reservation can slip
// in after the close: from then on the number of items that ever entered is fixed, and every one is accounted for.
const closedBit = 1 << 63

// ring is a bounded queue of many producers and one consumer. A producer takes no lock and never waits: it reserves places by one
// compare-and-swap, copies, and marks each place ready. That matters where the producer holds the server's execution lock or runs
// its only loop: a mutex shared with the consumer could stall it for as long as the consumer is off the CPU.
type ring struct {
	slots  []slot
	mask   uint64
	limit  uint64 // the capacity that was asked for; slots are rounded up to a power of two
	wakeAt uint64 // a producer that finds this many items wakes the consumer

	_    [64]byte // head and tail are written by different sides: keep them on cache lines of their own
	tail atomic.Uint64
	_    [56]byte
	head atomic.Uint64
	_    [56]byte

	// waiting is set by the consumer before it sleeps, so that a producer pays for a wake-up only when someone sleeps.
	waiting atomic.Bool
	wake    chan struct{}
}

func newRing(limit, wakeAt int) *ring {
	size := uint64(1) << bits.Len64(uint64(limit-1))
	return &ring{
		slots:  make([]slot, size),
		mask:   size - 1,
		limit:  uint64(limit),
		wakeAt: uint64(wakeAt),
		wake:   make(chan struct{}, 1),
	}
}

// reserve claims up to n places and returns the first index and how many it got: fewer than n when the ring is full, none when it
// is closed. Every place that was claimed must be filled.
func (r *ring) reserve(n int) (first uint64, got int, closed bool) {
	for {
		tail := r.tail.Load()
		if tail&closedBit != 0 {
			return 0, 0, true
		}
		// head may have passed tail since the load above; the swap below fails then, so the odd sum does no harm.
		free := int64(r.limit) - int64(tail-r.head.Load())
		got = int(min(int64(n), free))
		if got <= 0 {
			return 0, 0, false
		}
		if r.tail.CompareAndSwap(tail, tail+uint64(got)) {
			return tail, got, false
		}
	}
}

// pushRecords copies as many records as find room, the first ones first.
func (r *ring) pushRecords(records []Record) (accepted int, closed bool) {
	first, n, closed := r.reserve(len(records))
	for i := range n {
		s := r.slot(first + uint64(i))
		s.item.record = records[i]
		s.ready.Store(first + uint64(i) + 1)
	}
	r.nudge()
	return n, closed
}

// pushSpan adds one span of the SDK; accepted is 1 or 0.
func (r *ring) pushSpan(span sdktrace.ReadOnlySpan, open bool) (accepted int, closed bool) {
	index, n, closed := r.reserve(1)
	if n == 1 {
		s := r.slot(index)
		s.item.span, s.item.open = span, open
		s.ready.Store(index + 1)
		r.nudge()
	}
	return n, closed
}

func (r *ring) slot(index uint64) *slot { return &r.slots[index&r.mask] }

// nudge wakes a sleeping consumer when there is enough to do. Producers call it after their last publish.
func (r *ring) nudge() {
	if uint64(r.len()) >= r.wakeAt && r.waiting.Load() && r.waiting.CompareAndSwap(true, false) {
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
}

// arm is the consumer's last step before it sleeps: it reports whether n items are ready already, and makes sure that whoever
// completes the n-th from now on sends to wake.
func (r *ring) arm(n int) bool {
	r.waiting.Store(true)
	if r.ready(n) < n {
		return false
	}
	r.waiting.Store(false)
	return true
}

// ready counts the finished items at the head, up to n. An item whose producer is still copying ends the count. Consumer only.
func (r *ring) ready(n int) int {
	head := r.head.Load()
	for i := range n {
		index := head + uint64(i)
		if r.slot(index).ready.Load() != index+1 {
			return i
		}
	}
	return n
}

// take moves up to len(dst) finished items into dst and frees their places. Consumer only.
func (r *ring) take(dst []item) int {
	n := r.ready(len(dst))
	head := r.head.Load()
	for i := range n {
		from := r.slot(head + uint64(i))
		dst[i] = from.item
		from.item = item{} // the ring must not keep a span's memory alive for another round
	}
	r.head.Store(head + uint64(n))
	return n
}

// len is the number of places taken, finished or not.
func (r *ring) len() int {
	head := r.head.Load() // before tail: the difference is never negative
	return int(r.tail.Load()&^closedBit - head)
}

// begin and end are the indices of the next item to be taken and of the next to enter. begin is the consumer's.
func (r *ring) begin() uint64 { return r.head.Load() }
func (r *ring) end() uint64   { return r.tail.Load() &^ closedBit }

// close lets nothing more enter. What is inside can still be taken.
func (r *ring) close() { r.tail.Or(closedBit) }

func (r *ring) closed() bool { return r.tail.Load()&closedBit != 0 }
