package observe

import (
	"encoding/binary"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"mini-redis/internal/telemetry"
	"mini-redis/services/mini-redis/internal/engine"
)

// The places of a record's Data. The five phases come first, in the order of time.
//
// The phases of a span follow each other without a gap and sum to its duration
// exactly, in whole nanoseconds:
//
//	queue    from the loop's wake-up until the command runs, without lock: reading and
//	         parsing the batch, and waiting for the commands before it
//	lock     waiting for the execution lock, once for the whole batch
//	blocked  waiting for a key (BLPOP)
//	exec     running
//	flush    until the reply has been given to the kernel, with the rest of the batch
//
// A command inside EXEC has neither queue nor lock nor flush: EXEC's own span has
// them. It covers its execution alone, so that the commands of a transaction lie
// side by side within EXEC's exec phase and do not overlap. A call that blocked
// is told with the turn it began in; should it come with a later one, its span
// begins with its execution.
const (
	dataQueue = iota
	dataLock
	dataBlocked
	dataExec
	dataFlush
	dataDB
	dataCode  // number of the error code plus one, 0 without an error
	dataLocal // number of the connection's own address
)

// origin says who began a span's trace.
type origin int

const (
	fromRemote origin = iota
	fromRoot
	origins
)

// span is a record whose reply has yet to leave: the observer's engine.Pending.
type span struct {
	record telemetry.Record // Start and End are monotonic until it is finished
	origin origin
	closed bool // End is known: nothing is flushed for it alone
	local  bool // for those who watch, and not for the exporter
	stats  *commandStats
	took   int64 // what the histogram was given, ns
}

// continued makes the span of a call whose caller is sampled, nil if a bound forbids it.
func (o *Observer) continued(turn *engine.Turn, call *engine.Call, c *commandStats, code int) *span {
	if !o.tracing || !o.sink.Enabled() {
		return nil
	}
	if !o.remote.allow(call.End) {
		o.overRate++
		return nil
	}
	s := o.take()
	if s == nil {
		return nil
	}
	s.origin = fromRemote
	r := &s.record
	r.TraceID, r.Parent = call.Parent.TraceID(), call.Parent.SpanID()
	r.Flags, r.TraceState = call.Parent.TraceFlags(), call.Parent.TraceState()
	r.ParentRemote = true
	o.fill(s, turn, call, c, code)
	return s
}

// rooted makes the span of a call without a caller's context, if it may begin a
// trace: not when its client speaks TRACED and chose to send no context, not for
// what clients send on connecting, not inside EXEC, which has a span itself.
func (o *Observer) rooted(turn *engine.Turn, call *engine.Call, c *commandStats, code int) *span {
	if call.Traced || call.Nested || call.Session.ContextAware || c.handshake || !c.known && isHandshakeWord(call.Args) ||
		!o.roots.allow(call.End) || !o.sink.Enabled() {
		return nil
	}
	s := o.take()
	if s == nil {
		return nil
	}
	s.origin = fromRoot
	r := &s.record
	for !r.TraceID.IsValid() {
		binary.LittleEndian.PutUint64(r.TraceID[:8], o.random())
		binary.LittleEndian.PutUint64(r.TraceID[8:], o.random())
	}
	r.Flags = trace.FlagsSampled | trace.FlagsRandom
	o.fill(s, turn, call, c, code)
	return s
}

// take returns an empty span, nil when too many wait for their reply to leave.
func (o *Observer) take() *span {
	if o.pending.Load() >= o.maxPending {
		o.overPending++
		return nil
	}
	o.pending.Add(1)
	return o.spans.Get().(*span)
}

// fill completes what is the same for all spans.
func (o *Observer) fill(s *span, turn *engine.Turn, call *engine.Call, c *commandStats, code int) {
	r := &s.record
	for !r.SpanID.IsValid() {
		binary.LittleEndian.PutUint64(r.SpanID[:], o.random())
	}
	r.Kind = trace.SpanKindServer
	r.Describer = c.operation
	s.stats, s.took = c, call.End-call.Start-call.Blocked
	if call.Rejected {
		s.stats = nil // it is in no histogram
	}
	phases(s, turn, call)
	ends := o.ends.of(call.Session)
	r.Data[dataDB], r.Data[dataLocal], r.Text = int64(call.Session.DB), ends.local, ends.peer
	if o.keys {
		r.Text = withKey(r.Text, call.Spec, call.Args)
	}
	if code >= 0 {
		r.Status = codes.Error
		r.Data[dataCode] = int64(code) + 1
	}
}

// phases sets the record's times and all phases but flush.
func phases(s *span, turn *engine.Turn, call *engine.Call) {
	r := &s.record
	end := max(call.End, call.Start)
	blocked := min(max(call.Blocked, 0), end-call.Start)
	r.Start, r.End = call.Start, end
	r.Data[dataBlocked] = blocked
	r.Data[dataExec] = end - call.Start - blocked
	s.closed = call.Nested
	if call.Nested || turn.LockGot > call.Start {
		return
	}
	ask := min(turn.LockAsk, turn.LockGot)
	wake := turn.Wake
	if wake <= 0 || wake > ask {
		wake = ask
	}
	r.Start = wake
	r.Data[dataLock] = turn.LockGot - ask
	r.Data[dataQueue] = (ask - wake) + (call.Start - turn.LockGot)
}

// finish ends the span at the monotonic time at, and moves it onto the wall clock.
func (s *span) finish(at, offset int64) {
	r := &s.record
	if !s.closed && at > r.End {
		r.Data[dataFlush] = at - r.End
		r.End = at
	}
	r.Start += offset
	r.End += offset
}
