package command

import (
	"mini-redis/services/mini-redis/internal/engine"
	"mini-redis/services/mini-redis/internal/keyspace"
)

// killFilter is the conjunction of the filters of CLIENT KILL.
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
	} else if !parseKillFilter(c, &f) {
		return
	}
	n := int64(0)
	for _, s := range c.Engine.Sessions() {
		if !f.matches(s, c.Session) {
			continue
		}
		n++
		if s == c.Session {
			s.Closing = true // after the reply
			continue
		}
		c.Engine.Kill(s)
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

// parseKillFilter parses the filters. If they are invalid, it writes the error reply
// and returns false.
func parseKillFilter(c *Ctx, f *killFilter) (ok bool) {
	for i := 2; i < len(c.Args); i += 2 {
		if !c.More(i, 1) {
			c.W.Error(errSyntax)
			return false
		}
		value := c.Args[i+1]
		switch {
		case c.Is(i, "id"):
			if f.id, ok = keyspace.CanonicalInt(value); !ok || f.id < 1 {
				c.W.Error("ERR client-id should be greater than 0")
				return false
			}
		case c.Is(i, "type"):
			if f.kind, ok = clientKind(c, i+1); !ok {
				return false
			}
		case c.Is(i, "addr"):
			f.addr = string(value)
		case c.Is(i, "laddr"):
			f.laddr = string(value)
		case c.Is(i, "user"):
			if string(value) != engine.DefaultUser {
				c.W.Error("ERR No such user '" + engine.Shown(value) + "'")
				return false
			}
		case c.Is(i, "skipme") && (c.Is(i+1, "yes") || c.Is(i+1, "no")):
			f.skipMe = c.Is(i+1, "yes")
		default:
			c.W.Error(errSyntax)
			return false
		}
	}
	return true
}

func (f *killFilter) matches(s, me *engine.Session) bool {
	return (f.id == 0 || s.ID == f.id) &&
		(f.addr == "" || s.Peer.Addr() == f.addr) &&
		(f.laddr == "" || s.Peer.LocalAddr() == f.laddr) &&
		(f.kind == "" || sessionKind(s) == f.kind) &&
		!(f.skipMe && s == me)
}

// clientUnblock: CLIENT UNBLOCK id [TIMEOUT | ERROR]
func clientUnblock(c *Ctx) {
	if len(c.Args) > 4 {
		c.SubcommandSyntax()
		return
	}
	byError := false
	if len(c.Args) == 4 {
		byError = c.Is(3, "error")
		if !byError && !c.Is(3, "timeout") {
			c.W.Error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")
			return
		}
	}
	id, ok := c.Integer(2)
	if !ok {
		return
	}
	target := c.Engine.Session(id)
	if target == nil {
		c.Flag(false)
		return
	}
	reply := ""
	if byError {
		reply = "UNBLOCKED client unblocked via CLIENT UNBLOCK"
	}
	c.Flag(c.Engine.EndWait(target, reply))
}
