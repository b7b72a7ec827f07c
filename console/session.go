package console

import (
	"context"
	"sync"

	"google.golang.org/grpc/stats"
)

// session is one viewer: its connection. Pause and Resume name no stream, so
// they are for the connection that they come over.
type session struct {
	mu      sync.Mutex
	paused  bool
	changed chan struct{} // closed at the next change
}

// state returns whether the viewer is paused, and what is closed when that
// changes.
func (s *session) state() (paused bool, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.paused, s.changed
}

func (s *session) pause(paused bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.paused == paused {
		return
	}
	s.paused = paused
	close(s.changed)
	s.changed = make(chan struct{})
}

type sessionKey struct{}

// sessionOf returns the session of the connection that a call came over.
func sessionOf(ctx context.Context) *session {
	return ctx.Value(sessionKey{}).(*session)
}

// connections gives every connection its session: of gRPC's hooks this is the
// one that sees connections.
type connections struct{}

func (connections) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context {
	return context.WithValue(ctx, sessionKey{}, &session{changed: make(chan struct{})})
}
func (connections) HandleConn(context.Context, stats.ConnStats)                     {}
func (connections) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }
func (connections) HandleRPC(context.Context, stats.RPCStats)                       {}
