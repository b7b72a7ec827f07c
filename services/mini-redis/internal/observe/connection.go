package observe

import (
	"sync/atomic"

	"mini-redis/services/mini-redis/internal/engine"
)

// connection is what the observer keeps for a session, in Session.Observed. It is created
// with the session's first span: to ask a connection for its addresses may cost a system
// call and two strings.
type connection struct {
	peer    string       // the client's address as "ip:port"
	local   int64        // number of the server's address in names.locals
	pending atomic.Int64 // pending spans
}

// connectionOf returns the connection of a session.
func (o *Observer) connectionOf(s *engine.Session) *connection {
	if c, ok := s.Observed.(*connection); ok {
		return c
	}
	c := &connection{peer: s.Peer.Addr(), local: int64(o.names.locals.id(s.Peer.LocalAddr()))}
	s.Observed = c
	return c
}
