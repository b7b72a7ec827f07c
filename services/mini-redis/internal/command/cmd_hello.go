package command

import (
	"mini-redis/resptrace/wire"
	"mini-redis/services/mini-redis/internal/engine"
	"mini-redis/services/mini-redis/internal/keyspace"
)

const (
	errWrongPass = "WRONGPASS invalid username-password pair or user is disabled."
	errHelloAuth = "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH " +
		"<user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time"
	errNoPassword = "ERR AUTH <password> called without any password configured for the default user. " +
		"Are you sure your configuration is correct?"
)

// auth: AUTH [username] password
func auth(c *Ctx) {
	user := []byte(engine.DefaultUser)
	switch len(c.Args) {
	case 2:
		if !c.Engine.PasswordRequired() {
			c.W.Error(errNoPassword)
			return
		}
	case 3:
		user = c.Args[1]
	default:
		c.W.Error(errSyntax)
		return
	}
	if !c.Engine.Admits(user, c.Args[len(c.Args)-1]) {
		c.W.Error(errWrongPass)
		return
	}
	c.Session.Authenticated = true
	c.W.OK()
}

// hello: HELLO [protover [AUTH username password] [SETNAME clientname]]
func hello(c *Ctx) {
	s := c.Session
	proto, name, named, ok := parseHelloOptions(c)
	if !ok {
		return
	}
	if !s.Authenticated {
		c.W.Error(errHelloAuth)
		return
	}
	if named {
		s.Name = name
	}
	s.Proto = proto
	c.W.Proto = proto
	writeHello(c)
}

// parseHelloOptions parses the arguments of HELLO, and authenticates the session if
// they hold AUTH.
func parseHelloOptions(c *Ctx) (proto int, name string, named, ok bool) {
	proto = c.Session.Proto
	if len(c.Args) == 1 {
		return proto, "", false, true
	}
	version, isInt := keyspace.CanonicalInt(c.Args[1])
	switch {
	case !isInt:
		c.W.Error("ERR Protocol version is not an integer or out of range")
		return
	case version != 2 && version != 3:
		c.W.Error("NOPROTO unsupported protocol version")
		return
	}
	var user, password []byte
	for i := 2; i < len(c.Args); i++ {
		switch {
		case c.Is(i, "auth") && c.More(i, 2):
			user, password = c.Args[i+1], c.Args[i+2]
			i += 2
		case c.Is(i, "setname") && c.More(i, 1):
			if !plainName(c, "Client names", c.Args[i+1]) {
				return
			}
			name, named = string(c.Args[i+1]), true
			i++
		default:
			c.W.Error("ERR Syntax error in HELLO option '" + engine.Shown(c.Args[i]) + "'")
			return
		}
	}
	if user != nil {
		if !c.Engine.Admits(user, password) {
			c.W.Error(errWrongPass)
			return
		}
		c.Session.Authenticated = true
	}
	return int(version), name, named, true
}

// writeHello writes the reply of HELLO. The capability of RESP Trace Context is the
// last entry; see resptrace/SPEC.md.
func writeHello(c *Ctx) {
	w := c.W
	w.Map(8)
	w.BulkString("server")
	w.BulkString("redis")
	w.BulkString("version")
	w.BulkString(engine.RedisVersion)
	w.BulkString("proto")
	w.Int(int64(c.Session.Proto))
	w.BulkString("id")
	w.Int(c.Session.ID)
	w.BulkString("mode")
	w.BulkString("standalone")
	w.BulkString("role")
	w.BulkString("master")
	w.BulkString("modules")
	w.Array(0)
	w.BulkString(wire.Capability)
	w.Int(wire.Version)
}

// plainName reports whether a name may be shown in CLIENT LIST. If not, it writes the
// error reply.
func plainName(c *Ctx, what string, name []byte) bool {
	for _, b := range name {
		if b < '!' || b > '~' {
			c.W.Error("ERR " + what + " cannot contain spaces, newlines or special characters.")
			return false
		}
	}
	return true
}
