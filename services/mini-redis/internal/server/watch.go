package server

import (
	"strconv"
	"sync/atomic"

	"mini-redis/console"
)

// watch is what a console sees of the server: a task for each connection, whose
// polls are the batches that a loop runs for it, and one for each loop; the
// execution lock, the keys that clients wait for and pub/sub as resources. All
// of it is nil, and costs comparisons, where there is no console.
type watch struct {
	console *console.Console
	lock    *console.Resource
	keys    *console.Resource
	pubsub  *console.Resource
	holder  atomic.Uint64 // the task that holds the execution lock, 0 for none
	site    console.Site  // of connections, which share it
}

func newWatch(c *console.Console) *watch {
	if c == nil {
		return nil
	}
	v := &watch{console: c, site: console.Here(0)}
	v.lock = c.NewResource(console.ResourceOptions{Kind: "Mutex", Type: "sync.Mutex", Name: "execution lock", State: func(add func(console.Field)) {
		id := v.holder.Load()
		add(console.Bool("locked", id != 0))
		if id != 0 {
			add(console.Text(console.HolderAttribute, strconv.FormatUint(id, 10)))
		}
	}})
	v.keys = c.NewResource(console.ResourceOptions{Kind: "Keys", Type: "keyspace.Space", Name: "keys that clients wait for"})
	v.pubsub = c.NewResource(console.ResourceOptions{Kind: "PubSub", Type: "pubsub.Hub", Name: "channels"})
	return v
}

// connection makes a connection's task.
func (v *watch) connection(c *conn) *console.Task {
	if v == nil {
		return nil
	}
	addr := c.link.remote()
	return v.console.NewTask(console.TaskOptions{
		Name: "connection", Key: addr, Site: v.site, Parent: c.worker.task,
		Fields: []console.Field{console.Text("peer", addr), console.Int("client.id", c.session.ID)},
	})
}

// loop makes a loop's task.
func (v *watch) loop(name string) *console.Task {
	if v == nil {
		return nil
	}
	return v.console.NewTask(console.TaskOptions{Name: name, Kind: console.KindBlocking})
}

// waitForLock tells that a loop has to wait for the execution lock.
func (v *watch) waitForLock(t *console.Task) *console.AsyncOp {
	if v == nil {
		return nil
	}
	return v.lock.Wait(t, "Mutex.Lock", "lock")
}

// locked tells who has the execution lock, nil for nobody.
func (v *watch) locked(t *console.Task) {
	if v != nil {
		v.holder.Store(t.ID())
	}
}

// follow tells of a connection that begins or ends to wait for a key, in the
// given command.
func (v *watch) follow(c *conn, operation string) {
	switch {
	case v == nil:
	case c.blocked && c.wait == nil:
		c.wait = v.keys.Wait(c.task, operation, "wait")
	case !c.blocked && c.wait != nil:
		c.wait.Ready()
		c.wait = nil
	}
}

// gone ends what a connection had.
func (v *watch) gone(c *conn) {
	c.wait.Drop()
	c.task.Drop()
}

// count tells how many channels and patterns are subscribed to; the execution
// lock is held.
func (v *watch) count(channels, patterns, blocked int) {
	if v == nil || !v.console.Watched() {
		return
	}
	v.pubsub.Set(console.Int("channels", int64(channels)))
	v.pubsub.Set(console.Int("patterns", int64(patterns)))
	v.keys.Set(console.Int("waiting", int64(blocked)))
}
