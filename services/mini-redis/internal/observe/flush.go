package observe

import (
	"sync/atomic"

	"mini-redis/internal/telemetry"
	"mini-redis/services/mini-redis/internal/engine"
)

// emitSize is how many spans go to the sink at once: the largest batch the server makes.
const emitSize = 128

// emit is the spans of one batch on their way to the sink.
type emit struct {
	records [emitSize]telemetry.Record
	spans   [emitSize]*span
	n       int
}

// Flushed implements engine.Observer. Every Pending must come back exactly once,
// also when its connection was lost: until then it takes one of MaxPending.
// It is called without the execution lock, by several loops at once.
func (o *Observer) Flushed(pending []engine.Pending, at int64) {
	if len(pending) == 0 {
		return
	}
	offset := o.wall.offset(o.clock, at)
	e := o.emits.Get().(*emit)
	for _, p := range pending {
		s, ok := p.(*span)
		if !ok {
			continue
		}
		s.finish(at, offset)
		if s.local {
			o.sink.Show([]telemetry.Record{s.record})
			o.giveBack(s)
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

// emit hands the spans over, counts them, and lets those that were accepted be exemplars.
func (o *Observer) emit(e *emit) {
	accepted := o.sink.Emit(e.records[:e.n])
	if lost := e.n - accepted; lost > 0 {
		o.overQueue.Add(uint64(lost))
	}
	var made [origins]uint64
	for _, s := range e.spans[:accepted] {
		made[s.origin]++
	}
	for who, n := range made {
		if n > 0 {
			o.emitted[who].Add(n)
		}
	}
	o.remember(e.spans[:accepted])
	for i, s := range e.spans[:e.n] {
		o.giveBack(s)
		e.spans[i] = nil
	}
	clear(e.records[:e.n])
	e.n = 0
}

// giveBack is take's opposite.
func (o *Observer) giveBack(s *span) {
	*s = span{} // the pool must not hold a request's strings
	o.spans.Put(s)
	o.pending.Add(-1)
}

// wallClock turns monotonic times into wall-clock ones. The difference is read
// now and then only, and a span's two ends always take the same: its duration is
// the monotonic one whatever the wall clock does meanwhile.
type wallClock struct {
	difference atomic.Int64 // wall minus monotonic, ns
	read       atomic.Int64 // monotonic time of reading it
}

// wallAge is how long a difference is used: well below the time in which a clock
// that is being set could tear a server's spans from its callers'.
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
