// Package pubsub is the server's post office: who listens to which channels and
// patterns, and what each of them is sent.
//
// Like the keyspace it is guarded by its caller's execution lock. It knows
// neither sessions nor sockets: package command hands it a [Receiver] for each
// client, and names the reply that SUBSCRIBE gives.
//
// Source: https://redis.io/docs/latest/develop/interact/pubsub/
package pubsub

import "mini-redis/internal/resp"

// Receiver is sent messages.
type Receiver interface {
	// Deliver passes a message on. m is valid during the call only.
	Deliver(m *Message)
}

// Subscriber is one client's subscriptions. The zero value has none; Receiver
// must be set before it subscribes.
type Subscriber struct {
	Receiver Receiver
	channels set[string]
	patterns set[string]
}

// Count is the number of channels and patterns.
func (s *Subscriber) Count() int { return len(s.channels.list) + len(s.patterns.list) }

// Channels returns the channels subscribed to; it is not to be changed or kept.
func (s *Subscriber) Channels() []string { return s.channels.list }

// Patterns returns the patterns subscribed to; it is not to be changed or kept.
func (s *Subscriber) Patterns() []string { return s.patterns.list }

// Message is one message on its way to its receivers. It is encoded once for
// each protocol version, however many they are.
type Message struct {
	pattern string
	matched bool // by pattern
	channel []byte
	payload []byte
	encoded [2][]byte // for RESP2 and RESP3
}

// Encoded returns the message as a client of that protocol version reads it.
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
