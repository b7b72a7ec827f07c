package command

import (
	"strconv"
	"strings"

	"mini-redis/services/mini-redis/internal/engine"
	"mini-redis/services/mini-redis/internal/keyspace"
)

// clientKinds are the types of connections of CLIENT LIST and KILL. The server has
// neither replicas nor a master.
var clientKinds = [...]string{"normal", "slave", "replica", "pubsub", "master"}

// sessionKind returns the type of a session.
func sessionKind(s *engine.Session) string {
	if s.Subscribed() {
		return "pubsub"
	}
	return "normal"
}

// clientKind parses argument i, a type of connections. If it is none, clientKind
// writes the error reply and returns false.
func clientKind(c *Ctx, i int) (string, bool) {
	for _, k := range clientKinds {
		if c.Is(i, k) {
			return k, true
		}
	}
	c.W.Error("ERR Unknown client type '" + engine.Shown(c.Args[i]) + "'")
	return "", false
}

// clientInfo: CLIENT INFO
func clientInfo(c *Ctx) { c.W.Verbatim("txt", describe(c, c.Session)) }

// clientList: CLIENT LIST [TYPE type | ID id [id ...]]
func clientList(c *Ctx) {
	var keep func(*engine.Session) bool
	switch {
	case len(c.Args) == 2:
		keep = func(*engine.Session) bool { return true }
	case len(c.Args) == 4 && c.Is(2, "type"):
		kind, ok := clientKind(c, 3)
		if !ok {
			return
		}
		keep = func(s *engine.Session) bool { return sessionKind(s) == kind }
	case len(c.Args) >= 4 && c.Is(2, "id"):
		listByID(c)
		return
	default:
		c.W.Error(errSyntax)
		return
	}
	var b strings.Builder
	for _, s := range c.Engine.Sessions() {
		if keep(s) {
			b.WriteString(describe(c, s))
		}
	}
	c.W.Verbatim("txt", b.String())
}

// listByID writes the sessions with the given IDs, in the order of the arguments.
func listByID(c *Ctx) {
	var b strings.Builder
	for _, arg := range c.Args[3:] {
		id, ok := keyspace.CanonicalInt(arg)
		if !ok {
			c.W.Error("ERR Invalid client ID")
			return
		}
		if s := c.Engine.Session(id); s != nil {
			b.WriteString(describe(c, s))
		}
		if b.Len() > c.Engine.MaxReply() {
			c.W.Error("ERR the reply is too large")
			return
		}
	}
	c.W.Verbatim("txt", b.String())
}

// describe returns a session's line in CLIENT LIST: the fields of redis-server 7.2 in
// its order, except those of the buffers, which belong to the connection's loop.
func describe(c *Ctx, s *engine.Session) string {
	now := c.Engine.Wall()
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
	text("flags", flagLetters(s))
	number("db", int64(s.DB))
	number("sub", int64(len(s.Subs.Channels())))
	number("psub", int64(len(s.Subs.Patterns())))
	number("ssub", 0)
	number("multi", int64(multi))
	number("multi-mem", int64(multiMem))
	text("cmd", command)
	text("user", engine.DefaultUser)
	number("redir", -1)
	number("resp", int64(s.Proto))
	text("lib-name", s.LibName)
	text("lib-ver", s.LibVer)
	b[len(b)-1] = '\n'
	return string(b)
}

// flagLetters returns the flags of a session in CLIENT LIST.
func flagLetters(s *engine.Session) string {
	var b []byte
	for _, f := range [...]struct {
		on     bool
		letter byte
	}{
		{s.Subscribed(), 'P'}, {s.Tx != nil, 'x'}, {s.Blocked(), 'b'}, {s.Watched.Changed(), 'd'},
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
