// Package netloop owns sockets: it accepts connections, reads requests, hands
// them in batches to a [Handler], and writes the replies.
//
// A connection ([Conn]) is a state machine (state.go) with an input and an output
// buffer. Exactly one [Loop] owns it, and only that loop's goroutine touches its
// buffers. The state machine does not know its transport. There are two: an epoll
// event loop with many connections (epoll_linux.go), and a goroutine for each
// connection over net.Conn (goroutine_transport.go), for TLS, for other listeners
// and for systems without epoll.
//
// # Order
//
// The handler executes requests under a lock of its own, one batch at a time.
// While it holds that lock it may cause effects on any connection: pushes,
// replies that end a waiting request, completions and kills. An effect on a
// connection of the executing loop is applied at once. An effect on another
// loop's connection is appended to that loop's inbox. A loop drains its inbox
// after its handler has taken the lock and before it executes anything
// ([Loop.Begin]). So what a connection receives is in the order in which the lock
// was held.
//
// The package knows bytes and RESP requests, not commands. Its users are
// services/mini-redis, and every other program of this repository that accepts
// RESP connections at speed. It imports internal/resp and nothing above.
package netloop
