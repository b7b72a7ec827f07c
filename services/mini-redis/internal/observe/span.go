package observe

import (
	"encoding/binary"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"mini-redis/internal/telemetry"
	"mini-redis/services/mini-redis/internal/engine"
)

// Indexes of a record's Data. The five phases come first, in the order of time.
//
// The phases of a span are contiguous and add up to its duration exactly, in whole
// nanoseconds:
//
//	queue    from the loop's wake-up until the command runs, without lock: reading and
//	         parsing the batch, and the execution of the requests before the command
//	lock     waiting for the execution lock, once for the whole batch
//	blocked  waiting for a key (BLPOP) or for the end of a pause
//	exec     execution
//	flush    until the reply is handed to the kernel, with the rest of the batch
//
// A command inside EXEC has no queue, lock and flush: they belong to EXEC's span. Its
// span covers its execution only, so that the commands of a transaction lie within EXEC's
// exec phase and do not overlap. A call that has waited is reported with the turn in which
// it started. If it is reported with a later turn, its span starts with its execution.
const (
	dataQueue = iota
	dataLock
	dataBlocked
	dataExec
	dataFlush
	dataDB
	dataCode  // number of the error code plus one; 0 without an error
	dataLocal // number of the server's address
)

// origin is where the trace of a span started.
type origin int

const (
	fromRemote origin = iota // at the caller
	fromRoot                 // here
	origins
)

// span is the record of a call whose reply has not been sent: the observer's
// engine.Pending.
type span struct {
	record     telemetry.Record // Start and End are monotonic until finish
	origin     origin
	ended      bool // End is final: the span has no flush phase
	viewerOnly bool // shown to viewers, not exported
	stats      *commandStats
	executed   int64 // the value in the command's histogram, in nanoseconds
	conn       *connection
	bytes      int64 // of the pending spans' memory
}

// exportedSpan decides whether a call gets a span that is exported. It returns nil if it
// does not; a limit that is the reason is counted.
func (o *Observer) exportedSpan(turn *engine.Turn, call *engine.Call, c *commandStats) *span {
	switch {
	case call.Parent.TraceFlags().IsSampled():
		return o.remoteSpan(call, c)
	case call.End >= o.roots.next:
		return o.rootSpan(call, c)
	}
	return nil
}

// remoteSpan returns the span of a call whose caller is sampled, nil if a limit forbids it.
func (o *Observer) remoteSpan(call *engine.Call, c *commandStats) *span {
	if !o.tracing || !o.sink.Enabled() {
		return nil
	}
	if !o.remote.allow(call.End) {
		o.overRate++
		return nil
	}
	s := o.newSpan(call, c)
	if s == nil {
		o.overPending++
		return nil
	}
	s.origin = fromRemote
	s.continueTrace(&call.TraceContext)
	return s
}

// rootSpan returns the span of a call that may begin a trace, nil if it may not: its
// client speaks TRACED and has sent no context, the command is part of the handshake, or
// it runs inside EXEC, which has a span.
func (o *Observer) rootSpan(call *engine.Call, c *commandStats) *span {
	handshake := c.handshake || !c.known && isHandshakeWord(call.Args)
	if call.Traced || call.Nested || call.Session.ContextAware || handshake ||
		!o.roots.allow(call.End) || !o.sink.Enabled() {
		return nil
	}
	s := o.newSpan(call, c)
	if s == nil {
		o.overPending++
		return nil
	}
	s.origin = fromRoot
	s.record.TraceID = o.newTraceID()
	s.record.Flags = trace.FlagsSampled | trace.FlagsRandom
	return s
}

// newSpan returns a span with what does not depend on the outcome of the call, nil if
// there are too many pending spans.
func (o *Observer) newSpan(call *engine.Call, c *commandStats) *span {
	conn := o.connectionOf(call.Session)
	text := conn.peer
	if o.keys && !o.pending.full() {
		text = withKey(text, call.Spec, call.Args)
	}
	bytes := spanBytes + int64(len(text)+call.Bytes())
	if !o.pending.reserve(conn, bytes) {
		return nil
	}
	s := o.spans.Get().(*span)
	s.conn, s.bytes, s.stats = conn, bytes, c
	r := &s.record
	r.Kind, r.Describer = trace.SpanKindServer, c.operation
	r.Text, r.Data[dataLocal] = text, conn.local
	for !r.SpanID.IsValid() {
		binary.LittleEndian.PutUint64(r.SpanID[:], o.random())
	}
	return s
}

func (o *Observer) newTraceID() (id trace.TraceID) {
	for !id.IsValid() {
		binary.LittleEndian.PutUint64(id[:8], o.random())
		binary.LittleEndian.PutUint64(id[8:], o.random())
	}
	return id
}

// continueTrace makes the span a child of its caller's.
func (s *span) continueTrace(c *engine.TraceContext) {
	r := &s.record
	r.TraceID, r.Parent, r.ParentRemote = c.Parent.TraceID(), c.Parent.SpanID(), true
	r.Flags, r.TraceState = c.Parent.TraceFlags(), c.Parent.TraceState()
}

// setOutcome sets what depends on the outcome of the call. code is the number of its
// error code, -1 without an error.
func (o *Observer) setOutcome(s *span, turn *engine.Turn, call *engine.Call, code int) {
	s.executed = executed(call)
	if call.Rejected {
		s.stats = nil // it is in no histogram
	}
	s.setPhases(turn, call)
	r := &s.record
	r.Data[dataDB] = int64(call.Session.DB)
	if code >= 0 {
		r.Status = codes.Error
		r.Data[dataCode] = int64(code) + 1
	}
}

// setPhases sets the record's times and all phases except flush.
func (s *span) setPhases(turn *engine.Turn, call *engine.Call) {
	r := &s.record
	end := max(call.End, call.Start)
	blocked := min(max(call.Blocked, 0), end-call.Start)
	r.Start, r.End = call.Start, end
	r.Data[dataBlocked] = blocked
	r.Data[dataExec] = end - call.Start - blocked
	s.ended = call.Nested
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

// finish ends the span at a monotonic time and moves it onto the wall clock, which is
// offset ahead.
func (s *span) finish(at, offset int64) {
	r := &s.record
	if !s.ended && at > r.End {
		r.Data[dataFlush] = at - r.End
		r.End = at
	}
	r.Start += offset
	r.End += offset
}
