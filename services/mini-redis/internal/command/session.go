package command

import (
	"time"

	"mini-redis/internal/resp"
	"mini-redis/services/mini-redis/internal/pubsub"
)

// Session is a client's state as commands see and change it. It is guarded by
// the execution lock, but for Peer, ID and Created, which never change.
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
	ContextAware     bool // speaks TRACED: a command without context is never a root
	Closing          bool // after QUIT: nothing more is read
	NoEvict, NoTouch bool

	Tx      *Tx      // non-nil between MULTI and EXEC
	Watched *Watched // non-nil after WATCH
	Subs    pubsub.Subscriber
	Waiting *Waiter   // non-nil while blocked
	Pending []Pending // spans that end when the replies are flushed; the owner's

	LastCommand *Spec
	LastActive  time.Time // of the last request
}

// ReplyMode is CLIENT REPLY's setting.
type ReplyMode uint8

// The settings of CLIENT REPLY. Skipping drops one reply.
const (
	ReplyOn ReplyMode = iota
	ReplyOff
	ReplySkipNext // set by CLIENT REPLY SKIP, which has no reply itself
	Skipping      // the request after it
)

// Blocked reports whether the session waits for a key; what the client sends
// meanwhile stays unread.
func (s *Session) Blocked() bool { return s.Waiting != nil }

// Subscribed reports whether the session is in subscribe mode, in which RESP2
// allows few commands.
func (s *Session) Subscribed() bool { return s.Subs.Count() > 0 }

// Deliver implements pubsub.Receiver.
func (s *Session) Deliver(m *pubsub.Message) { s.Peer.Push(m.Encoded(s.Proto)) }

// mute drops the reply of the command that ran, nil for none, which w holds from
// mark on, when CLIENT REPLY says so, and moves the setting on at the end of a
// request. What is not a reply but a push goes through.
func (s *Session) mute(ran *Spec, w *resp.Writer, mark int) {
	if s.Waiting != nil {
		return // the request has not ended
	}
	if ran == nil || !ran.pushes {
		w.Buf = w.Buf[:mark]
	}
	switch s.Reply {
	case ReplySkipNext:
		s.Reply = Skipping
	case Skipping:
		s.Reply = ReplyOn
	}
}
