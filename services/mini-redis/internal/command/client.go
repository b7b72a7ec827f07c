package command

import (
	"strings"

	"mini-redis/resptrace/wire"
)

func clientCommands() []*Spec {
	sub := func(name string, arity int, flags Flags, since, summary, syntax string, h Handler) *Spec {
		return &Spec{Name: "client|" + name, Arity: arity, Flags: flags | Loading | Stale, ACL: CatConnection,
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
			sub("caching", 3, NoScript, "6.0.0", "Says whether the next command's keys are tracked.", "mode=(YES | NO)", clientCaching),
			sub("getname", 2, NoScript, "2.6.9", "Returns the connection's name.", "", clientGetname),
			sub("getredir", 2, NoScript, "6.0.0", "Returns where invalidation messages go: nowhere.", "", clientGetredir),
			sub("help", 2, 0, "5.0.0", "Prints this help.", "", (*Ctx).help),
			sub("id", 2, NoScript, "5.0.0", "Returns the connection's number.", "", clientID),
			varies(sub("info", 2, NoScript, "6.2.0", "Returns what there is to know of the connection.", "", clientInfo)),
			many(sub("kill", -3, Admin|NoScript, "2.4.0", "Closes connections.",
				"filter=(old-format:string | new-format=("+filters+")...)", clientKill)),
			varies(many(sub("list", -2, Admin|NoScript, "2.4.0", "Lists the connections.",
				"[TYPE client-type=(NORMAL | MASTER | REPLICA | PUBSUB)@5.0.0] [ID client-id:integer@6.2.0...]", clientList))),
			sub("no-evict", 3, Admin|NoScript, "7.0.0", "Keeps the connection when memory is short.", "enabled=(ON | OFF)", clientNoEvict),
			sub("no-touch", 3, NoScript, "7.2.0", "Keeps what the connection reads from counting as used.", "enabled=(ON | OFF)", clientNoTouch),
			sub("pause", -3, Admin|NoScript, "3.0.0", "Makes commands wait for some milliseconds.",
				"timeout:integer [mode=(WRITE | ALL)@6.2.0]", clientPause),
			sub("reply", 3, NoScript, "3.2.0", "Says whether commands are answered.", "action=(ON | OFF | SKIP)", clientReply),
			everywhere(sub("setinfo", 4, NoScript, "7.2.0", "Tells what library the client uses.",
				"attr=(LIB-NAME libname:string | LIB-VER libver:string)", clientSetinfo)),
			everywhere(sub("setname", 3, NoScript, "2.6.9", "Gives the connection a name.", "connection-name:string", clientSetname)),
			sub("tracking", -3, NoScript, "6.0.0", "Switches tracking of keys for client-side caching; OFF only.",
				"status=(ON | OFF) [REDIRECT client-id:integer] [PREFIX prefix:string...+] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]", clientTracking),
			sub("trackinginfo", 2, NoScript, "6.2.0", "Returns the state of tracking.", "", clientTrackinginfo),
			sub("unblock", -3, Admin|NoScript, "5.0.0", "Ends a connection's wait for a key.",
				"client-id:integer [unblock-type=(TIMEOUT | ERROR)]", clientUnblock),
			many(sub("unpause", 2, Admin|NoScript, "6.2.0", "Ends a pause.", "", clientUnpause)),
		},
	}}
}

// onOff reads argument 2; if it is neither, the request has been answered.
func (c *Ctx) onOff() (on, ok bool) {
	switch {
	case c.is(2, "on"):
		return true, true
	case c.is(2, "off"):
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
	if c.plainName("Client names", c.Args[2]) {
		c.Session.Name = string(c.Args[2])
		c.W.OK()
	}
}

// clientSetinfo: CLIENT SETINFO LIB-NAME name | LIB-VER version
func clientSetinfo(c *Ctx) {
	s := c.Session
	value := string(c.Args[3])
	switch {
	case c.is(2, "lib-name"):
		if !c.plainName("lib-name", c.Args[3]) {
			return
		}
		s.LibName = value
		s.ContextAware = s.ContextAware || strings.Contains(value, wire.LibName)
	case c.is(2, "lib-ver"):
		if !c.plainName("lib-ver", c.Args[3]) {
			return
		}
		s.LibVer = value
	default:
		c.W.Error("ERR Unrecognized option '" + shown(c.Args[2]) + "'")
		return
	}
	c.W.OK()
}

// clientReply: CLIENT REPLY ON | OFF | SKIP
func clientReply(c *Ctx) {
	s := c.Session
	switch {
	case c.is(2, "on"):
		s.Reply = ReplyOn
		c.W.OK()
	case c.is(2, "off"):
		s.Reply = ReplyOff
	case c.is(2, "skip"):
		if s.Reply != ReplyOff {
			s.Reply = ReplySkipNext
		}
	default:
		c.W.Error(errSyntax)
	}
}

// clientNoEvict: CLIENT NO-EVICT ON | OFF
func clientNoEvict(c *Ctx) {
	if on, ok := c.onOff(); ok {
		c.Session.NoEvict = on
		c.W.OK()
	}
}

// clientNoTouch: CLIENT NO-TOUCH ON | OFF
func clientNoTouch(c *Ctx) {
	if on, ok := c.onOff(); ok {
		c.Session.NoTouch = on
		c.W.OK()
	}
}

// clientTracking: CLIENT TRACKING ON | OFF [option ...]
//
// There is no client-side caching here. To say so is better than to agree and
// leave a client with values that are never invalidated.
func clientTracking(c *Ctx) {
	if on, ok := c.onOff(); !ok {
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
