package command

import (
	"mini-redis/internal/resp"
	"mini-redis/services/mini-redis/internal/keyspace"
)

// killFilter says which connections CLIENT KILL closes: those that have all
// that is given.
type killFilter struct {
	id          int64
	addr, laddr string
	kind        string
	skipMe      bool
}

// clientKill: CLIENT KILL addr, CLIENT KILL filter value [filter value ...]
func clientKill(c *Ctx) {
	old := len(c.Args) == 3
	f := killFilter{skipMe: true}
	if old {
		f = killFilter{addr: string(c.Args[2])}
	} else if !c.killFilter(&f) {
		return
	}
	n := int64(0)
	for _, s := range c.Engine.sessions() {
		if !f.takes(s, c.Session) {
			continue
		}
		n++
		if s == c.Session {
			s.Closing = true
		}
		s.Peer.Kill()
	}
	switch {
	case !old:
		c.W.Int(n)
	case n == 0:
		c.W.Error("ERR No such client")
	default:
		c.W.OK()
	}
}

// killFilter reads the filters; if they are not right, the request has been answered.
func (c *Ctx) killFilter(f *killFilter) (ok bool) {
	for i := 2; i < len(c.Args); i += 2 {
		if !c.more(i, 1) {
			c.W.Error(errSyntax)
			return false
		}
		value := c.Args[i+1]
		switch {
		case c.is(i, "id"):
			if f.id, ok = keyspace.CanonicalInt(value); !ok || f.id < 1 {
				c.W.Error("ERR client-id should be greater than 0")
				return false
			}
		case c.is(i, "type"):
			if f.kind, ok = c.clientKind(i + 1); !ok {
				return false
			}
		case c.is(i, "addr"):
			f.addr = string(value)
		case c.is(i, "laddr"):
			f.laddr = string(value)
		case c.is(i, "user"):
			if string(value) != defaultUser {
				c.W.Error("ERR No such user '" + shown(value) + "'")
				return false
			}
		case c.is(i, "skipme") && (c.is(i+1, "yes") || c.is(i+1, "no")):
			f.skipMe = c.is(i+1, "yes")
		default:
			c.W.Error(errSyntax)
			return false
		}
	}
	return true
}

func (f *killFilter) takes(s, me *Session) bool {
	return (f.id == 0 || s.ID == f.id) &&
		(f.addr == "" || s.Peer.Addr() == f.addr) &&
		(f.laddr == "" || s.Peer.LocalAddr() == f.laddr) &&
		(f.kind == "" || s.kind() == f.kind) &&
		!(f.skipMe && s == me)
}

// clientUnblock: CLIENT UNBLOCK id [TIMEOUT | ERROR]
func clientUnblock(c *Ctx) {
	if len(c.Args) > 4 {
		c.subcommandSyntax()
		return
	}
	byError := false
	if len(c.Args) == 4 {
		byError = c.is(3, "error")
		if !byError && !c.is(3, "timeout") {
			c.W.Error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")
			return
		}
	}
	id, ok := c.integer(2)
	if !ok {
		return
	}
	var target *Session
	c.Engine.cfg.Host.Sessions(func(s *Session) {
		if s.ID == id {
			target = s
		}
	})
	if target == nil || target.Waiting == nil || target.Waiting.paused {
		c.flag(false)
		return
	}
	w := target.Waiting
	out := resp.Writer{Proto: target.Proto}
	if byError {
		out.Error("UNBLOCKED client unblocked via CLIENT UNBLOCK")
	} else {
		w.empty(&out)
	}
	c.flag(true)
	c.Engine.release(w, c.Engine.tick, out.Buf)
}
