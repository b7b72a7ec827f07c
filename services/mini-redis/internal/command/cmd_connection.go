package command

import (
	"math"

	"mini-redis/services/mini-redis/internal/engine"
	"mini-redis/services/mini-redis/internal/keyspace"
)

func connectionCommands() []*Spec {
	return []*Spec{
		{Name: "ping", Arity: -1, Flags: engine.Fast, ACL: engine.CatConnection,
			Tips:  []string{"request_policy:all_shards", "response_policy:all_succeeded"},
			Group: "connection", Since: "1.0.0", Complexity: "O(1)",
			Summary: "Returns PONG, or the given message.", Syntax: "[message:string]", Handler: ping},
		{Name: "echo", Arity: 2, Flags: engine.Loading | engine.Stale | engine.Fast, ACL: engine.CatConnection,
			Group: "connection", Since: "1.0.0", Complexity: "O(1)",
			Summary: "Returns the given message.", Syntax: "message:string", Handler: echo},
		{Name: "select", Arity: 2, Flags: engine.Loading | engine.Stale | engine.Fast, ACL: engine.CatConnection,
			Group: "connection", Since: "1.0.0", Complexity: "O(1)",
			Summary: "Changes the connection's database.", Syntax: "index:integer", Handler: selectDB},
		{Name: "quit", Arity: -1, Flags: engine.NoScript | engine.Loading | engine.Stale | engine.Fast | engine.NoAuth | engine.AllowBusy, ACL: engine.CatConnection,
			Group: "connection", Since: "1.0.0", Complexity: "O(1)",
			Deprecated: "7.2.0", Instead: "closing the connection",
			Summary: "Closes the connection.", Handler: quit, Immediate: true},
		{Name: "reset", Arity: 1, Flags: engine.NoScript | engine.Loading | engine.Stale | engine.Fast | engine.NoAuth | engine.AllowBusy, ACL: engine.CatConnection,
			Group: "connection", Since: "6.2.0", Complexity: "O(1)",
			Summary: "Resets the connection to the state of a new one.", Handler: reset, Immediate: true},
		{Name: "auth", Arity: -2, Flags: engine.NoScript | engine.Loading | engine.Stale | engine.Fast | engine.NoAuth | engine.AllowBusy, ACL: engine.CatConnection,
			Group: "connection", Since: "1.0.0", Complexity: "O(n) of the password",
			Summary: "Authenticates the connection.", Syntax: "[username:string@6.0.0] password:string", Handler: auth},
		{Name: "hello", Arity: -1, Flags: engine.NoScript | engine.Loading | engine.Stale | engine.Fast | engine.NoAuth | engine.AllowBusy, ACL: engine.CatConnection,
			Group: "connection", Since: "6.0.0", Complexity: "O(1)",
			Summary: "Sets the protocol version, and optionally authenticates and names the connection.",
			Syntax: "[arguments={protover:integer [AUTH auth={username:string password:string}]" +
				" [SETNAME clientname:string]}]", Handler: hello},
	}
}

// ping: PING [message]
func ping(c *Ctx) {
	switch {
	case len(c.Args) > 2:
		c.WrongArity()
	case c.Session.Proto < 3 && c.Session.Subscribed():
		c.W.Array(2)
		c.W.BulkString("pong")
		if len(c.Args) == 2 {
			c.W.Bulk(c.Args[1])
		} else {
			c.W.BulkString("")
		}
	case len(c.Args) == 2:
		c.W.Bulk(c.Args[1])
	default:
		c.W.RawString("+PONG\r\n")
	}
}

// echo: ECHO message
func echo(c *Ctx) { c.W.Bulk(c.Args[1]) }

// selectDB: SELECT index
func selectDB(c *Ctx) {
	n, ok := keyspace.CanonicalInt(c.Args[1])
	switch {
	case !ok:
		c.W.Error(engine.ErrNotInteger)
	case n > math.MaxInt32 || n < math.MinInt32:
		c.W.Error("ERR value is out of range, value must between -2147483648 and 2147483647")
	case n < 0 || n >= int64(c.Engine.Keyspace().Len()):
		c.W.Error("ERR DB index is out of range")
	default:
		c.Session.DB = int(n)
		c.W.OK()
	}
}

// quit: QUIT
func quit(c *Ctx) {
	c.Session.Closing = true
	c.W.OK()
}

// reset: RESET
func reset(c *Ctx) {
	s := c.Session
	s.Discard()
	c.Engine.Hub().Leave(&s.Subs)
	s.Authenticated = !c.Engine.PasswordRequired()
	s.Proto, s.DB, s.Name = 2, 0, ""
	if s.Reply != engine.Skipping { // CLIENT REPLY SKIP applies to the reply of RESET
		s.Reply = engine.ReplyOn
	}
	s.NoEvict, s.NoTouch = false, false
	c.W.Proto = s.Proto
	c.W.Simple("RESET")
}
