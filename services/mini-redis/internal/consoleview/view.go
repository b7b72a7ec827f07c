// Package consoleview shows the server in a live console (package console): a task for
// each event loop, each connection and the housekeeping; the execution lock, the loops,
// the keys that clients wait for and the channels of publish/subscribe as resources. It
// implements server.Console.
package consoleview

import (
	"context"
	"sync"
	"sync/atomic"

	"mini-redis/console"
	"mini-redis/services/mini-redis/internal/server"
)

// View is the view of one server. The methods of server.Console that concern the lock
// and the topics are called under the execution lock.
type View struct {
	console *console.Console
	lock    *console.Resource
	keys    *console.Resource
	pubsub  *console.Resource
	site    console.Site // shared by connections and channels

	// The task that holds the execution lock, and since when. since is stored first:
	// a reader that loads it after holder never sees a hold that is too long.
	holder atomic.Uint64 // a task, unknownHolder, or 0 if the lock is free
	since  atomic.Int64  // monotonic

	topics int // channels and patterns that are shown

	mu    sync.Mutex
	tasks map[int64]uint64 // tasks of connections by session ID
}

var _ server.Console = (*View)(nil)

// unknownHolder stands for a holder of the lock that is not a task.
const unknownHolder = 1 << 63

// New creates the view of a server in c.
func New(c *console.Console) *View {
	v := &View{console: c, site: console.Here(0), tasks: map[int64]uint64{}}
	v.lock = c.NewResource(console.ResourceOptions{Kind: "Mutex", Type: "sync.Mutex", Name: "execution lock", State: v.lockState})
	v.keys = c.NewResource(console.ResourceOptions{Kind: "Keys", Type: "keyspace.Space", Name: "keys that clients wait for"})
	v.pubsub = c.NewResource(console.ResourceOptions{Kind: "PubSub", Type: "pubsub.Hub", Name: "channels"})
	return v
}

func (v *View) lockState(add func(console.Field)) {
	holder := v.holder.Load()
	add(console.Bool("locked", holder != 0))
	if holder == 0 {
		return
	}
	if holder != unknownHolder {
		add(console.Uint(console.HolderAttribute, holder))
	}
	add(console.Uint(console.HeldAttribute, uint64(max(v.console.Mono()-v.since.Load(), 0))/1e6).In("ms"))
}

// task implements server.Task.
type task struct {
	view *View
	task *console.Task
	wait *console.AsyncOp // for a key
	id   int64            // of the session; 0 if it is not a connection
}

// consoleTask returns the console's task of a server.Task, nil for none.
func consoleTask(t server.Task) *console.Task {
	if t, ok := t.(*task); ok {
		return t.task
	}
	return nil
}

// Loop implements server.Console.
func (v *View) Loop(name string, connections, inbox func() int64) server.Task {
	v.console.NewResource(console.ResourceOptions{Kind: "Loop", Type: "epoll", Name: name, State: func(add func(console.Field)) {
		add(console.Int("connections", connections()))
		add(console.Int("posted", inbox()))
	}})
	return &task{view: v, task: v.console.NewTask(console.TaskOptions{Name: name, Kind: console.KindBlocking})}
}

// Housekeeping implements server.Console.
func (v *View) Housekeeping() server.Task {
	return &task{view: v, task: v.console.NewTask(console.TaskOptions{Name: "housekeeping", Kind: console.KindBlocking})}
}

// Connection implements server.Console.
func (v *View) Connection(peer string, id int64, loop server.Task) server.Task {
	t := v.console.NewTask(console.TaskOptions{
		Name: "connection", Key: peer, Site: v.site, Parent: consoleTask(loop),
		Fields: []console.Field{console.Text("peer", peer), console.Int("client.id", id)},
	})
	v.mu.Lock()
	defer v.mu.Unlock()
	v.tasks[id] = t.ID()
	return &task{view: v, task: t, id: id}
}

// taskOf returns the number of a session's task, 0 for none.
func (v *View) taskOf(session int64) uint64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.tasks[session]
}

// LockWait implements server.Console.
func (v *View) LockWait(t server.Task) (done func()) {
	return v.lock.Wait(consoleTask(t), "Mutex.Lock", "lock").Ready
}

// LockTaken implements server.Console.
func (v *View) LockTaken(t server.Task, at int64) {
	id := consoleTask(t).ID()
	if id == 0 {
		id = unknownHolder
	}
	v.since.Store(at)
	v.holder.Store(id)
}

// LockReleased implements server.Console.
func (v *View) LockReleased() { v.holder.Store(0) }

// Counts implements server.Console.
func (v *View) Counts(channels, patterns, blocked int) {
	if !v.console.Watched() {
		return
	}
	v.pubsub.Set(console.Int("channels", int64(channels)))
	v.pubsub.Set(console.Int("patterns", int64(patterns)))
	v.pubsub.Set(console.Int("other", int64(channels+patterns-v.topics)))
	v.keys.Set(console.Int("waiting", int64(blocked)))
}

// Polled implements server.Task.
func (t *task) Polled(wake, began, ended int64) { t.task.Polled(wake, began, ended) }

// Waits implements server.Task.
func (t *task) Waits(operation string) {
	switch {
	case operation != "" && t.wait == nil:
		t.wait = t.view.keys.Wait(t.task, operation, "wait")
	case operation == "" && t.wait != nil:
		t.wait.Ready()
		t.wait = nil
	}
}

// Context implements server.Task.
func (t *task) Context(ctx context.Context) context.Context { return console.NewContext(ctx, t.task) }

// Drop implements server.Task.
func (t *task) Drop() {
	t.wait.Drop()
	t.task.Drop()
	if t.id != 0 {
		t.view.mu.Lock()
		defer t.view.mu.Unlock()
		delete(t.view.tasks, t.id)
	}
}
