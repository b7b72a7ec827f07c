package netloop

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Clock reads the monotonic time in nanoseconds from an arbitrary start. It is
// never 0.
type Clock interface{ Mono() int64 }

// Handler executes the requests of a [Server]'s connections.
type Handler interface {
	// Accept decides about a new connection. If refusal is not empty it is sent
	// to the client, and the connection is closed. Otherwise Open and Close are
	// called for it, or Refused if it is lost before it is opened.
	Accept() (refusal string)
	// Refused is called for an accepted connection that is closed before Open.
	Refused()
	// Open is called on the connection's loop before its first request.
	Open(c *Conn)
	// Execute executes requests in order and returns how many of them it has
	// dealt with, at least 1. It is called on the loop of the requests'
	// connections. The handler takes its lock, calls [Loop.Begin], executes, calls
	// [Loop.End], releases the lock and calls [Loop.Wake].
	Execute(l *Loop, requests []Request) int
	// Close is called on the connection's loop once the connection is closed. No
	// lock is held.
	Close(c *Conn)
	// Flushed returns what [Conn.Complete] was given, when the replies before it
	// have been handed to the kernel or can no longer be. at is the monotonic
	// time in nanoseconds. It may be called on several goroutines at once; the
	// slice is reused afterwards.
	Flushed(completions []any, at int64)
}

// Config configures a [Server].
type Config struct {
	Listener net.Listener // required
	Handler  Handler      // required
	Logger   *slog.Logger // required
	Clock    Clock        // required
	Loops    int          // number of epoll loops; 0 means one for every two processors
	Limits   Limits
	// Goroutines forces the goroutine transport.
	Goroutines bool
	// OnLoop is called for each epoll loop before it runs; nil for none.
	OnLoop func(l *Loop)
	// OnTurn is called on an epoll loop after each turn, with the monotonic times of
	// its start and end; nil for none.
	OnTurn func(l *Loop, began, ended int64)
	// OnEnd is called when an epoll loop has ended; nil for none.
	OnEnd func(l *Loop)
}

// Server serves the connections of one listener.
type Server struct {
	cfg     Config
	log     *slog.Logger
	clock   Clock
	handler Handler
	limits  Limits
	trans   transport

	// Guarded by the handler's lock.
	executing *Loop   // the loop whose requests are being executed; nil for none
	wakeups   []*Loop // loops whose inbox got its first effect since Begin

	in, out, overflows atomic.Int64

	life     sync.Mutex // guards serving, and stopping against it
	serving  bool
	stopping atomic.Bool
	finished chan struct{} // closed when Serve returns
}

// transport accepts and carries connections.
type transport interface {
	// serve accepts and serves connections until drain or abort.
	serve() error
	// drain stops accepting, executes the requests that have arrived, and closes
	// each connection when its output is sent.
	drain()
	// abort closes every connection at once.
	abort()
	// loops returns the event loops; none with the goroutine transport.
	loops() []*Loop
	// sweep ends completions that have waited too long (see [Server.Sweep]).
	sweep()
}

// New creates a server; Serve runs it.
func New(cfg Config) (*Server, error) {
	if cfg.Listener == nil || cfg.Handler == nil || cfg.Logger == nil || cfg.Clock == nil {
		return nil, errors.New("netloop: a listener, a handler, a logger and a clock are required")
	}
	s := &Server{
		cfg: cfg, log: cfg.Logger, clock: cfg.Clock, handler: cfg.Handler,
		limits: cfg.Limits.WithDefaults(), finished: make(chan struct{}),
	}
	trans, err := newTransport(s)
	if err != nil {
		return nil, err
	}
	s.trans = trans
	return s, nil
}

// Serve accepts and serves connections until [Server.Shutdown]; it then returns
// nil. It is called once.
func (s *Server) Serve() error {
	s.life.Lock()
	s.serving = true
	stopped := s.stopping.Load()
	s.life.Unlock()
	defer close(s.finished)
	if stopped {
		return s.cfg.Listener.Close()
	}
	err := s.trans.serve()
	if s.stopping.Load() {
		return nil
	}
	return err
}

// abortGrace is how long Shutdown waits for the loops after it has told them to
// close every connection. A loop that is stuck in its handler never answers.
const abortGrace = time.Second

// Shutdown stops accepting, executes the requests that the kernel had received,
// sends the replies, and closes every connection. If ctx ends first it closes the
// remaining connections and returns ctx's error. It returns at most one second
// after ctx ends, even if a loop is stuck.
func (s *Server) Shutdown(ctx context.Context) error {
	s.life.Lock()
	again, serving := s.stopping.Swap(true), s.serving
	s.life.Unlock()
	if !serving {
		return nil
	}
	if !again {
		s.trans.drain()
	}
	select {
	case <-s.finished:
		return nil
	case <-ctx.Done():
	}
	s.trans.abort()
	grace := time.NewTimer(abortGrace)
	defer grace.Stop()
	select {
	case <-s.finished:
		return ctx.Err()
	case <-grace.C:
		return errors.Join(ctx.Err(), errors.New("netloop: an event loop does not answer"))
	}
}

// Sweep ends the completions of connections whose output has been stalled for
// [StallLimit], so that a client that does not read cannot keep them. It is to be
// called about once a second, from any goroutine and without the handler's lock.
func (s *Server) Sweep() { s.trans.sweep() }

// Addr returns the listener's address.
func (s *Server) Addr() net.Addr { return s.cfg.Listener.Addr() }

// Loops returns the event loops. There are none with the goroutine transport.
func (s *Server) Loops() []*Loop { return s.trans.loops() }

// Stats are totals since the start.
type Stats struct {
	InputBytes  int64 // read from clients
	OutputBytes int64 // written to clients
	Overflows   int64 // connections closed because they exceeded an output limit
}

// Stats returns the totals.
func (s *Server) Stats() Stats {
	return Stats{InputBytes: s.in.Load(), OutputBytes: s.out.Load(), Overflows: s.overflows.Load()}
}

// Begin must be called after the handler has taken its lock outside of
// [Handler.Execute] and before it causes effects; see [Loop.Begin].
func (s *Server) Begin() { s.executing = nil }

// End must be called before the handler releases its lock. The handler passes
// the result to [WakeLoops] after it has released the lock.
func (s *Server) End() []*Loop {
	if len(s.wakeups) == 0 {
		return nil
	}
	list := s.wakeups
	s.wakeups = nil
	return list
}

// WakeLoops makes loops drain their inboxes.
func WakeLoops(loops []*Loop) {
	for _, l := range loops {
		l.ring()
	}
}
