package command

import (
	"go.opentelemetry.io/otel/trace"

	"mini-redis/internal/resp"
	"mini-redis/resptrace/wire"
)

// origin is what a request brings along: its caller's context, and, when it was
// postponed, the time that cost.
type origin struct {
	parent  trace.SpanContext
	traced  bool
	start   int64 // when a postponed request began, else 0
	blocked int64 // nanoseconds it waited
}

// dispatch brings a request to its handler, or refuses, queues or postpones it.
// It returns the command that was accepted, nil when the request was refused.
func (e *Engine) dispatch(s *Session, args [][]byte, w *resp.Writer) *Spec {
	spec := e.table.find(args)
	var from origin
	if spec != nil && spec == e.table.traced {
		fields, inner, err := wire.Parse(args)
		if err != nil {
			e.reject(s, spec, args, &from, w, err.Error())
			return nil
		}
		e.takeContext(s, fields, &from)
		args = inner
		spec = e.table.find(args)
	}
	if spec == nil || spec.Handler == nil || !spec.arityOK(len(args)) || !s.unrestricted(spec) {
		if why := e.refusal(s, spec, args); why != "" {
			e.reject(s, spec, args, &from, w, why)
			return nil
		}
	}
	if e.pause.until != 0 && e.postpone(s, spec, args, &from) {
		return spec
	}
	e.carryOut(s, spec, args, &from, w)
	if e.pause.overdue() {
		e.resumeAll()
	}
	return spec
}

// takeContext reads the context of a TRACED request. Before authentication it is
// ignored, so that nobody unknown makes spans.
func (e *Engine) takeContext(s *Session, fields wire.Fields, from *origin) {
	s.ContextAware = true
	if s.Authenticated {
		from.traced = true
		from.parent, _ = e.cfg.Observer.Extract(fields)
	}
}

// carryOut queues or runs a request, and serves those who have waited for what it did.
func (e *Engine) carryOut(s *Session, spec *Spec, args [][]byte, from *origin, w *resp.Writer) {
	if s.Tx != nil {
		if !spec.always {
			e.enqueue(s, spec, args, from, w)
			return
		}
		if spec.Name == "exec" {
			s.Tx.lend(from)
		}
	}
	e.run(s, spec, args, from, w)
	if e.space.AnyReady() {
		e.serveReady()
	}
}

// run calls a command's handler and tells the observer.
func (e *Engine) run(s *Session, spec *Spec, args [][]byte, from *origin, w *resp.Writer) {
	start, mark := e.tick, len(w.Buf)
	e.space.NoTouch = s.NoTouch && spec.Name != "touch"
	s.LastCommand = spec
	c := &e.ctx
	c.Engine, c.Session, c.Spec, c.Args, c.W = e, s, spec, args, w
	c.DB, c.InExec = e.space.DB(s.DB), e.inExec
	spec.Handler(c)
	e.tick = e.cfg.Clock.Mono()
	if s.Waiting != nil { // the call ends when it is served
		s.Waiting.hold(e, spec, args, from, start)
		return
	}
	if from.start != 0 {
		start = from.start
	}
	call := &e.call
	call.Session, call.Spec, call.Args = s, spec, args
	call.Parent, call.Traced, call.Queued = from.parent, from.traced, e.inExec
	call.Start, call.End, call.Blocked = start, e.tick, from.blocked
	call.Error, call.Rejected = errorCode(w.Buf[mark:]), false
	e.observe(call)
}

// observe tells the observer of a call and keeps what it wants to have back: in
// the session, unless its loop is another.
func (e *Engine) observe(call *Call) {
	p := e.cfg.Observer.Command(&e.turn, call)
	switch {
	case p == nil:
	case e.spans != nil:
		*e.spans = append(*e.spans, p)
	default:
		call.Session.Pending = append(call.Session.Pending, p)
	}
}

// errorCode returns the first word of a reply that is an error, else "".
func errorCode(reply []byte) string {
	if len(reply) == 0 || reply[0] != '-' {
		return ""
	}
	end := 1
	for end < len(reply) && reply[end] != ' ' && reply[end] != '\r' {
		end++
	}
	switch code := reply[1:end]; string(code) {
	case "ERR":
		return "ERR" // the usual one, without an allocation
	default:
		return string(code)
	}
}
