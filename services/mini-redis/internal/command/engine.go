// Package command is the server's core: the command table and what each command
// does to the data.
//
// One file a command group. An [Engine] executes one request of one [Session]
// at a time; whoever calls it holds the execution lock, which makes MULTI,
// WATCH, blocking commands and expiry one order without a second thought. The
// package declares what it needs of its surroundings ([Peer], [Host],
// [Observer]) and imports neither the server above it nor any telemetry.
package command

import (
	"time"

	"mini-redis/internal/resp"
	"mini-redis/services/mini-redis/internal/keyspace"
	"mini-redis/services/mini-redis/internal/pubsub"
)

// RedisVersion is the version of Redis whose behaviour this server has, as HELLO
// and INFO name it.
const RedisVersion = "7.2.4"

// Clock tells the time; tests inject their own.
type Clock interface {
	Now() time.Time // the wall clock, for expiry
	Mono() int64    // nanoseconds from an arbitrary start, never backwards, for durations
}

// Config is what an [Engine] is made of.
type Config struct {
	Databases int    // how many SELECT knows; 0 means DefaultDatabases
	Password  string // AUTH's, for the user "default"; "" means none is asked for
	Clock     Clock
	Host      Host
	Observer  Observer
	RunID     string        // 40 hexadecimal digits that name this process
	TxBytes   int           // memory that one transaction's queue may take; 0 means DefaultTxBytes
	Reply     int           // bytes a reply may grow to while it is put together; 0 means DefaultReply
	Random    func() uint64 // RANDOMKEY's; nil means the runtime's generator
}

// Defaults of [Config].
const (
	DefaultDatabases = 16
	DefaultTxBytes   = 256 << 20
	DefaultReply     = 1 << 30
)

// Engine executes requests. It is not safe for concurrent use: its owner, the
// server, guards it and all sessions with one lock.
type Engine struct {
	cfg    Config
	opener Opener // nil when the observer is none
	table  *Table
	space  *keyspace.Space
	hub    *pubsub.Hub

	turn   Turn
	tick   int64      // monotonic end of the command before this one: the next one's start
	wall   time.Time  // wall clock of the turn
	ctx    Ctx        // reused: a Ctx never outlives its handler
	call   Call       // reused likewise
	inExec bool       // EXEC runs its commands
	spans  *[]Pending // where spans go while a postponed request is carried out, else nil

	waiting    waiting
	pause      pause
	expireAt   int64 // monotonic time of the next active expiry
	expireMore bool  // the last one found so much that the next comes soon
}

// New makes an engine with empty databases.
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
	e := &Engine{cfg: cfg, table: NewTable(), space: keyspace.New(cfg.Databases, cfg.Random), hub: pubsub.NewHub()}
	e.opener, _ = cfg.Observer.(Opener)
	e.waiting.init()
	e.setClock()
	return e
}

// Table returns the commands the engine knows.
func (e *Engine) Table() *Table { return e.table }

// Keyspace returns the data, for figures and for those who keep it.
func (e *Engine) Keyspace() *keyspace.Space { return e.space }

// Hub returns the subscriptions.
func (e *Engine) Hub() *pubsub.Hub { return e.hub }

// Tick is when the last command ended, in nanoseconds of the engine's monotonic
// clock: a look at the time that costs nothing.
func (e *Engine) Tick() int64 { return e.tick }

// BlockedClients is the number of sessions that wait for a key.
func (e *Engine) BlockedClients() int { return e.waiting.count }

// SetPassword changes the password that AUTH asks for; "" asks for none.
// Sessions that have authenticated stay so.
func (e *Engine) SetPassword(password string) { e.cfg.Password = password }

// NewSession makes the session of a new connection. id is unique.
func (e *Engine) NewSession(id int64, peer Peer) *Session {
	now := e.cfg.Clock.Now()
	s := &Session{
		ID: id, Created: now, Peer: peer, Proto: 2,
		Authenticated: e.cfg.Password == "", LastActive: now,
	}
	s.Subs.Receiver = s
	return s
}

// Drop forgets a session whose connection is gone: what it watches, listens to
// and waits for.
func (e *Engine) Drop(s *Session) {
	s.discard()
	e.hub.Leave(&s.Subs)
	e.forget(s)
}

// BeginTurn opens a batch of a loop. The wall clock is read once for it, so
// that all of its commands see keys expire at the same instant.
func (e *Engine) BeginTurn(t Turn) {
	e.turn = t
	e.tick = t.LockGot
	e.setClock()
}

func (e *Engine) setClock() {
	e.wall = e.cfg.Clock.Now()
	e.space.SetNow(e.wall.UnixMilli())
}

// Exec executes one request and writes its reply, if it has one now, to w. What
// the request asks of the session (closing, blocking, protocol version) is left
// in s.
func (e *Engine) Exec(s *Session, args [][]byte, w *resp.Writer) {
	if len(args) == 0 {
		return
	}
	mark := len(w.Buf)
	w.Proto = s.Proto
	s.LastActive = e.wall
	ran := e.dispatch(s, args, w)
	if s.Reply != ReplyOn {
		s.mute(ran, w, mark)
	}
}
