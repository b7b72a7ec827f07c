// Package pubsub routes published messages to subscribers of channels and patterns.
//
// The caller's execution lock guards it. It knows neither sessions nor sockets:
// package engine gives it a [Receiver] for each client, and package command writes
// the replies of SUBSCRIBE.
//
// Source: https://redis.io/docs/latest/develop/interact/pubsub/
package pubsub

import "mini-redis/internal/resp"

// Receiver receives messages.
type Receiver interface {
	// Deliver sends a message. m is valid during the call only.
	Deliver(m *Message)
}

// Subscriber holds the subscriptions of one client. The zero value has none.
// Receiver must be set before the first subscription.
type Subscriber struct {
	Receiver Receiver
	channels set[string]
	patterns set[string]
}

// Count returns the number of channels and patterns.
func (s *Subscriber) Count() int { return len(s.channels.list) + len(s.patterns.list) }

// Channels returns the channels. The slice must be neither changed nor kept.
func (s *Subscriber) Channels() []string { return s.channels.list }

// Patterns returns the patterns. The slice must be neither changed nor kept.
func (s *Subscriber) Patterns() []string { return s.patterns.list }

// Message is a published message. It is encoded once for each protocol version.
type Message struct {
	pattern string
	matched bool // delivered because of pattern
	channel []byte
	payload []byte
	encoded [2][]byte // for RESP2 and RESP3; they do not change and may be kept
}

// Encoded returns the message as it is sent to a client of a protocol version. The
// bytes do not change and may be kept.
func (m *Message) Encoded(proto int) []byte {
	b := &m.encoded[0]
	if proto >= 3 {
		b = &m.encoded[1]
	}
	if *b != nil {
		return *b
	}
	w := resp.Writer{Proto: proto}
	if m.matched {
		w.Push(4)
		w.BulkString("pmessage")
		w.BulkString(m.pattern)
	} else {
		w.Push(3)
		w.BulkString("message")
	}
	w.Bulk(m.channel)
	w.Bulk(m.payload)
	*b = w.Buf
	return *b
}
