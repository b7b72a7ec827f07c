package observe

import (
	"mini-redis/internal/telemetry"
	"mini-redis/services/mini-redis/internal/engine"
)

// A viewer subscribes to spans and sees them when they begin. A call that waits for a key
// gets its span while it waits, so that a viewer sees it as open: when it begins to wait
// (Opened), or when the viewer comes later (ShowOpen). Whether the span is exported is
// decided once for each call. If it is not, viewers get a span of their own.

// viewerRate is the largest number per second of spans for viewers only.
const viewerRate = 100

// maxShown is the largest number of waiting calls that a new viewer is shown.
const maxShown = 1000

// withoutSpan is the engine.Pending of a waiting call that was decided to have no span.
type withoutSpan struct{}

var _ engine.Opener = (*Observer)(nil)

// Opened implements engine.Opener. It decides nothing while there is no viewer.
func (o *Observer) Opened(turn *engine.Turn, call *engine.Call) engine.Pending {
	if !o.tracing || !o.sink.Watched() {
		return nil
	}
	s := o.exportedSpan(turn, call, o.statsOf(call.Spec))
	if s == nil && o.viewers.allow(call.End) {
		s = o.viewerSpan(call)
	}
	if s == nil {
		return withoutSpan{}
	}
	o.setOutcome(s, turn, call, -1)
	o.sink.Show([]telemetry.Record{o.openRecord(s, call.End)})
	return s
}

// ShowOpen passes the open spans of the calls that wait to show, which is a new viewer.
// The caller holds the execution lock.
func (o *Observer) ShowOpen(e *engine.Engine, show func([]telemetry.Record)) {
	if !o.tracing {
		return
	}
	left := maxShown
	now := o.clock.Mono()
	e.EachWaiting(func(turn *engine.Turn, call *engine.Call) bool {
		s := o.openSpan(turn, call)
		if s != nil {
			show([]telemetry.Record{o.openRecord(s, now)})
			left--
		}
		return left > 0 && !o.pending.full()
	})
}

// openSpan returns the span of a waiting call, nil if there are too many pending spans.
func (o *Observer) openSpan(turn *engine.Turn, call *engine.Call) *span {
	s, _ := call.Opened.(*span)
	if s != nil {
		return s
	}
	if call.Opened == nil {
		call.Opened = withoutSpan{}
		s = o.exportedSpan(turn, call, o.statsOf(call.Spec))
	}
	if s == nil {
		s = o.viewerSpan(call)
	}
	if s == nil {
		return nil
	}
	o.setOutcome(s, turn, call, -1)
	call.Opened = s
	return s
}

// openRecord returns the record of an open span, which has no end. The span's own times
// are monotonic until it is finished.
func (o *Observer) openRecord(s *span, now int64) telemetry.Record {
	r := s.record
	r.Start += o.wall.offset(o.clock, now)
	r.End = 0
	return r
}

// viewerSpan returns the span of a waiting call for viewers only, nil if there are too
// many pending spans.
func (o *Observer) viewerSpan(call *engine.Call) *span {
	s := o.newSpan(call, o.statsOf(call.Spec))
	if s == nil {
		return nil
	}
	s.viewerOnly = true
	if call.Parent.IsValid() {
		s.continueTrace(&call.TraceContext)
		s.record.Flags = 0 // not exported
	} else {
		s.record.TraceID = o.newTraceID()
	}
	return s
}

// Left implements engine.Opener: viewers see the end of the call. Its span is not
// exported: the call has no reply.
func (o *Observer) Left(p engine.Pending, at int64) {
	s, ok := p.(*span)
	if !ok {
		return
	}
	s.ended = true
	r := &s.record
	r.End = max(at, r.Start)
	r.Data[dataBlocked] = r.End - r.Start - r.Data[dataQueue] - r.Data[dataLock] - r.Data[dataExec]
	r.Flags = 0
	s.finish(at, o.wall.offset(o.clock, at))
	o.sink.Show([]telemetry.Record{*r})
	o.release(s)
}
