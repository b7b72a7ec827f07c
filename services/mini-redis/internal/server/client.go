package server

import (
	"context"
	"log/slog"
	"runtime"

	"mini-redis/internal/netloop"
	"mini-redis/services/mini-redis/internal/engine"
)

// client is a connection with its session: the session's peer.
type client struct {
	conn    *netloop.Conn
	session *engine.Session
	task    Task // nil without a console
}

var _ engine.Peer = (*client)(nil)

// Push implements engine.Peer.
func (c *client) Push(p []byte) bool { return c.conn.Push(p) }

// Reply implements engine.Peer.
func (c *client) Reply(p []byte) { c.conn.Reply(p, c.update()) }

// Complete implements engine.Peer.
func (c *client) Complete(p engine.Pending) { c.conn.Complete(p) }

// Kill implements engine.Peer.
func (c *client) Kill() { c.conn.Kill() }

// Addr implements engine.Peer.
func (c *client) Addr() string { return c.conn.RemoteAddr() }

// LocalAddr implements engine.Peer.
func (c *client) LocalAddr() string { return c.conn.LocalAddr() }

// update returns what the session's state means for the connection. The lock is held.
func (c *client) update() netloop.Update {
	s := c.session
	u := netloop.Update{Trusted: s.Authenticated, Subscriber: s.Subscribed(), Close: s.Closing}
	switch {
	case s.Waiting == nil:
	case s.Paused():
		u.Wait = netloop.WaitTurn
	default:
		u.Wait = netloop.WaitData
	}
	if c.task != nil {
		c.task.Waits(s.WaitingOperation())
	}
	return u
}

// logConn logs an event of a connection at level debug. The lock is not held.
func (s *Server) logConn(c *client, what string) {
	ctx := context.Background()
	if !s.log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	var caller [1]uintptr
	runtime.Callers(2, caller[:])
	r := slog.NewRecord(s.clock.Now(), slog.LevelDebug, what, caller[0])
	r.AddAttrs(slog.String("peer", c.conn.RemoteAddr()), slog.Int64("client.id", c.session.ID))
	if c.task != nil {
		ctx = c.task.Context(ctx)
	}
	_ = s.log.Handler().Handle(ctx, r)
}
