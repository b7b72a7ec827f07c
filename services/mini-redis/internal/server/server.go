// Package server is the network side of mini-redis: it accepts connections,
// turns their bytes into requests for the command engine, and sends the
// replies.
//
// A connection ([conn]) is a state machine, bytes in and bytes out, that never
// blocks and does not know its transport. A [worker] drives connections: it
// parses what has been read, takes the execution lock once for the batch, runs
// it, and writes once for each connection. Two transports own workers: an epoll
// loop with many connections (loop_linux.go), and a goroutine with one, for
// listeners and systems without epoll (solo.go).
//
// Only its worker touches a connection's buffers and socket. Others, when they
// publish to it or unblock it, leave a message in the worker's [mailbox].
package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"mini-redis/console"
	"mini-redis/services/mini-redis/internal/command"
)

// Config is what a [Server] is made of.
type Config struct {
	Listener   net.Listener
	Engine     command.Config // Host is set by New
	Observer   command.Observer
	Logger     *slog.Logger
	MaxClients int // connections at a time; 0 means DefaultMaxClients
	Loops      int // epoll loops; 0 means one for every two processors
	Limits     Limits

	// The following may be nil. They are called with the execution lock held and
	// must not block.
	Info       func(sections []string) string // renders INFO's sections
	ResetStat  func()                         // clears what Info counts
	Tick       func()                         // about ten times a second
	OnShutdown func()                         // a client asks for SHUTDOWN
	// Console, when it is not nil, is told of connections, loops and locks.
	Console *console.Console
	// Solo forces the goroutine transport.
	Solo bool
}

// DefaultMaxClients is redis-server's.
const DefaultMaxClients = 10000

// Server serves RESP on one listener.
type Server struct {
	cfg     Config
	log     *slog.Logger
	clock   command.Clock
	started time.Time

	// mu is the execution lock: it guards the engine, every session, running
	// and sessions.
	mu       sync.Mutex
	engine   *command.Engine
	running  *worker // whose batch is being executed; nil for the cron
	sessions map[int64]*command.Session
	settings *settings
	watch    *watch
	keeper   *console.Task // the housekeeping, as a console sees it

	nextID   atomic.Int64
	clients  atomic.Int64 // connections open now
	counters counters
	cronKick chan struct{}
	cronAt   atomic.Int64 // monotonic time of the cron's next run
	tickAt   int64        // the cron's: monotonic time of the next Tick

	trans    transport
	life     sync.Mutex // guards serving, and stopping against it
	serving  bool
	stopping atomic.Bool
	stop     chan struct{} // closed when stopping begins
	finished chan struct{} // closed when Serve returns
}

// counters are totals since the start.
type counters struct {
	accepted, rejected, in, out atomic.Int64
	killedOutput                atomic.Int64
}

// transport accepts and carries connections.
type transport interface {
	// serve accepts until the server stops.
	serve() error
	// drain stops accepting, lets every connection send what it owes, and
	// closes it.
	drain()
	// abort closes every connection at once.
	abort()
	// size is the number of event loops.
	size() int
}

// New makes a server; Serve runs it.
func New(cfg Config) (*Server, error) {
	if cfg.Listener == nil || cfg.Observer == nil || cfg.Logger == nil {
		return nil, errors.New("server: a listener, an observer and a logger are needed")
	}
	if cfg.MaxClients == 0 {
		cfg.MaxClients = DefaultMaxClients
	}
	cfg.Limits = cfg.Limits.withDefaults()
	s := &Server{
		cfg: cfg, log: cfg.Logger, clock: cfg.Engine.Clock,
		sessions: map[int64]*command.Session{},
		cronKick: make(chan struct{}, 1), stop: make(chan struct{}), finished: make(chan struct{}),
	}
	s.started = s.clock.Now()
	if cfg.Engine.Databases == 0 {
		cfg.Engine.Databases = 16
	}
	s.cfg = cfg
	s.settings = newSettings(s)
	s.watch = newWatch(cfg.Console)
	s.keeper = s.watch.housekeeping()
	cfg.Engine.Host, cfg.Engine.Observer = host{s}, cfg.Observer
	s.engine = command.New(cfg.Engine)
	if s.watch != nil {
		s.engine.Hub().Watch(&s.watch.topics)
	}
	trans, err := newTransport(s)
	if err != nil {
		return nil, err
	}
	s.trans = trans
	return s, nil
}

// Serve accepts and serves connections until Shutdown; it then returns nil. It
// is called once.
func (s *Server) Serve() error {
	s.life.Lock()
	s.serving = true
	stopped := s.stopping.Load()
	s.life.Unlock()
	defer close(s.finished)
	if stopped {
		return s.cfg.Listener.Close()
	}
	housekeeping := make(chan struct{})
	go func() { s.cron(); close(housekeeping) }()
	err := s.trans.serve()
	if s.stopping.Load() {
		<-housekeeping
		return nil
	}
	return err
}

// Shutdown stops accepting, finishes the requests that have arrived, sends the
// replies that are owed, and closes every connection. When ctx ends first the
// rest is closed at once, and ctx's error returned.
func (s *Server) Shutdown(ctx context.Context) error {
	s.life.Lock()
	again, serving := s.stopping.Swap(true), s.serving
	s.life.Unlock()
	if !serving {
		return nil
	}
	if !again {
		close(s.stop)
		s.trans.drain()
	}
	select {
	case <-s.finished:
		return nil
	case <-ctx.Done():
		s.trans.abort()
		<-s.finished
		return ctx.Err()
	}
}

// Addr is where the server listens.
func (s *Server) Addr() net.Addr { return s.cfg.Listener.Addr() }

// Locked calls f with the execution lock held.
func (s *Server) Locked(f func()) {
	s.acquire(nil)
	defer s.unlock()
	f()
}

// acquire takes the execution lock outside of a turn, for the task.
func (s *Server) acquire(t *console.Task) {
	if !s.mu.TryLock() {
		wait := s.watch.waitForLock(t)
		s.mu.Lock()
		wait.Ready()
	}
	if s.watch != nil {
		s.watch.locked(t, s.clock.Mono())
	}
}

// unlock lets go of the execution lock.
func (s *Server) unlock() {
	s.watch.unlocked()
	s.mu.Unlock()
}

// tell logs what happens to a connection, where somebody asks for details. The
// execution lock is not held.
func (s *Server) tell(c *conn, what string) {
	ctx := context.Background()
	if !s.log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	var caller [1]uintptr
	runtime.Callers(2, caller[:])
	r := slog.NewRecord(s.clock.Now(), slog.LevelDebug, what, caller[0])
	r.AddAttrs(slog.String("peer", c.link.remote()), slog.Int64("client.id", c.session.ID))
	_ = s.log.Handler().Handle(console.NewContext(ctx, c.task), r)
}

// admit counts a new connection in, or says why not.
func (s *Server) admit() (refusal string) {
	if s.clients.Add(1) > s.settings.maxClients.Load() {
		s.clients.Add(-1)
		s.counters.rejected.Add(1)
		return "-ERR max number of clients reached\r\n"
	}
	s.counters.accepted.Add(1)
	return ""
}

// open gives a connection its session.
func (s *Server) open(c *conn) {
	s.acquire(c.worker.task)
	c.session = s.engine.NewSession(s.nextID.Add(1), c)
	s.sessions[c.session.ID] = c.session
	c.authenticated = c.session.Authenticated
	s.unlock()
	c.task = s.watch.connection(c)
	s.tell(c, "client connected")
}

// forget ends a connection's session; its worker has closed the socket.
func (s *Server) forget(c *conn) {
	s.acquire(c.worker.task)
	s.engine.Drop(c.session)
	delete(s.sessions, c.session.ID)
	s.unlock()
	s.clients.Add(-1)
}
