package observe

import "mini-redis/services/mini-redis/internal/engine"

// endsCache remembers the two ends of connections. Asking a connection for them
// may cost a system call and two strings, which a traced command would pay for
// with the execution lock held. The cache has a fixed number of places: a
// connection takes its place from the one whose number falls on the same.
// Session numbers are never used twice, so no entry can be wrong.
type endsCache struct {
	names  *names
	places []ends // allocated with the first traced call
}

// ends are a connection's two ends.
type ends struct {
	session int64  // its number, from 1
	local   int64  // number of its own address
	peer    string // the client's address
}

// cachedEnds is the number of places, a power of two.
const cachedEnds = 1024

// of returns the ends of a session's connection.
func (c *endsCache) of(s *engine.Session) *ends {
	if c.places == nil {
		c.places = make([]ends, cachedEnds)
	}
	e := &c.places[s.ID&(cachedEnds-1)]
	if e.session != s.ID || s.ID <= 0 {
		*e = ends{session: s.ID, local: int64(c.names.locals.id(s.Peer.LocalAddr())), peer: s.Peer.Addr()}
	}
	return e
}
