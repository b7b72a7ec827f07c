package command

func connectionCommands() []*Spec {
	return []*Spec{
		{Name: "ping", Arity: -1, Flags: Fast, ACL: CatConnection,
			Tips:  []string{"request_policy:all_shards", "response_policy:all_succeeded"},
			Group: "connection", Since: "1.0.0", Complexity: "O(1)",
			Summary: "Answers PONG, or the message it is given.", Syntax: "[message:string]", Handler: ping},
	}
}

// ping: PING [message]
func ping(c *Ctx) {
	if len(c.Args) > 2 {
		c.wrongArity()
		return
	}
	if c.Session.Proto < 3 && c.Session.Subscribed() {
		c.W.Array(2)
		c.W.BulkString("pong")
		if len(c.Args) == 2 {
			c.W.Bulk(c.Args[1])
		} else {
			c.W.BulkString("")
		}
		return
	}
	if len(c.Args) == 2 {
		c.W.Bulk(c.Args[1])
		return
	}
	c.W.RawString("+PONG\r\n")
}
