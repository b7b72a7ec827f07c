package command

import (
	"mini-redis/internal/glob"
	"mini-redis/services/mini-redis/internal/engine"
	"mini-redis/services/mini-redis/internal/pubsub"
)

func pubsubCommands() []*Spec {
	const subscriber = engine.PubSub | engine.NoScript | engine.Loading | engine.Stale
	row := func(name string, arity int, summary, syntax string, h Handler) *Spec {
		return &Spec{Name: name, Arity: arity, Flags: subscriber, Group: "pubsub", Since: "2.0.0",
			Complexity: "O(n) of the channels", Summary: summary, Syntax: syntax, Handler: h, Pushes: true}
	}
	sub := func(name string, arity int, flags engine.Flags, since, complexity, summary, syntax string, h Handler) *Spec {
		return &Spec{Name: "pubsub|" + name, Arity: arity, Flags: flags | engine.Loading | engine.Stale, Group: "pubsub", Since: since,
			Complexity: complexity, Summary: summary, Syntax: syntax, Handler: h}
	}
	return []*Spec{
		{Name: "publish", Arity: 3, Flags: engine.PubSub | engine.Loading | engine.Stale | engine.Fast | engine.MayReplicate,
			Group: "pubsub", Since: "2.0.0", Complexity: "O(n) of the receivers and of all patterns",
			Summary: "Sends a message to a channel.", Syntax: "channel:string message:string", Handler: publish},
		row("subscribe", -2, "Subscribes to channels.", "channel:string...", subscribe),
		row("unsubscribe", -1, "Unsubscribes from channels, from all if none is given.", "[channel:string...]", unsubscribe),
		row("psubscribe", -2, "Subscribes to the channels that match a pattern.", "pattern:pattern...", psubscribe),
		row("punsubscribe", -1, "Unsubscribes from patterns, from all if none is given.", "[pattern:pattern...]", punsubscribe),
		{Name: "pubsub", Arity: -2, Group: "pubsub", Since: "2.8.0", Complexity: "Depends on the subcommand",
			Summary: "A container for commands about channels.", Subs: []*Spec{
				sub("channels", -2, engine.PubSub, "2.8.0", "O(n) of all channels", "Returns the channels that have a subscriber.", "[pattern:pattern]", pubsubChannels),
				sub("help", 2, 0, "6.2.0", "O(1)", "Prints this help.", "", engine.Help),
				sub("numpat", 2, engine.PubSub, "2.8.0", "O(1)", "Returns the number of patterns that have a subscriber.", "", pubsubNumpat),
				sub("numsub", -2, engine.PubSub, "2.8.0", "O(n) of the channels", "Returns the number of subscribers of each channel.", "[channel:string...]", pubsubNumsub),
			}},
	}
}

// publish: PUBLISH channel message
func publish(c *Ctx) { c.W.Int(int64(c.Engine.Hub().Publish(c.Args[1], c.Args[2]))) }

// subscribe: SUBSCRIBE channel [channel ...]
func subscribe(c *Ctx) {
	for _, name := range c.Args[1:] {
		c.Engine.Hub().Subscribe(&c.Session.Subs, string(name))
		confirm(c, "subscribe", name)
	}
}

// psubscribe: PSUBSCRIBE pattern [pattern ...]
func psubscribe(c *Ctx) {
	for _, name := range c.Args[1:] {
		c.Engine.Hub().PSubscribe(&c.Session.Subs, string(name))
		confirm(c, "psubscribe", name)
	}
}

// unsubscribe: UNSUBSCRIBE [channel ...]
func unsubscribe(c *Ctx) {
	unsubscribeFrom(c, "unsubscribe", c.Session.Subs.Channels, c.Engine.Hub().Unsubscribe)
}

// punsubscribe: PUNSUBSCRIBE [pattern ...]
func punsubscribe(c *Ctx) {
	unsubscribeFrom(c, "punsubscribe", c.Session.Subs.Patterns, c.Engine.Hub().PUnsubscribe)
}

// unsubscribeFrom ends the subscriptions that the arguments name, all of them if there
// are no arguments. It writes at least one confirmation.
func unsubscribeFrom(c *Ctx, kind string, all func() []string, end func(*pubsub.Subscriber, string) bool) {
	subs := &c.Session.Subs
	for _, name := range c.Args[1:] {
		end(subs, string(name))
		confirm(c, kind, name)
	}
	if len(c.Args) > 1 {
		return
	}
	if len(all()) == 0 {
		confirm(c, kind, nil)
	}
	for len(all()) > 0 {
		name := all()[0]
		end(subs, name)
		confirm(c, kind, []byte(name))
	}
}

// confirm writes the confirmation of one subscription or its end: the kind, the name
// (null for none), and the number of subscriptions of the client.
func confirm(c *Ctx, kind string, name []byte) {
	w := c.PushWriter()
	w.Push(3)
	w.BulkString(kind)
	if name == nil {
		w.Null()
	} else {
		w.Bulk(name)
	}
	w.Int(int64(c.Session.Subs.Count()))
}

// pubsubChannels: PUBSUB CHANNELS [pattern]
func pubsubChannels(c *Ctx) {
	if len(c.Args) > 3 {
		c.SubcommandSyntax()
		return
	}
	var found []string
	c.Engine.Hub().Channels(func(channel string) {
		if len(c.Args) == 2 || glob.Match(c.Args[2], []byte(channel)) {
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
		c.W.Int(int64(c.Engine.Hub().Subscribers(channel)))
	}
}

// pubsubNumpat: PUBSUB NUMPAT
func pubsubNumpat(c *Ctx) { c.W.Int(int64(c.Engine.Hub().PatternCount())) }
