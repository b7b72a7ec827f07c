// Package engine executes requests: it finds the command of a request, checks
// whether it may run, queues it in a transaction, postpones it during a pause,
// runs its handler, and serves the clients that wait for its effects.
//
// An [Engine] executes one request of one [Session] at a time. Its caller holds
// the execution lock, which gives transactions, WATCH, blocking commands, expiry
// and the record of changes one order.
//
// Everything that a request causes is passed on in that order: replies, pushes and
// completions to the session's [Peer], changes of the data to the [Recorder], calls
// to the [Observer]. The package declares these interfaces and imports neither the
// server above it nor a telemetry SDK. The commands themselves are in package
// command, the data in package keyspace, the subscriptions in package pubsub.
package engine

import (
	"time"

	"mini-redis/internal/resp"
	"mini-redis/services/mini-redis/internal/keyspace"
	"mini-redis/services/mini-redis/internal/pubsub"
)

// RedisVersion is the version of Redis whose behaviour the server has, as HELLO
// and INFO report it.
const RedisVersion = "7.2.4"

// Config configures an [Engine].
type Config struct {
	Commands  []*Spec // rows of the command table; required
	Databases int     // number of databases; 0 means DefaultDatabases
	Password  string  // of the user "default"; "" means that none is required
	Clock     Clock   // required
	Host      Host    // required
	Observer  Observer
	Recorder  Recorder      // nil: changes are not recorded
	RunID     string        // 40 hexadecimal digits that identify the process
	MaxMemory int64         // bytes of keys and values above which DenyOOM commands fail; 0 means no limit
	TxBytes   int           // memory of one transaction's queue; 0 means DefaultTxBytes
	Reply     int           // largest reply of a command that builds it from many parts; 0 means DefaultReply
	Random    func() uint64 // for RANDOMKEY; nil means the runtime's generator
}

// Defaults of [Config].
const (
	DefaultDatabases = 16
	DefaultTxBytes   = 256 << 20
	DefaultReply     = 1 << 30
)

// Engine executes requests. It is not safe for concurrent use: one lock guards it
// and all of its sessions.
type Engine struct {
	cfg      Config
	opener   Opener // nil if the observer is none
	recorder Recorder
	table    *Table
	space    *keyspace.Space
	hub      *pubsub.Hub
	sessions map[int64]*Session
	password password

	turn    Turn
	tick    int64     // monotonic time at which the last command ended
	wall    time.Time // wall clock of the turn
	frames  []*Ctx    // one for each depth of nested calls
	depth   int       // number of calls that are running
	owned   bool      // see Exec
	scratch Call      // reused for each call to the observer

	changes []Change // of the current unit of execution
	expired int64    // keys that expired in the current unit: changes that are recorded already

	waiting    waiting
	pause      pause
	doomed     []*Session // killed during a delivery: dropped when the request ends
	stopping   bool
	expireAt   int64 // monotonic time of the next active expiry
	expireMore bool  // the last active expiry or resize of a table left work to do
}

// New creates an engine with empty databases.
func New(cfg Config) *Engine {
	if cfg.Databases == 0 {
		cfg.Databases = DefaultDatabases
	}
	if cfg.TxBytes == 0 {
		cfg.TxBytes = DefaultTxBytes
	}
	if cfg.Reply == 0 {
		cfg.Reply = DefaultReply
	}
	e := &Engine{
		cfg: cfg, table: NewTable(cfg.Commands), space: keyspace.New(cfg.Databases, cfg.Random),
		hub: pubsub.NewHub(), sessions: map[int64]*Session{},
	}
	e.opener, _ = cfg.Observer.(Opener)
	e.waiting.init()
	e.password.set(cfg.Password)
	e.SetRecorder(cfg.Recorder)
	e.setClock()
	return e
}

// Table returns the command table.
func (e *Engine) Table() *Table { return e.table }

// Keyspace returns the data.
func (e *Engine) Keyspace() *keyspace.Space { return e.space }

// Hub returns the subscriptions.
func (e *Engine) Hub() *pubsub.Hub { return e.hub }

// Host returns the server around the engine.
func (e *Engine) Host() Host { return e.cfg.Host }

// Clock returns the engine's clock.
func (e *Engine) Clock() Clock { return e.cfg.Clock }

// Wall returns the wall clock time of the current turn.
func (e *Engine) Wall() time.Time { return e.wall }

// Tick returns the monotonic time at which the last command ended, in nanoseconds.
// It reads no clock.
func (e *Engine) Tick() int64 { return e.tick }

// MaxReply returns the largest reply, in bytes, of a command that builds it from
// many parts.
func (e *Engine) MaxReply() int { return e.cfg.Reply }

// BlockedClients returns the number of sessions that wait for a key.
func (e *Engine) BlockedClients() int { return e.waiting.count }

// MaxMemory returns the limit of the memory of keys and values in bytes, 0 for no
// limit.
func (e *Engine) MaxMemory() int64 { return e.cfg.MaxMemory }

// SetMaxMemory changes the limit of the memory of keys and values, in bytes; 0
// means no limit.
func (e *Engine) SetMaxMemory(n int64) { e.cfg.MaxMemory = n }

// outOfMemory reports whether the data exceeds the memory limit. While a record is
// replayed no limit applies: its changes have been allowed before.
func (e *Engine) outOfMemory() bool {
	return e.cfg.MaxMemory > 0 && !e.space.Loading && e.space.Memory() > e.cfg.MaxMemory
}

// BeginTurn starts a batch of requests. The wall clock is read once for a batch:
// all of its commands see keys expire at the same instant.
func (e *Engine) BeginTurn(t Turn) {
	e.turn = t
	e.tick = t.LockGot
	e.setClock()
}

func (e *Engine) setClock() {
	e.wall = e.cfg.Clock.Now()
	e.space.SetNow(e.wall.UnixMilli())
}

// Exec executes one request of a client and writes its reply, if it has one now,
// to w. What the request changes about the session (closing, waiting, protocol
// version) is left in s. owned says that the memory of args is not reused afterwards:
// a command may then keep a large argument instead of copying it.
func (e *Engine) Exec(s *Session, args [][]byte, owned bool, w *resp.Writer) {
	if len(args) == 0 {
		return
	}
	e.owned = owned
	w.Proto = s.Proto
	s.LastActive = e.wall
	mark := w.Mark()
	e.dispatch(s, args, w)
	s.mute(w, mark)
	e.owned = false
	e.endUnit()
}

// endUnit ends a unit of execution: a request, a served client, a step of the
// housekeeping.
func (e *Engine) endUnit() {
	if len(e.changes) > 0 {
		e.flushRecord()
	}
	if len(e.doomed) > 0 {
		e.dropDoomed()
	}
}
