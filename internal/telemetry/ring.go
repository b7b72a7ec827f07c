package telemetry

import (
	"math/bits"
	"sync/atomic"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// item is one queued span: a span of the SDK if span is not nil, otherwise a record.
type item struct {
	record Record
	span   sdktrace.ReadOnlySpan
	open   bool // span was queued when it started
}

// slot is one element of a ring. ready is the index the slot was filled for, plus one. An index is
// used once in the life of a ring, so a slot that was filled in an earlier round is never mistaken
// for a filled one.
type slot struct {
	ready atomic.Uint64
	item  item
}

// closedBit in a ring's tail marks the ring as closed. Producers reserve slots by compare-and-swap
// on the same word, so no reservation succeeds after the close. From then on the number of items
// that entered is fixed, so every item can be counted.
const closedBit = 1 << 63

// ring is a bounded queue with many producers and one consumer. A producer takes no lock and never
// blocks: it reserves slots by one compare-and-swap, copies the items, and marks each slot ready.
// A producer may hold the server's execution lock or run its only event loop; a mutex shared with
// the consumer could block it for as long as the consumer is not scheduled.
type ring struct {
	slots  []slot
	mask   uint64
	limit  uint64 // the requested capacity; len(slots) is rounded up to a power of two
	wakeAt uint64 // a producer wakes the consumer if there are at least this many items

	_    [64]byte // the consumer writes head and producers write tail: keep them on separate cache lines
	tail atomic.Uint64
	_    [56]byte
	head atomic.Uint64
	_    [56]byte

	// waiting is set by the consumer before it sleeps, so that producers send to wake only if it
	// sleeps.
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

// reserve reserves up to n slots. It returns the first index and the number of reserved slots:
// fewer than n if the ring has no more room, 0 if it is closed. The caller must fill every reserved
// slot.
func (r *ring) reserve(n int) (first uint64, got int, closed bool) {
	for {
		tail := r.tail.Load()
		if tail&closedBit != 0 {
			return 0, 0, true
		}
		// head may have passed the loaded tail, which makes free wrong. Then the compare-and-swap
		// below fails.
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

// pushRecords copies the first records into the ring, as many as there is room for.
func (r *ring) pushRecords(records []Record) (accepted int, closed bool) {
	first, n, closed := r.reserve(len(records))
	for i := range n {
		s := r.slot(first + uint64(i))
		s.item.record = records[i]
		s.ready.Store(first + uint64(i) + 1)
	}
	r.wakeConsumer()
	return n, closed
}

// pushSpan adds one span of the SDK; accepted is 1 or 0.
func (r *ring) pushSpan(span sdktrace.ReadOnlySpan, open bool) (accepted int, closed bool) {
	index, n, closed := r.reserve(1)
	if n == 1 {
		s := r.slot(index)
		s.item.span, s.item.open = span, open
		s.ready.Store(index + 1)
		r.wakeConsumer()
	}
	return n, closed
}

func (r *ring) slot(index uint64) *slot { return &r.slots[index&r.mask] }

// wakeConsumer wakes a sleeping consumer if there are at least wakeAt items. Producers call it
// after they have marked their last slot ready.
func (r *ring) wakeConsumer() {
	if uint64(r.len()) >= r.wakeAt && r.waiting.Load() && r.waiting.CompareAndSwap(true, false) {
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
}

// prepareWait is the consumer's last step before it sleeps. It reports whether n items are ready.
// If not, the producer that completes item n sends to wake.
func (r *ring) prepareWait(n int) bool {
	r.waiting.Store(true)
	if r.ready(n) < n {
		return false
	}
	r.waiting.Store(false)
	return true
}

// ready returns the number of consecutive ready items at the head, at most n. Only the consumer
// calls it.
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

// take moves up to len(dst) ready items into dst and frees their slots. Only the consumer calls it.
func (r *ring) take(dst []item) int {
	n := r.ready(len(dst))
	head := r.head.Load()
	for i := range n {
		from := r.slot(head + uint64(i))
		dst[i] = from.item
		from.item = item{} // drop the reference to the span
	}
	r.head.Store(head + uint64(n))
	return n
}

// len returns the number of reserved slots, ready or not.
func (r *ring) len() int {
	head := r.head.Load() // before tail: the difference is never negative
	return int(r.tail.Load()&^closedBit - head)
}

// headIndex is the index of the next item to be taken; only the consumer calls it. tailIndex is the
// index of the next item to enter.
func (r *ring) headIndex() uint64 { return r.head.Load() }
func (r *ring) tailIndex() uint64 { return r.tail.Load() &^ closedBit }

// close rejects further items. The consumer can still take those in the ring.
func (r *ring) close() { r.tail.Or(closedBit) }

func (r *ring) closed() bool { return r.tail.Load()&closedBit != 0 }
