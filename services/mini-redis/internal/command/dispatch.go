package command

import (
	"go.opentelemetry.io/otel/trace"

	"mini-redis/internal/resp"
	"mini-redis/resptrace/wire"
)

// origin is where a request came from: the caller's context.
type origin struct {
	parent trace.SpanContext
	traced bool
}

// dispatch brings a request to its handler, or refuses or queues it.
func (e *Engine) dispatch(s *Session, args [][]byte, w *resp.Writer) {
	spec := e.table.find(args)
	var from origin
	if spec != nil && spec == e.table.traced {
		fields, inner, err := wire.Parse(args)
		if err != nil {
			e.reject(s, spec, args, &from, w, err.Error())
			return
		}
		s.ContextAware = true
		from.traced = true
		from.parent, _ = e.cfg.Observer.Extract(fields)
		args = inner
		spec = e.table.find(args)
	}
	if spec == nil || !spec.arityOK(len(args)) || spec.Handler == nil || !s.unrestricted(spec) {
		if why := e.refusal(s, spec, args); why != "" {
			e.reject(s, spec, args, &from, w, why)
			return
		}
	}
	if s.Tx != nil && !spec.always {
		e.enqueue(s, spec, args, &from, w)
		return
	}
	if e.pause.until != 0 && e.postpone(s, spec, args, &from) {
		return
	}
	e.run(s, spec, args, &from, w)
	if e.space.AnyReady() {
		e.serveReady()
	}
}

// run calls a command's handler and tells the observer.
func (e *Engine) run(s *Session, spec *Spec, args [][]byte, from *origin, w *resp.Writer) {
	start, mark := e.tick, len(w.Buf)
	e.space.NoTouch = s.NoTouch && spec.Name != "touch"
	c := &e.ctx
	c.Engine, c.Session, c.Spec, c.Args, c.W = e, s, spec, args, w
	c.DB, c.InExec = e.space.DB(s.DB), e.inExec
	spec.Handler(c)
	s.LastCommand = spec
	e.tick = e.cfg.Clock.Mono()
	if s.Waiting != nil { // the call ends when it is served
		s.Waiting.hold(e, spec, args, from, start)
		return
	}
	call := &e.call
	call.Session, call.Spec, call.Args = s, spec, args
	call.Parent, call.Traced, call.Queued = from.parent, from.traced, e.inExec
	call.Start, call.End, call.Blocked = start, e.tick, 0
	call.Error, call.Rejected = errorCode(w.Buf[mark:]), false
	e.observe(call)
}

// observe tells the observer of a call and keeps what it wants to have back.
func (e *Engine) observe(call *Call) {
	if p := e.cfg.Observer.Command(&e.turn, call); p != nil {
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
	return string(reply[1:end])
}
