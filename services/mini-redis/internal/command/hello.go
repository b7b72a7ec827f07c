package command

import (
	"crypto/subtle"

	"mini-redis/resptrace/wire"
	"mini-redis/services/mini-redis/internal/keyspace"
)

const (
	errWrongPass = "WRONGPASS invalid username-password pair or user is disabled."
	errHelloAuth = "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH " +
		"<user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time"
	errNoPassword = "ERR AUTH <password> called without any password configured for the default user. " +
		"Are you sure your configuration is correct?"
)

// defaultUser is the one user there is.
const defaultUser = "default"

// auth: AUTH [username] password
func auth(c *Ctx) {
	user := []byte(defaultUser)
	switch len(c.Args) {
	case 2:
		if c.Engine.cfg.Password == "" {
			c.W.Error(errNoPassword)
			return
		}
	case 3:
		user = c.Args[1]
	default:
		c.W.Error(errSyntax)
		return
	}
	if !c.Engine.admits(user, c.Args[len(c.Args)-1]) {
		c.W.Error(errWrongPass)
		return
	}
	c.Session.Authenticated = true
	c.W.OK()
}

// admits reports whether a user may come in with a password; the default user
// may with any when none is asked for. It takes the same time for a password
// that is nearly right and one that is quite wrong.
func (e *Engine) admits(user, password []byte) bool {
	if string(user) != defaultUser {
		return false
	}
	want := e.cfg.Password
	return want == "" || subtle.ConstantTimeCompare([]byte(want), password) == 1
}

// hello: HELLO [protover [AUTH username password] [SETNAME clientname]]
func hello(c *Ctx) {
	s := c.Session
	proto, name, named, ok := c.helloOptions()
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
	c.writeHello()
}

// helloOptions reads HELLO's arguments and authenticates the session if they ask for it.
func (c *Ctx) helloOptions() (proto int, name string, named, ok bool) {
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
		case c.is(i, "auth") && c.more(i, 2):
			user, password = c.Args[i+1], c.Args[i+2]
			i += 2
		case c.is(i, "setname") && c.more(i, 1):
			if !c.plainName("Client names", c.Args[i+1]) {
				return
			}
			name, named = string(c.Args[i+1]), true
			i++
		default:
			c.W.Error("ERR Syntax error in HELLO option '" + shown(c.Args[i]) + "'")
			return
		}
	}
	if user != nil {
		if !c.Engine.admits(user, password) {
			c.W.Error(errWrongPass)
			return
		}
		c.Session.Authenticated = true
	}
	return int(version), name, named, true
}

// writeHello writes what HELLO tells of the server. The trace context's entry
// comes last: see resptrace/SPEC.md.
func (c *Ctx) writeHello() {
	w := c.W
	w.Map(8)
	w.BulkString("server")
	w.BulkString("redis")
	w.BulkString("version")
	w.BulkString(RedisVersion)
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

// plainName reports whether a name can stand in a line of CLIENT LIST; if not,
// the request has been answered.
func (c *Ctx) plainName(what string, name []byte) bool {
	for _, b := range name {
		if b < '!' || b > '~' {
			c.W.Error("ERR " + what + " cannot contain spaces, newlines or special characters.")
			return false
		}
	}
	return true
}
