package engine

import (
	"mini-redis/internal/resp"
	"mini-redis/resptrace/wire"
)

// requestContext is what belongs to a request beside its arguments: the caller's
// trace context, and the times of a request that was postponed.
type requestContext struct {
	TraceContext
	start   int64 // when a postponed request began, else 0
	blocked int64 // nanoseconds that it waited
}

// dispatch executes a client's request, or refuses, queues or postpones it.
func (e *Engine) dispatch(s *Session, args [][]byte, w *resp.Writer) {
	spec := e.table.Lookup(args)
	var rc requestContext
	if e.table.IsTraced(spec) {
		fields, inner, err := wire.Parse(args)
		if err != nil {
			e.reject(s, spec, args, &rc, w, err.Error())
			return
		}
		e.takeContext(s, fields, &rc)
		args = inner
		spec = e.table.Lookup(args)
	}
	s.LastCommand = spec
	if spec == nil || spec.Handler == nil || !spec.ArityOK(len(args)) || !s.unrestricted(spec) || e.cfg.MaxMemory > 0 {
		if why := e.refusal(s, spec, args); why != "" {
			e.reject(s, spec, args, &rc, w, why)
			return
		}
	}
	if e.pause.until != 0 && e.postpone(s, spec, args, &rc) {
		return
	}
	e.perform(s, spec, args, &rc, w)
	if e.pause.overdue() {
		e.resumeAll()
	}
}

// takeContext parses the context of a TRACED request. Before authentication it is
// ignored, so that an unknown client creates no spans.
func (e *Engine) takeContext(s *Session, fields wire.Fields, rc *requestContext) {
	s.ContextAware = true
	if s.Authenticated {
		rc.Traced = true
		rc.Parent, _ = e.cfg.Observer.Extract(fields)
	}
}

// perform queues or executes a request, and serves the clients that have waited for
// its effects.
func (e *Engine) perform(s *Session, spec *Spec, args [][]byte, rc *requestContext, w *resp.Writer) {
	if s.Tx != nil {
		if !spec.Immediate {
			e.enqueue(s, spec, args, rc, w)
			return
		}
		if spec.Name == "exec" {
			s.Tx.inheritContext(rc)
		}
	}
	e.call(s, spec, args, rc, w)
	if e.space.AnyReady() {
		e.serveReady()
	}
}

// Call executes a command on behalf of s, from a script or a replayed record, and
// writes its reply to w. Commands that may not run in a script are refused if
// s.Scripted is set. A handler may call it: the changes then belong to the unit of
// execution of the handler's command. Otherwise the call is a unit of its own. args
// may change after the call.
func (e *Engine) Call(s *Session, args [][]byte, w *resp.Writer) {
	if e.recorder != nil && e.depth > 0 {
		args = cloneArgs(args) // they are recorded when the unit ends
	}
	owned := e.owned
	e.owned = false
	e.callOrRefuse(s, args, w)
	e.owned = owned
	if e.depth == 0 {
		e.endCall()
	}
}

func (e *Engine) callOrRefuse(s *Session, args [][]byte, w *resp.Writer) {
	spec := e.table.Lookup(args)
	w.Proto = s.Proto
	rc := requestContext{}
	if why := e.refusal(s, spec, args); why != "" {
		e.reject(s, spec, args, &rc, w, why)
		return
	}
	e.call(s, spec, args, &rc, w)
}

// endCall ends a call that no request contains: it serves the clients that have waited
// for its effects and ends the unit of execution.
func (e *Engine) endCall() {
	if e.space.AnyReady() {
		e.serveReady()
	}
	e.endUnit()
}

// call runs the handler of a command, records its changes and informs the observer.
// It is re-entrant: EXEC and scripts run commands through it.
func (e *Engine) call(s *Session, spec *Spec, args [][]byte, rc *requestContext, w *resp.Writer) {
	if e.depth == len(e.frames) {
		e.frames = append(e.frames, new(Ctx))
	}
	c := e.frames[e.depth]
	e.depth++
	start, mark := e.tick, w.Mark()
	noTouch := e.space.NoTouch
	e.space.NoTouch = s.NoTouch && spec.Name != "touch"
	*c = Ctx{
		Engine: e, Session: s, Spec: spec, Args: args, W: w, DB: e.space.DB(s.DB),
		Nested: e.depth > 1 || s.internal, owned: e.owned,
	}
	if e.recorder == nil {
		spec.Handler(c)
	} else {
		e.runRecorded(c)
	}
	nested := c.Nested
	e.space.NoTouch = noTouch
	e.depth--
	e.tick = e.cfg.Clock.Mono()
	if s.Waiting != nil { // the call ends when it is served
		s.Waiting.captureCall(e, spec, args, rc, start)
		return
	}
	if rc.start != 0 {
		start = rc.start
	}
	call := &e.scratch
	call.Session, call.Spec, call.Args = s, spec, args
	call.TraceContext, call.Nested = rc.TraceContext, nested
	call.Start, call.End, call.Blocked = start, e.tick, rc.blocked
	call.Error, call.Rejected = w.ErrorCode(mark), false
	e.observe(&e.turn, call)
}

// observe passes a call to the observer, and its span to the session's connection.
func (e *Engine) observe(turn *Turn, call *Call) {
	if p := e.cfg.Observer.Command(turn, call); p != nil {
		call.Session.Peer.Complete(p)
	}
}
