package command

import (
	"strings"

	"mini-redis/internal/resp"
)

// unrestricted reports whether nothing about the session can speak against a
// command: the quick answer for nearly all requests.
func (s *Session) unrestricted(spec *Spec) bool {
	return s.Authenticated && (s.Tx == nil || !spec.Has(NoMulti)) && (s.Proto >= 3 || !s.Subscribed())
}

// refusal says why a request does not run, as the text of its error reply; ""
// when it does. The checks come in redis-server's order.
func (e *Engine) refusal(s *Session, spec *Spec, args [][]byte) string {
	switch {
	case spec == nil && e.table.top1(args[0]) != nil:
		return "ERR unknown subcommand '" + shown(args[1]) + "'. Try " +
			strings.ToUpper(string(args[0])) + " HELP."
	case spec == nil:
		return unknownCommand(args)
	case !spec.arityOK(len(args)), spec.Handler == nil:
		return arityError(spec)
	case !s.Authenticated && !spec.Has(NoAuth):
		return "NOAUTH Authentication required."
	case s.Tx != nil && spec.Has(NoMulti):
		return "ERR Command not allowed inside a transaction"
	case s.Proto < 3 && s.Subscribed() && !spec.whileSubscribed():
		return "ERR Can't execute '" + spec.Name + "': only (P|S)SUBSCRIBE / " +
			"(P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context"
	}
	return ""
}

// unknownCommand is the error for a command that does not exist; it shows the
// arguments as far as 128 bytes go.
func unknownCommand(args [][]byte) string {
	var b strings.Builder
	b.WriteString("ERR unknown command '")
	b.WriteString(shown(args[0]))
	b.WriteString("', with args beginning with: ")
	for used, i := 0, 1; i < len(args) && used < mostShown; i++ {
		arg := clip(args[i], mostShown-used)
		b.WriteString("'")
		b.WriteString(arg)
		b.WriteString("' ")
		used += len(arg) + 3
	}
	return b.String()
}

// mostShown is how many bytes of a request an error shows.
const mostShown = 128

// shown is an argument as an error shows it.
func shown(arg []byte) string { return clip(arg, mostShown) }

// clip returns at most n bytes of an argument, up to the first NUL, where a
// string ends for redis-server's error texts.
func clip(arg []byte, n int) string {
	if len(arg) > n {
		arg = arg[:n]
	}
	text, _, _ := strings.Cut(string(arg), "\x00")
	return text
}

// reject answers a request that does not run. A transaction being put together
// is spoilt by it; EXEC itself ends it.
func (e *Engine) reject(s *Session, spec *Spec, args [][]byte, from *origin, w *resp.Writer, why string) {
	if s.Tx != nil {
		s.Tx.Aborted = true
	}
	if spec != nil && spec.Name == "exec" {
		if s.Tx != nil {
			s.Tx.lend(from)
		}
		s.discard()
		why = "EXECABORT Transaction discarded because of: " + strings.TrimPrefix(why, "ERR ")
	}
	mark := len(w.Buf)
	w.Error(why)
	start := e.tick
	e.tick = e.cfg.Clock.Mono()
	e.observe(&Call{
		Session: s, Spec: spec, Args: args, Parent: from.parent, Traced: from.traced,
		Start: start, End: e.tick, Error: errorCode(w.Buf[mark:]), Rejected: true,
	})
}
