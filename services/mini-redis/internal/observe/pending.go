package observe

import (
	"sync/atomic"
	"unsafe"
)

// Limits of pending spans: spans whose replies have not been sent. A client that does not
// read its replies keeps its spans pending, and it chooses the length of their tracestate.
const (
	// DefaultMaxPending is the default limit of their number.
	DefaultMaxPending = 1 << 16
	// DefaultMaxPendingBytes is the default limit of their memory.
	DefaultMaxPendingBytes = 64 << 20
	// connectionShare is the part of the limit of their number, 1/16, that the spans of
	// one connection may take, so that it cannot take all of them.
	connectionShare = 16
)

// spanBytes is the memory of a span without its texts and its tracestate.
const spanBytes = int64(unsafe.Sizeof(span{}))

// pendingSpans accounts for the pending spans. reserve is called under the execution
// lock, so that the limits hold; release is called on any goroutine.
type pendingSpans struct {
	maxCount, maxOfConnection, maxBytes int64
	count, bytes                        atomic.Int64
}

func newPendingSpans(maxCount int, maxBytes int64) pendingSpans {
	if maxCount <= 0 {
		maxCount = DefaultMaxPending
	}
	if maxBytes <= 0 {
		maxBytes = DefaultMaxPendingBytes
	}
	return pendingSpans{
		maxCount: int64(maxCount), maxBytes: maxBytes,
		maxOfConnection: max(1, int64(maxCount/connectionShare)),
	}
}

// reserve takes a place for a span of a connection that holds a number of bytes. It
// returns false if that exceeds a limit.
func (p *pendingSpans) reserve(c *connection, bytes int64) bool {
	if p.full() || c.pending.Load() >= p.maxOfConnection || p.bytes.Load()+bytes > p.maxBytes {
		return false
	}
	p.count.Add(1)
	p.bytes.Add(bytes)
	c.pending.Add(1)
	return true
}

// full reports whether there is no place for any connection.
func (p *pendingSpans) full() bool { return p.count.Load() >= p.maxCount }

// release gives back the places of n spans of a connection that hold a number of bytes.
func (p *pendingSpans) release(c *connection, n, bytes int64) {
	c.pending.Add(-n)
	p.bytes.Add(-bytes)
	p.count.Add(-n)
}
