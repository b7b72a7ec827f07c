package command

import (
	"strings"

	"mini-redis/resptrace/wire"
	"mini-redis/services/mini-redis/internal/engine"
)

func clientCommands() []*Spec {
	sub := func(name string, arity int, flags engine.Flags, since, summary, syntax string, h Handler) *Spec {
		return &Spec{Name: "client|" + name, Arity: arity, Flags: flags | engine.Loading | engine.Stale, ACL: engine.CatConnection,
			Group: "connection", Since: since, Complexity: "O(1)", Summary: summary, Syntax: syntax, Handler: h}
	}
	many := func(s *Spec) *Spec { s.Complexity = "O(n) of the connections"; return s }
	varies := func(s *Spec) *Spec { s.Tips = []string{"nondeterministic_output"}; return s }
	everywhere := func(s *Spec) *Spec {
		s.Tips = []string{"request_policy:all_nodes", "response_policy:all_succeeded"}
		return s
	}
	const filters = "[ID client-id:integer@2.8.12] | [TYPE client-type=(NORMAL | MASTER@3.2.0 | SLAVE | REPLICA@5.0.0" +
		" | PUBSUB)@2.8.12] | [USER username:string] | [ADDR addr:string] | [LADDR laddr:string@6.2.0] | [SKIPME skipme=(YES | NO)]"
	return []*Spec{{
		Name: "client", Arity: -2, Group: "connection", Since: "2.4.0", Complexity: "Depends on the subcommand",
		Summary: "A container for commands about connections.", Subs: []*Spec{
			sub("caching", 3, engine.NoScript, "6.0.0", "Sets whether the keys of the next command are tracked.", "mode=(YES | NO)", clientCaching),
			sub("getname", 2, engine.NoScript, "2.6.9", "Returns the connection's name.", "", clientGetname),
			sub("getredir", 2, engine.NoScript, "6.0.0", "Returns the client that gets the invalidation messages: none.", "", clientGetredir),
			sub("help", 2, 0, "5.0.0", "Prints this help.", "", engine.Help),
			sub("id", 2, engine.NoScript, "5.0.0", "Returns the connection's number.", "", clientID),
			varies(sub("info", 2, engine.NoScript, "6.2.0", "Returns information about the connection.", "", clientInfo)),
			many(sub("kill", -3, engine.Admin|engine.NoScript, "2.4.0", "Closes connections.",
				"filter=(old-format:string | new-format=("+filters+")...)", clientKill)),
			varies(many(sub("list", -2, engine.Admin|engine.NoScript, "2.4.0", "Lists the connections.",
				"[TYPE client-type=(NORMAL | MASTER | REPLICA | PUBSUB)@5.0.0] [ID client-id:integer@6.2.0...]", clientList))),
			sub("no-evict", 3, engine.Admin|engine.NoScript, "7.0.0", "Exempts the connection from client eviction.", "enabled=(ON | OFF)", clientNoEvict),
			sub("no-touch", 3, engine.NoScript, "7.2.0", "Makes reads of the connection leave the access time of keys as it is.", "enabled=(ON | OFF)", clientNoTouch),
			sub("pause", -3, engine.Admin|engine.NoScript, "3.0.0", "Makes commands wait for a number of milliseconds.",
				"timeout:integer [mode=(WRITE | ALL)@6.2.0]", clientPause),
			sub("reply", 3, engine.NoScript, "3.2.0", "Sets whether the server replies to commands.", "action=(ON | OFF | SKIP)", clientReply),
			everywhere(sub("setinfo", 4, engine.NoScript, "7.2.0", "Sets the name or the version of the client library.",
				"attr=(LIB-NAME libname:string | LIB-VER libver:string)", clientSetinfo)),
			everywhere(sub("setname", 3, engine.NoScript, "2.6.9", "Sets the name of the connection.", "connection-name:string", clientSetname)),
			sub("tracking", -3, engine.NoScript, "6.0.0", "Sets tracking of keys for client-side caching; only OFF is supported.",
				"status=(ON | OFF) [REDIRECT client-id:integer] [PREFIX prefix:string...+] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]", clientTracking),
			sub("trackinginfo", 2, engine.NoScript, "6.2.0", "Returns the state of tracking.", "", clientTrackinginfo),
			sub("unblock", -3, engine.Admin|engine.NoScript, "5.0.0", "Ends a connection's wait for a key.",
				"client-id:integer [unblock-type=(TIMEOUT | ERROR)]", clientUnblock),
			many(sub("unpause", 2, engine.Admin|engine.NoScript, "6.2.0", "Ends a pause.", "", clientUnpause)),
		},
	}}
}

// onOffArg parses argument 2, ON or OFF. If it is neither, onOffArg writes the error
// reply and returns false for ok.
func onOffArg(c *Ctx) (on, ok bool) {
	switch {
	case c.Is(2, "on"):
		return true, true
	case c.Is(2, "off"):
		return false, true
	}
	c.W.Error(errSyntax)
	return false, false
}

// clientID: CLIENT ID
func clientID(c *Ctx) { c.W.Int(c.Session.ID) }

// clientGetname: CLIENT GETNAME
func clientGetname(c *Ctx) {
	if c.Session.Name == "" {
		c.W.Null()
		return
	}
	c.W.BulkString(c.Session.Name)
}

// clientSetname: CLIENT SETNAME connection-name
func clientSetname(c *Ctx) {
	if plainName(c, "Client names", c.Args[2]) {
		c.Session.Name = string(c.Args[2])
		c.W.OK()
	}
}

// clientSetinfo: CLIENT SETINFO LIB-NAME name | LIB-VER version
func clientSetinfo(c *Ctx) {
	s := c.Session
	value := string(c.Args[3])
	switch {
	case c.Is(2, "lib-name"):
		if !plainName(c, "lib-name", c.Args[3]) {
			return
		}
		s.LibName = value
		s.ContextAware = s.ContextAware || strings.Contains(value, wire.LibName)
	case c.Is(2, "lib-ver"):
		if !plainName(c, "lib-ver", c.Args[3]) {
			return
		}
		s.LibVer = value
	default:
		c.W.Error("ERR Unrecognized option '" + engine.Shown(c.Args[2]) + "'")
		return
	}
	c.W.OK()
}

// clientReply: CLIENT REPLY ON | OFF | SKIP
func clientReply(c *Ctx) {
	s := c.Session
	switch {
	case c.Is(2, "on"):
		s.Reply = engine.ReplyOn
		c.W.OK()
	case c.Is(2, "off"):
		s.Reply = engine.ReplyOff
	case c.Is(2, "skip"):
		if s.Reply != engine.ReplyOff {
			s.Reply = engine.ReplySkipNext
		}
	default:
		c.W.Error(errSyntax)
	}
}

// clientNoEvict: CLIENT NO-EVICT ON | OFF
func clientNoEvict(c *Ctx) {
	if on, ok := onOffArg(c); ok {
		c.Session.NoEvict = on
		c.W.OK()
	}
}

// clientNoTouch: CLIENT NO-TOUCH ON | OFF
func clientNoTouch(c *Ctx) {
	if on, ok := onOffArg(c); ok {
		c.Session.NoTouch = on
		c.W.OK()
	}
}

// clientTracking: CLIENT TRACKING ON | OFF [option ...]
//
// Client-side caching is not supported. ON fails, because a client that believes in
// it would keep values that are never invalidated.
func clientTracking(c *Ctx) {
	if on, ok := onOffArg(c); !ok {
		return
	} else if on {
		c.W.Error("ERR client tracking is not supported by this server")
		return
	}
	c.W.OK()
}

// clientTrackinginfo: CLIENT TRACKINGINFO
func clientTrackinginfo(c *Ctx) {
	w := c.W
	w.Map(3)
	w.BulkString("flags")
	w.Set(1)
	w.BulkString("off")
	w.BulkString("redirect")
	w.Int(-1)
	w.BulkString("prefixes")
	w.Array(0)
}

// clientCaching: CLIENT CACHING YES | NO
func clientCaching(c *Ctx) {
	c.W.Error("ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled")
}

// clientGetredir: CLIENT GETREDIR
func clientGetredir(c *Ctx) { c.W.Int(-1) }
