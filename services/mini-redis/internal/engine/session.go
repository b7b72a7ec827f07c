package engine

import (
	"slices"
	"time"

	"mini-redis/internal/resp"
	"mini-redis/services/mini-redis/internal/keyspace"
	"mini-redis/services/mini-redis/internal/pubsub"
)

// Session is the state of a client. The execution lock guards it, except Peer, ID
// and Created, which never change.
type Session struct {
	ID      int64
	Created time.Time
	Peer    Peer

	Proto            int // 2 or 3
	DB               int
	Authenticated    bool
	Name             string
	LibName          string
	LibVer           string
	Reply            ReplyMode
	ContextAware     bool // the client speaks TRACED: a command without context begins no trace
	Closing          bool // after QUIT: no further request is executed
	Scripted         bool // commands come from a script: NoScript commands are refused
	NoEvict, NoTouch bool

	Tx      *Tx              // non-nil between MULTI and EXEC
	Watched keyspace.Watcher // the keys of WATCH
	Subs    pubsub.Subscriber
	Waiting *Waiter // non-nil while a request waits for a key or for the end of a pause

	LastCommand *Spec     // of the last request; nil before the first and after an unknown command
	LastActive  time.Time // of the last request

	Observed any // belongs to the observer

	engine   *Engine
	pushes   resp.Writer // pushes of the current request while its reply is muted
	internal bool        // has no connection
	doomed   bool        // the connection was killed: Drop follows when the request ends
	dropped  bool        // Drop has been called
}

// ReplyMode is the setting of CLIENT REPLY.
type ReplyMode uint8

// The settings of CLIENT REPLY. Skipping drops one reply.
const (
	ReplyOn ReplyMode = iota
	ReplyOff
	ReplySkipNext // set by CLIENT REPLY SKIP, which has no reply itself
	Skipping      // the request after it
)

// NewSession creates the session of a new client. id is unique and positive. A nil
// peer makes a session without a connection, for a script or a replayed record: it is
// authenticated, never blocks, and is no client that CLIENT LIST shows.
func (e *Engine) NewSession(id int64, peer Peer) *Session {
	internal := peer == nil
	if internal {
		peer = noPeer{}
	}
	now := e.cfg.Clock.Now()
	s := &Session{
		ID: id, Created: now, Peer: peer, Proto: 2,
		Authenticated: internal || !e.password.required, LastActive: now, engine: e, internal: internal,
	}
	s.Subs.Receiver = s
	if !internal {
		e.sessions[id] = s
	}
	return s
}

// Drop ends a session: its transaction, its subscriptions, what it watches and what
// it waits for. Further calls do nothing.
func (e *Engine) Drop(s *Session) {
	if s.dropped {
		return
	}
	s.dropped = true
	s.Discard()
	e.hub.Leave(&s.Subs)
	e.forget(s)
	if e.sessions[s.ID] == s {
		delete(e.sessions, s.ID)
	}
}

// Kill drops a session and closes its connection at once; unsent replies are lost,
// as in Redis.
func (e *Engine) Kill(s *Session) {
	e.Drop(s)
	s.Peer.Kill()
}

// dropDoomed drops the sessions whose connections were killed during a delivery.
func (e *Engine) dropDoomed() {
	for i, s := range e.doomed {
		e.Drop(s)
		e.doomed[i] = nil
	}
	e.doomed = e.doomed[:0]
}

// Session returns the session with that ID, nil if there is none.
func (e *Engine) Session(id int64) *Session { return e.sessions[id] }

// Sessions returns all sessions in the order in which they were created.
func (e *Engine) Sessions() []*Session {
	all := make([]*Session, 0, len(e.sessions))
	for _, s := range e.sessions {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b *Session) int { return int(a.ID - b.ID) })
	return all
}

// Subscribers returns the number of sessions that are subscribed to a channel or a
// pattern.
func (e *Engine) Subscribers() (n int64) {
	for _, s := range e.sessions {
		if s.Subscribed() {
			n++
		}
	}
	return n
}

// Blocked reports whether a request of the session waits; the requests behind it
// wait too.
func (s *Session) Blocked() bool { return s.Waiting != nil }

// WaitingOperation returns the name of the command that waits, "" if none does.
func (s *Session) WaitingOperation() string {
	if s.Waiting == nil {
		return ""
	}
	return s.Waiting.operation()
}

// Paused reports whether the session waits for the end of a pause.
func (s *Session) Paused() bool { return s.Waiting != nil && s.Waiting.paused }

// Subscribed reports whether the session is in subscribe mode, in which RESP2
// allows only a few commands.
func (s *Session) Subscribed() bool { return s.Subs.Count() > 0 }

// Deliver implements pubsub.Receiver. A session whose connection cannot take the
// message is dropped when the request ends: the hub is iterating now.
func (s *Session) Deliver(m *pubsub.Message) {
	if s.dropped || s.doomed {
		return
	}
	if !s.Peer.Push(m.Encoded(s.Proto)) {
		s.doomed = true
		s.engine.doomed = append(s.engine.doomed, s)
	}
}

// mute drops the reply that w holds from mark on, if CLIENT REPLY says so, and
// moves the setting on at the end of a request. Pushes are kept: they are not
// replies.
func (s *Session) mute(w *resp.Writer, mark resp.Mark) {
	if s.Reply != ReplyOn || len(s.pushes.Buf) > 0 {
		s.muteReply(w, mark)
	}
}

func (s *Session) muteReply(w *resp.Writer, mark resp.Mark) {
	if s.Waiting != nil {
		return // the request has not ended
	}
	if s.Reply != ReplyOn {
		w.Truncate(mark)
	}
	if len(s.pushes.Buf) > 0 {
		w.Raw(s.pushes.Buf)
		s.pushes.Buf = nil
	}
	switch s.Reply {
	case ReplySkipNext:
		s.Reply = Skipping
	case Skipping:
		s.Reply = ReplyOn
	}
}
