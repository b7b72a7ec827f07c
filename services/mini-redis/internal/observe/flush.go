package observe

import (
	"sync/atomic"

	"mini-redis/internal/telemetry"
	"mini-redis/services/mini-redis/internal/engine"
)

// emitSize is the largest number of spans that go to the sink at once: the largest batch
// of the server.
const emitSize = 128

// emit is a group of spans on its way to the sink.
type emit struct {
	records [emitSize]telemetry.Record
	spans   [emitSize]*span
	n       int
}

// Flushed implements engine.Observer. Every pending span comes back exactly once, also if
// its connection is lost: it takes a place until then. It is called without the execution
// lock, on several goroutines at once.
func (o *Observer) Flushed(pending []engine.Pending, at int64) {
	if len(pending) == 0 {
		return
	}
	offset := o.wall.offset(o.clock, at)
	e := o.emits.Get().(*emit)
	for _, p := range pending {
		s := p.(*span)
		s.finish(at, offset)
		if s.viewerOnly {
			o.sink.Show([]telemetry.Record{s.record})
			o.release(s)
			continue
		}
		e.records[e.n], e.spans[e.n] = s.record, s
		if e.n++; e.n == emitSize {
			o.emit(e)
		}
	}
	if e.n > 0 {
		o.emit(e)
	}
	o.emits.Put(e)
}

// emit passes spans to the sink and counts them. Those that the sink accepted become
// exemplars.
func (o *Observer) emit(e *emit) {
	accepted := o.sink.Emit(e.records[:e.n])
	if lost := e.n - accepted; lost > 0 {
		o.overQueue.Add(uint64(lost))
	}
	var count [origins]uint64
	for _, s := range e.spans[:accepted] {
		count[s.origin]++
	}
	for from, n := range count {
		if n > 0 {
			o.emitted[from].Add(n)
		}
	}
	o.setExemplars(e.spans[:accepted])
	o.release(e.spans[:e.n]...)
	clear(e.spans[:e.n])
	clear(e.records[:e.n])
	e.n = 0
}

// release gives back the places of spans. Spans in a row mostly belong to one connection.
func (o *Observer) release(spans ...*span) {
	conn, n, bytes := spans[0].conn, int64(0), int64(0)
	for _, s := range spans {
		if s.conn != conn {
			o.pending.release(conn, n, bytes)
			conn, n, bytes = s.conn, 0, 0
		}
		n++
		bytes += s.bytes
		*s = span{} // the pool must not keep the strings
		o.spans.Put(s)
	}
	o.pending.release(conn, n, bytes)
}

// wallClock converts monotonic times to wall-clock times. It reads their difference
// rarely, and both times of a span get the same one: a step of the wall clock moves a span
// but does not change its duration.
type wallClock struct {
	difference atomic.Int64 // wall clock minus monotonic clock, in nanoseconds
	read       atomic.Int64 // monotonic time at which it was read
}

// wallAge is how long, in nanoseconds, a difference is used. It is short, so that a clock
// that is being adjusted does not move the server's spans away from their callers'.
const wallAge = 10e9

func (w *wallClock) set(c engine.Clock) {
	before := c.Mono()
	wall := c.Now().UnixNano()
	after := c.Mono()
	w.read.Store(after)
	w.difference.Store(wall - (before + (after-before)/2))
}

// offset returns what to add to monotonic times at the monotonic time now.
func (w *wallClock) offset(c engine.Clock, now int64) int64 {
	if read := w.read.Load(); now-read > wallAge && w.read.CompareAndSwap(read, now) {
		w.set(c)
	}
	return w.difference.Load()
}
