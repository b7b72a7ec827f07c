package server

import (
	"sync/atomic"

	"mini-redis/console"
)

// watch is what a console sees of the server: a task for each connection, whose
// polls are the batches that a loop runs for it, one for each loop and one for
// the housekeeping; the execution lock, the loops, the keys that clients wait for
// and the channels of pub/sub as resources. All of it is nil, and costs
// comparisons, where there is no console.
type watch struct {
	console *console.Console
	lock    *console.Resource
	keys    *console.Resource
	pubsub  *console.Resource
	topics  topics
	site    console.Site // of connections and channels, which share it

	// Who holds the execution lock, and since when. since is written first: who
	// reads it after holder never takes a lock to be held longer than it is.
	holder atomic.Uint64 // a task, somebody, or 0 for nobody
	since  atomic.Int64  // Mono
}

// somebody holds the lock who is no task.
const somebody = 1 << 63

func newWatch(c *console.Console) *watch {
	if c == nil {
		return nil
	}
	v := &watch{console: c, site: console.Here(0)}
	v.lock = c.NewResource(console.ResourceOptions{Kind: "Mutex", Type: "sync.Mutex", Name: "execution lock", State: v.lockState})
	v.keys = c.NewResource(console.ResourceOptions{Kind: "Keys", Type: "keyspace.Space", Name: "keys that clients wait for"})
	v.pubsub = c.NewResource(console.ResourceOptions{Kind: "PubSub", Type: "pubsub.Hub", Name: "channels"})
	v.topics.v = v
	return v
}

func (v *watch) lockState(add func(console.Field)) {
	holder := v.holder.Load()
	add(console.Bool("locked", holder != 0))
	if holder == 0 {
		return
	}
	if holder != somebody {
		add(console.Uint(console.HolderAttribute, holder))
	}
	add(console.Uint(console.HeldAttribute, uint64(max(v.console.Mono()-v.since.Load(), 0))/1e6).In("ms"))
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

// loop makes a loop's task, and the loop as a resource.
func (v *watch) loop(name string, w *worker) *console.Task {
	if v == nil {
		return nil
	}
	v.console.NewResource(console.ResourceOptions{Kind: "Loop", Type: "epoll", Name: name, State: func(add func(console.Field)) {
		add(console.Int("connections", w.size.Load()))
		add(console.Int("posted", int64(w.mail.waiting())))
	}})
	return v.console.NewTask(console.TaskOptions{Name: name, Kind: console.KindBlocking})
}

// housekeeping makes the task of the server's own work.
func (v *watch) housekeeping() *console.Task {
	if v == nil {
		return nil
	}
	return v.console.NewTask(console.TaskOptions{Name: "housekeeping", Kind: console.KindBlocking})
}

// waitForLock tells that a loop has to wait for the execution lock.
func (v *watch) waitForLock(t *console.Task) *console.AsyncOp {
	if v == nil {
		return nil
	}
	return v.lock.Wait(t, "Mutex.Lock", "lock")
}

// locked tells who has got the execution lock, nil for no task, and when.
func (v *watch) locked(t *console.Task, at int64) {
	if v == nil {
		return
	}
	id := t.ID()
	if id == 0 {
		id = somebody
	}
	v.since.Store(at)
	v.holder.Store(id)
}

// unlocked tells that nobody has it.
func (v *watch) unlocked() {
	if v != nil {
		v.holder.Store(0)
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
	v.pubsub.Set(console.Int("other", int64(channels+patterns-v.topics.shown)))
	v.keys.Set(console.Int("waiting", int64(blocked)))
}
