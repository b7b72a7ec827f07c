package engine

import (
	"strings"

	"mini-redis/internal/resp"
)

// unrestricted reports whether the session's state allows every command like spec:
// the fast check for nearly all requests.
func (s *Session) unrestricted(spec *Spec) bool {
	return s.Authenticated && (s.Tx == nil || !spec.Has(NoMulti)) && (s.Proto >= 3 || !s.Subscribed())
}

// refusal returns the error reply of a request that may not run, "" if it may. The
// checks are in the order of redis-server.
func (e *Engine) refusal(s *Session, spec *Spec, args [][]byte) string {
	switch {
	case spec == nil && e.table.lookupTopLevel(args[0]) != nil:
		return "ERR unknown subcommand '" + Shown(args[1]) + "'. Try " +
			strings.ToUpper(string(args[0])) + " HELP."
	case spec == nil:
		return unknownCommand(args)
	case !spec.ArityOK(len(args)), spec.Handler == nil:
		return arityError(spec)
	case s.Scripted && spec.Has(NoScript):
		return "ERR This Redis command is not allowed from script"
	case !s.Authenticated && !spec.Has(NoAuth):
		return "NOAUTH Authentication required."
	case s.Tx != nil && spec.Has(NoMulti):
		return "ERR Command not allowed inside a transaction"
	case e.deniedByMemory(s, spec):
		return "OOM command not allowed when used memory > 'maxmemory'."
	case s.Proto < 3 && s.Subscribed() && !spec.whileSubscribed():
		return "ERR Can't execute '" + spec.Name + "': only (P|S)SUBSCRIBE / " +
			"(P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context"
	}
	return ""
}

// deniedByMemory reports whether the memory limit forbids a command: one that may
// add data, a transaction that holds one, and the queueing of any command.
func (e *Engine) deniedByMemory(s *Session, spec *Spec) bool {
	adds := spec.Has(DenyOOM)
	switch {
	case adds, s.Tx == nil:
	case spec.Name == "exec":
		adds = s.Tx.Flags&DenyOOM != 0
	default:
		adds = !spec.Immediate
	}
	return adds && e.outOfMemory()
}

func arityError(s *Spec) string {
	return "ERR wrong number of arguments for '" + s.Name + "' command"
}

// unknownCommand returns the error for a command that does not exist. It shows up to
// 128 bytes of the arguments.
func unknownCommand(args [][]byte) string {
	var b strings.Builder
	b.WriteString("ERR unknown command '")
	b.WriteString(Shown(args[0]))
	b.WriteString("', with args beginning with: ")
	for used, i := 0, 1; i < len(args) && used < maxShown; i++ {
		arg := clip(args[i], maxShown-used)
		b.WriteString("'")
		b.WriteString(arg)
		b.WriteString("' ")
		used += len(arg) + 3
	}
	return b.String()
}

// reject writes the error reply of a request that does not run. It makes the
// transaction that is being queued fail; EXEC itself ends it.
func (e *Engine) reject(s *Session, spec *Spec, args [][]byte, rc *requestContext, w *resp.Writer, why string) {
	if s.Tx != nil {
		s.Tx.Aborted = true
	}
	if spec != nil && spec.Name == "exec" && !s.Scripted {
		if s.Tx != nil {
			s.Tx.inheritContext(rc)
		}
		s.Discard()
		why = "EXECABORT Transaction discarded because of: " + strings.TrimPrefix(why, "ERR ")
	}
	mark := w.Mark()
	w.Error(why)
	start := e.tick
	e.tick = e.cfg.Clock.Mono()
	e.observe(&e.turn, &Call{
		TraceContext: rc.TraceContext, Session: s, Spec: spec, Args: args, Nested: e.depth > 0 || s.internal,
		Start: start, End: e.tick, Error: w.ErrorCode(mark), Rejected: true,
	})
}
