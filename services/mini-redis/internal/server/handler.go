package server

import (
	"mini-redis/internal/netloop"
	"mini-redis/services/mini-redis/internal/engine"
)

// maxHold is how many nanoseconds a loop executes under one hold of the execution lock
// before it passes the lock on.
const maxHold = 200_000

// handler is the server as netloop's handler.
type handler Server

var _ netloop.Handler = (*handler)(nil)

// Accept implements netloop.Handler.
func (h *handler) Accept() (refusal string) {
	s := (*Server)(h)
	if s.clients.Add(1) > s.settings.maxClients.Load() {
		s.clients.Add(-1)
		s.rejected.Add(1)
		return "-ERR max number of clients reached\r\n"
	}
	s.accepted.Add(1)
	return ""
}

// Refused implements netloop.Handler.
func (h *handler) Refused() { h.clients.Add(-1) }

// Open implements netloop.Handler: it creates the connection's session.
func (h *handler) Open(conn *netloop.Conn) {
	s := (*Server)(h)
	c := &client{conn: conn}
	conn.Data = c
	defer s.crashOnPanic()
	s.lock(loopTask(conn.Loop()))
	c.session = s.engine.NewSession(s.nextID.Add(1), c)
	conn.SetUpdate(c.update())
	s.unlock()
	if s.console != nil {
		c.task = s.console.Connection(conn.RemoteAddr(), c.session.ID, loopTask(conn.Loop()))
	}
	s.logConn(c, "client connected")
}

// Close implements netloop.Handler: it drops the connection's session.
func (h *handler) Close(conn *netloop.Conn) {
	s := (*Server)(h)
	c := conn.Data.(*client)
	s.locked(loopTask(conn.Loop()), func() { s.engine.Drop(c.session) })
	s.clients.Add(-1)
	what := "client disconnected"
	if conn.Overflowed() {
		what = "client closed: it exceeded its output buffer limit"
	}
	s.logConn(c, what)
	if c.task != nil {
		c.task.Drop()
	}
}

// Flushed implements netloop.Handler.
func (h *handler) Flushed(completions []any, at int64) { h.cfg.Observer.Flushed(completions, at) }

// Execute implements netloop.Handler: it executes requests under the execution lock
// until they end or the hold has lasted too long.
func (h *handler) Execute(l *netloop.Loop, requests []netloop.Request) (executed int) {
	s := (*Server)(h)
	defer s.crashOnPanic()
	ask := s.clock.Mono()
	got := ask
	if s.lock(loopTask(l)) {
		got = s.clock.Mono()
	}
	l.Begin()
	s.engine.BeginTurn(engine.Turn{Wake: l.TurnStart(), LockAsk: ask, LockGot: got})
	if s.console == nil {
		executed = s.executeBatch(l, requests, got)
	} else {
		executed = s.executeShown(l, requests, got)
	}
	l.End()
	kick := s.deadlineMoved()
	s.unlock()
	l.Wake()
	if kick {
		s.kickCron()
	}
	return executed
}

func (s *Server) executeBatch(l *netloop.Loop, requests []netloop.Request, got int64) int {
	for i := range requests {
		s.execute(l, &requests[i])
		if s.engine.Tick()-got > maxHold {
			return i + 1
		}
	}
	return len(requests)
}

// execute executes one request, unless an earlier one makes its connection wait.
func (s *Server) execute(l *netloop.Loop, r *netloop.Request) {
	conn := r.Conn
	if !conn.Executes() {
		return
	}
	c := conn.Data.(*client)
	w := conn.BeginReply(r)
	s.engine.Exec(c.session, l.Args(r), r.Owned, w)
	conn.EndReply(c.update())
}
