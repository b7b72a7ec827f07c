package console

import (
	"context"
	"sync"

	"google.golang.org/grpc/stats"
)

// viewerConn is the state of one viewer's connection. The requests Pause and Resume name no stream,
// so they apply to the connection on which they arrive.
type viewerConn struct {
	mu      sync.Mutex
	paused  bool
	changed chan struct{} // closed at the next change
}

// state reports whether the viewer is paused, and returns a channel that is closed when that
// changes.
func (s *viewerConn) state() (paused bool, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.paused, s.changed
}

func (s *viewerConn) pause(paused bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.paused == paused {
		return
	}
	s.paused = paused
	close(s.changed)
	s.changed = make(chan struct{})
}

type viewerConnKey struct{}

// viewerConnOf returns the state of the connection on which the call with context ctx arrived.
func viewerConnOf(ctx context.Context) *viewerConn {
	return ctx.Value(viewerConnKey{}).(*viewerConn)
}

// connTagger attaches a viewerConn to each connection. It is a stats.Handler, because that is the
// hook of gRPC that sees connections.
type connTagger struct{}

func (connTagger) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context {
	return context.WithValue(ctx, viewerConnKey{}, &viewerConn{changed: make(chan struct{})})
}
func (connTagger) HandleConn(context.Context, stats.ConnStats)                     {}
func (connTagger) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }
func (connTagger) HandleRPC(context.Context, stats.RPCStats)                       {}
