package server

import (
	"sync"

	"mini-redis/services/mini-redis/internal/command"
)

type messageKind uint8

const (
	messagePush     messageKind = iota // append data to the output
	messageUnblock                     // likewise, and go on with the requests behind it
	messageKill                        // close when the output is sent
	messageOverflow                    // close now
	messageAdopt                       // a new connection
	messageDrain                       // the server stops: finish and close all
	messageAbort                       // close all now
)

// message is what others want of a worker.
type message struct {
	kind    messageKind
	c       *conn
	data    []byte
	pending command.Pending
	state   state // of the session, after an unblock
}

// mailbox is a worker's queue of messages. It is not bounded itself: what it
// holds for a connection is charged to the connection.
type mailbox struct {
	mu   sync.Mutex
	list []message
	wake func() // makes the worker look; called when the first message is put
}

func (m *mailbox) put(msg message) {
	m.mu.Lock()
	first := len(m.list) == 0
	m.list = append(m.list, msg)
	m.mu.Unlock()
	if first {
		m.wake()
	}
}

// waiting is how many messages there are.
func (m *mailbox) waiting() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.list)
}

// take returns all messages and leaves spare in their place.
func (m *mailbox) take(spare []message) []message {
	m.mu.Lock()
	list := m.list
	m.list = spare[:0]
	m.mu.Unlock()
	return list
}
