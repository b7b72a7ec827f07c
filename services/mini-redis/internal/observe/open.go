package observe

import (
	"encoding/binary"

	"mini-redis/internal/telemetry"
	"mini-redis/services/mini-redis/internal/engine"
)

// shownRate bounds the spans a second that are made for those who watch alone: a
// call that waits for a key is worth seeing also where it is not sampled.
const shownRate = 100

// maxShown is how many calls that wait already are told to someone who comes to
// watch.
const maxShown = 1000

var _ engine.Opener = (*Observer)(nil)

// Opened implements engine.Opener: while somebody watches, the span of a call
// that waits gets its identity now, and is shown as open.
func (o *Observer) Opened(turn *engine.Turn, call *engine.Call) engine.Pending {
	if !o.tracing || !o.sink.Watched() {
		return nil
	}
	s := o.sampledOpen(turn, call)
	if s == nil && o.shown.allow(call.End) {
		s = o.localOpen(turn, call)
	}
	if s == nil {
		return nil
	}
	o.sink.Show([]telemetry.Record{o.openRecord(s, call.End)})
	return s
}

// ShowOpen shows the calls that wait already. Its caller holds the execution
// lock.
func (o *Observer) ShowOpen(e *engine.Engine, show func([]telemetry.Record)) {
	if !o.tracing {
		return
	}
	left := maxShown
	now := o.clock.Mono()
	e.EachWaiting(func(turn *engine.Turn, call *engine.Call) bool {
		s, _ := call.Opened.(*span)
		if s == nil {
			if s = o.sampledOpen(turn, call); s == nil {
				s = o.localOpen(turn, call)
			}
			if s == nil {
				return false
			}
			call.Opened = s
		}
		show([]telemetry.Record{o.openRecord(s, now)})
		left--
		return left > 0
	})
}

// openRecord is the span's record as of now, without an end. Until the span is
// finished its own times are monotonic.
func (o *Observer) openRecord(s *span, now int64) telemetry.Record {
	r := s.record
	r.Start += o.wall.offset(o.clock, now)
	r.End = 0
	return r
}

// sampledOpen makes the span of a call that has not ended as it will be exported,
// nil where it will not be.
func (o *Observer) sampledOpen(turn *engine.Turn, call *engine.Call) *span {
	c := o.statsOf(call.Spec)
	switch {
	case call.Parent.TraceFlags().IsSampled():
		return o.continued(turn, call, c, -1)
	case call.End >= o.roots.next:
		return o.rooted(turn, call, c, -1)
	}
	return nil
}

// localOpen makes the span of a call that has not ended for those who watch.
func (o *Observer) localOpen(turn *engine.Turn, call *engine.Call) *span {
	s := o.take()
	if s == nil {
		return nil
	}
	s.local = true
	r := &s.record
	if call.Parent.IsValid() {
		r.TraceID, r.Parent, r.ParentRemote = call.Parent.TraceID(), call.Parent.SpanID(), true
		r.TraceState = call.Parent.TraceState()
	}
	for !r.TraceID.IsValid() {
		binary.LittleEndian.PutUint64(r.TraceID[:8], o.random())
		binary.LittleEndian.PutUint64(r.TraceID[8:], o.random())
	}
	o.fill(s, turn, call, o.statsOf(call.Spec), -1)
	return s
}

// reopened completes the span of a call that was opened and has ended.
func (o *Observer) reopened(turn *engine.Turn, call *engine.Call, c *commandStats, code int) engine.Pending {
	s := call.Opened.(*span)
	o.fill(s, turn, call, c, code)
	return s
}

// Left implements engine.Opener: the call is shown as over. It is not exported,
// for nobody has got its reply.
func (o *Observer) Left(p engine.Pending, at int64) {
	s := p.(*span)
	s.closed = true
	s.record.End = max(at, s.record.Start)
	s.record.Data[dataBlocked] = s.record.End - s.record.Start - s.record.Data[dataQueue] - s.record.Data[dataLock] - s.record.Data[dataExec]
	s.record.Flags = 0
	s.finish(at, o.wall.offset(o.clock, at))
	o.sink.Show([]telemetry.Record{s.record})
	o.giveBack(s)
}
