package command

import "mini-redis/services/mini-redis/internal/pubsub"

func pubsubCommands() []*Spec {
	const subscriber = PubSub | NoScript | Loading | Stale
	row := func(name string, arity int, summary, syntax string, h Handler) *Spec {
		return &Spec{Name: name, Arity: arity, Flags: subscriber, Group: "pubsub", Since: "2.0.0",
			Complexity: "O(n) of the channels", Summary: summary, Syntax: syntax, Handler: h, pushes: true}
	}
	sub := func(name string, arity int, flags Flags, since, complexity, summary, syntax string, h Handler) *Spec {
		return &Spec{Name: "pubsub|" + name, Arity: arity, Flags: flags | Loading | Stale, Group: "pubsub", Since: since,
			Complexity: complexity, Summary: summary, Syntax: syntax, Handler: h}
	}
	return []*Spec{
		{Name: "publish", Arity: 3, Flags: PubSub | Loading | Stale | Fast | MayReplicate,
			Group: "pubsub", Since: "2.0.0", Complexity: "O(n) of the receivers and of all patterns",
			Summary: "Sends a message to a channel.", Syntax: "channel:string message:string", Handler: publish},
		row("subscribe", -2, "Listens to channels.", "channel:string...", subscribe),
		row("unsubscribe", -1, "Stops listening to channels, to all when none is given.", "[channel:string...]", unsubscribe),
		row("psubscribe", -2, "Listens to the channels that match a pattern.", "pattern:pattern...", psubscribe),
		row("punsubscribe", -1, "Stops listening to patterns, to all when none is given.", "[pattern:pattern...]", punsubscribe),
		{Name: "pubsub", Arity: -2, Group: "pubsub", Since: "2.8.0", Complexity: "Depends on the subcommand",
			Summary: "A container for commands about channels.", Subs: []*Spec{
				sub("channels", -2, PubSub, "2.8.0", "O(n) of all channels", "Returns the channels somebody listens to.", "[pattern:pattern]", pubsubChannels),
				sub("help", 2, 0, "6.2.0", "O(1)", "Prints this help.", "", (*Ctx).help),
				sub("numpat", 2, PubSub, "2.8.0", "O(1)", "Returns how many patterns somebody listens to.", "", pubsubNumpat),
				sub("numsub", -2, PubSub, "2.8.0", "O(n) of the channels", "Returns how many listen to each channel.", "[channel:string...]", pubsubNumsub),
			}},
	}
}

// whileSubscribed reports whether RESP2 allows a command to a subscriber.
func (s *Spec) whileSubscribed() bool {
	return s.pushes || s.Name == "ping" || s.Name == "quit" || s.Name == "reset"
}

// publish: PUBLISH channel message
func publish(c *Ctx) { c.W.Int(int64(c.Engine.hub.Publish(c.Args[1], c.Args[2]))) }

// subscribe: SUBSCRIBE channel [channel ...]
func subscribe(c *Ctx) {
	for _, name := range c.Args[1:] {
		c.Engine.hub.Subscribe(&c.Session.Subs, string(name))
		c.confirm("subscribe", name)
	}
}

// psubscribe: PSUBSCRIBE pattern [pattern ...]
func psubscribe(c *Ctx) {
	for _, name := range c.Args[1:] {
		c.Engine.hub.PSubscribe(&c.Session.Subs, string(name))
		c.confirm("psubscribe", name)
	}
}

// unsubscribe: UNSUBSCRIBE [channel ...]
func unsubscribe(c *Ctx) {
	c.leave("unsubscribe", c.Session.Subs.Channels, c.Engine.hub.Unsubscribe)
}

// punsubscribe: PUNSUBSCRIBE [pattern ...]
func punsubscribe(c *Ctx) {
	c.leave("punsubscribe", c.Session.Subs.Patterns, c.Engine.hub.PUnsubscribe)
}

// leave ends the subscriptions that the arguments name, or all of all; there is
// one confirmation even if there were none.
func (c *Ctx) leave(kind string, all func() []string, end func(*pubsub.Subscriber, string) bool) {
	subs := &c.Session.Subs
	for _, name := range c.Args[1:] {
		end(subs, string(name))
		c.confirm(kind, name)
	}
	if len(c.Args) > 1 {
		return
	}
	if len(all()) == 0 {
		c.confirm(kind, nil)
	}
	for len(all()) > 0 {
		name := all()[0]
		end(subs, name)
		c.confirm(kind, []byte(name))
	}
}

// confirm writes what a subscriber is told of each change: what was done to
// which name, null for none, and how many subscriptions there are now.
func (c *Ctx) confirm(kind string, name []byte) {
	c.W.Push(3)
	c.W.BulkString(kind)
	if name == nil {
		c.W.Null()
	} else {
		c.W.Bulk(name)
	}
	c.W.Int(int64(c.Session.Subs.Count()))
}

// pubsubChannels: PUBSUB CHANNELS [pattern]
func pubsubChannels(c *Ctx) {
	if len(c.Args) > 3 {
		c.subcommandSyntax()
		return
	}
	var found []string
	c.Engine.hub.Channels(func(channel string) {
		if len(c.Args) == 2 || pubsub.Match(c.Args[2], []byte(channel)) {
			found = append(found, channel)
		}
	})
	c.W.Array(len(found))
	for _, channel := range found {
		c.W.BulkString(channel)
	}
}

// pubsubNumsub: PUBSUB NUMSUB [channel ...]
func pubsubNumsub(c *Ctx) {
	c.W.Array(2 * (len(c.Args) - 2))
	for _, channel := range c.Args[2:] {
		c.W.Bulk(channel)
		c.W.Int(int64(c.Engine.hub.Subscribers(channel)))
	}
}

// pubsubNumpat: PUBSUB NUMPAT
func pubsubNumpat(c *Ctx) { c.W.Int(int64(c.Engine.hub.PatternCount())) }
