package command

import (
	"slices"
	"strconv"
	"strings"

	"mini-redis/services/mini-redis/internal/keyspace"
)

// clientKinds are the types of connections that CLIENT LIST and KILL know. There
// are no replicas and no master here.
var clientKinds = [...]string{"normal", "slave", "replica", "pubsub", "master"}

// kind is the type of a session.
func (s *Session) kind() string {
	if s.Subscribed() {
		return "pubsub"
	}
	return "normal"
}

// clientKind reads argument i, a type of connections; if it is none the request
// has been answered.
func (c *Ctx) clientKind(i int) (string, bool) {
	for _, k := range clientKinds {
		if c.is(i, k) {
			return k, true
		}
	}
	c.W.Error("ERR Unknown client type '" + shown(c.Args[i]) + "'")
	return "", false
}

// sessions returns the connected sessions in the order in which they came.
func (e *Engine) sessions() []*Session {
	var all []*Session
	e.cfg.Host.Sessions(func(s *Session) { all = append(all, s) })
	slices.SortFunc(all, func(a, b *Session) int { return int(a.ID - b.ID) })
	return all
}

// clientInfo: CLIENT INFO
func clientInfo(c *Ctx) { c.W.Verbatim("txt", c.describe(c.Session)) }

// clientList: CLIENT LIST [TYPE type | ID id [id ...]]
func clientList(c *Ctx) {
	var keep func(*Session) bool
	switch {
	case len(c.Args) == 2:
		keep = func(*Session) bool { return true }
	case len(c.Args) == 4 && c.is(2, "type"):
		kind, ok := c.clientKind(3)
		if !ok {
			return
		}
		keep = func(s *Session) bool { return s.kind() == kind }
	case len(c.Args) >= 4 && c.is(2, "id"):
		c.listByID()
		return
	default:
		c.W.Error(errSyntax)
		return
	}
	var b strings.Builder
	for _, s := range c.Engine.sessions() {
		if keep(s) {
			b.WriteString(c.describe(s))
		}
	}
	c.W.Verbatim("txt", b.String())
}

// listByID writes the sessions that the arguments name, in that order.
func (c *Ctx) listByID() {
	all := map[int64]*Session{}
	c.Engine.cfg.Host.Sessions(func(s *Session) { all[s.ID] = s })
	var b strings.Builder
	for _, arg := range c.Args[3:] {
		id, ok := keyspace.CanonicalInt(arg)
		if !ok {
			c.W.Error("ERR Invalid client ID")
			return
		}
		if s := all[id]; s != nil {
			b.WriteString(c.describe(s))
		}
	}
	c.W.Verbatim("txt", b.String())
}

// describe is a session's line in CLIENT LIST: the fields of redis-server 7.2 in
// its order, without those that nobody here knows (buffers belong to the
// connection's owner, and may not be read from here).
func (c *Ctx) describe(s *Session) string {
	now := c.Engine.wall
	multi, multiMem := -1, 0
	if s.Tx != nil {
		multi, multiMem = len(s.Tx.Queue), s.Tx.Bytes
	}
	command := "NULL"
	if s.LastCommand != nil {
		command = s.LastCommand.Name
	}
	b := make([]byte, 0, 256)
	text := func(name, value string) {
		b = append(append(append(b, name...), '='), value...)
		b = append(b, ' ')
	}
	number := func(name string, value int64) { text(name, strconv.FormatInt(value, 10)) }
	number("id", s.ID)
	text("addr", s.Peer.Addr())
	text("laddr", s.Peer.LocalAddr())
	text("name", s.Name)
	number("age", int64(now.Sub(s.Created).Seconds()))
	number("idle", int64(now.Sub(s.LastActive).Seconds()))
	text("flags", s.letters())
	number("db", int64(s.DB))
	number("sub", int64(len(s.Subs.Channels())))
	number("psub", int64(len(s.Subs.Patterns())))
	number("ssub", 0)
	number("multi", int64(multi))
	number("multi-mem", int64(multiMem))
	text("cmd", command)
	text("user", defaultUser)
	number("redir", -1)
	number("resp", int64(s.Proto))
	text("lib-name", s.LibName)
	text("lib-ver", s.LibVer)
	b[len(b)-1] = '\n'
	return string(b)
}

// letters are the flags of a session in CLIENT LIST.
func (s *Session) letters() string {
	var b []byte
	for _, f := range [...]struct {
		on     bool
		letter byte
	}{
		{s.Subscribed(), 'P'}, {s.Tx != nil, 'x'}, {s.Blocked(), 'b'}, {s.watchedChanged(), 'd'},
		{s.Closing, 'c'}, {s.NoEvict, 'e'}, {s.NoTouch, 'T'},
	} {
		if f.on {
			b = append(b, f.letter)
		}
	}
	if b == nil {
		return "N"
	}
	return string(b)
}
