// Package server connects the event loops of internal/netloop with the command
// engine. It owns the execution lock, and with it the order in which commands run.
//
// It is netloop's handler (handler.go), the engine's host (host.go) and the peer of
// each session (client.go). It runs the engine's housekeeping (cron.go), stops
// everything in order (Shutdown), and finds out when the lock or a loop is stuck
// (watchdog.go).
package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"mini-redis/internal/netloop"
	"mini-redis/services/mini-redis/internal/engine"
)

// Config configures a [Server].
type Config struct {
	Listener   net.Listener    // required
	Engine     engine.Config   // Host and Observer are set by New
	Observer   engine.Observer // required
	Logger     *slog.Logger    // required
	MaxClients int             // connections at a time; 0 means DefaultMaxClients
	Loops      int             // epoll loops; 0 means one for every two processors
	Limits     netloop.Limits
	// WatchdogLimit is how long the execution lock may be held, or a loop be busy,
	// before Healthy reports an error; 0 disables the watchdog.
	WatchdogLimit time.Duration

	// The following may be nil. They are called under the execution lock and must
	// not block.
	Info       func(sections []string) string // renders sections of INFO
	ResetStat  func()                         // resets what Info counts
	Tick       func()                         // about ten times a second
	OnShutdown func()                         // a client has sent SHUTDOWN
	// Console shows connections, loops and the lock; nil for none.
	Console Console
	// Goroutines forces the goroutine transport.
	Goroutines bool
}

// DefaultMaxClients is the default of redis-server's maxclients.
const DefaultMaxClients = 10000

// Server serves RESP on one listener.
type Server struct {
	cfg     Config
	log     *slog.Logger
	clock   engine.Clock
	started time.Time
	console Console // nil for none
	net     *netloop.Server

	// mu is the execution lock. It guards the engine, every session, and the
	// fields below it.
	mu       sync.Mutex
	engine   *engine.Engine
	settings *settings
	cronAt   int64 // monotonic time of the next run of the housekeeping
	tickAt   int64 // monotonic time of the next Tick
	sweepAt  int64 // monotonic time of the next netloop.Server.Sweep

	nextID   atomic.Int64
	clients  atomic.Int64 // open connections
	accepted atomic.Int64
	rejected atomic.Int64
	cronKick chan struct{}
	cronTask Task // nil without a console
	watchdog watchdog

	life     sync.Mutex // guards serving, and stopping against it
	serving  bool
	stopping bool
	stop     chan struct{} // closed when stopping begins
}

// New creates a server; Serve runs it.
func New(cfg Config) (*Server, error) {
	if cfg.Listener == nil || cfg.Observer == nil || cfg.Logger == nil {
		return nil, errors.New("server: a listener, an observer and a logger are required")
	}
	if cfg.MaxClients == 0 {
		cfg.MaxClients = DefaultMaxClients
	}
	if cfg.Engine.Databases == 0 {
		cfg.Engine.Databases = engine.DefaultDatabases
	}
	s := &Server{
		cfg: cfg, log: cfg.Logger, clock: cfg.Engine.Clock, console: cfg.Console,
		cronKick: make(chan struct{}, 1), stop: make(chan struct{}),
	}
	s.started = s.clock.Now()
	s.cfg.Limits = cfg.Limits.WithDefaults()
	if s.cfg.MaxClients = fitDescriptors(cfg.MaxClients); s.cfg.MaxClients < cfg.MaxClients {
		s.log.Warn("maxclients lowered to the limit of open files", "requested", cfg.MaxClients, "maxclients", s.cfg.MaxClients)
	}
	s.settings = newSettings(s)
	cfg.Engine.Host, cfg.Engine.Observer = host{s}, cfg.Observer
	s.engine = engine.New(cfg.Engine)
	if s.console != nil {
		s.cronTask = s.console.Housekeeping()
		s.engine.Hub().SetMonitor(s.console)
	}
	return s, s.newNet()
}

func (s *Server) newNet() (err error) {
	cfg := netloop.Config{
		Listener: s.cfg.Listener, Handler: (*handler)(s), Logger: s.log, Clock: s.clock,
		Loops: s.cfg.Loops, Limits: s.cfg.Limits, Goroutines: s.cfg.Goroutines,
	}
	if s.console != nil {
		cfg.OnLoop, cfg.OnTurn = s.showLoop, showTurn
		cfg.OnEnd = func(l *netloop.Loop) { loopTask(l).Drop() }
	}
	s.net, err = netloop.New(cfg)
	return err
}

// Serve accepts and serves connections until Shutdown; it then returns nil. It is
// called once.
func (s *Server) Serve() error {
	s.life.Lock()
	s.serving = true
	s.life.Unlock()
	var background sync.WaitGroup
	background.Add(2)
	go func() { defer background.Done(); s.cron() }()
	go func() { defer background.Done(); s.watch() }()
	err := s.net.Serve()
	s.life.Lock()
	stopping := s.stopping
	s.life.Unlock()
	if stopping {
		background.Wait()
	}
	return err
}

// Shutdown stops accepting, executes the requests that have arrived, sends the
// replies, and closes every connection. If ctx ends first, it closes the remaining
// connections and returns ctx's error. It returns at most about a second after ctx
// ends, even if the execution lock is stuck.
func (s *Server) Shutdown(ctx context.Context) error {
	s.life.Lock()
	again, serving := s.stopping, s.serving
	s.stopping = true
	s.life.Unlock()
	if !again {
		close(s.stop)
	}
	if serving && !again {
		stopped := make(chan struct{})
		go func() { // another goroutine: the lock may be stuck
			s.Locked(s.engine.Stop)
			close(stopped)
		}()
		select {
		case <-stopped:
		case <-ctx.Done():
		}
	}
	return s.net.Shutdown(ctx)
}

// Addr returns the listener's address.
func (s *Server) Addr() net.Addr { return s.cfg.Listener.Addr() }

// Engine returns the command engine; the caller holds the lock ([Server.Locked]).
func (s *Server) Engine() *engine.Engine { return s.engine }

// Locked calls f under the execution lock. A panic in f ends the process.
func (s *Server) Locked(f func()) { s.locked(nil, f) }

// locked calls f under the execution lock on behalf of a task.
func (s *Server) locked(t Task, f func()) {
	defer s.crashOnPanic()
	s.lock(t)
	s.net.Begin()
	f()
	wake := s.net.End()
	s.unlock()
	netloop.WakeLoops(wake)
}

// lock takes the execution lock on behalf of a task.
func (s *Server) lock(t Task) (waited bool) {
	if waited = !s.mu.TryLock(); waited {
		s.waitForLock(t)
	}
	if s.console != nil {
		s.console.LockTaken(t, s.clock.Mono())
	}
	return waited
}

func (s *Server) waitForLock(t Task) {
	if s.console == nil {
		s.mu.Lock()
		return
	}
	done := s.console.LockWait(t)
	s.mu.Lock()
	done()
}

func (s *Server) unlock() {
	if s.console != nil {
		s.console.LockReleased()
	}
	s.mu.Unlock()
}
