package console

import (
	"sync"
	"sync/atomic"
)

// AsyncOp is a task's wait for something: it begins when the task has to wait
// and ends when it has what it wanted, or has given up. Its methods may be
// called from any goroutine, and on nil, where they do nothing.
type AsyncOp struct {
	entry
	c       *Console
	source  string
	op      string
	task    uint64
	res     uint64
	meta    uint64
	attrs   []Field
	created int64
	mutated atomic.Uint64

	mu      sync.Mutex
	dropped int64
	polls   uint64
	last    int64
}

// Wait says that the task waits for the resource: source names the call
// (Mutex.Lock), op what is tried (lock). t is nil where it is not known who
// waits. Call Ready or Drop on what it returns.
func (r *Resource) Wait(t *Task, source, op string, attrs ...Field) *AsyncOp {
	if r == nil {
		return nil
	}
	at := r.c.clock.Mono()
	a := &AsyncOp{
		entry: entry{id: r.c.nextID()}, c: r.c, source: source, op: op, task: t.ID(), res: r.id, attrs: attrs,
		meta: r.c.metas.id(metaAsyncOp, r.o.Site.pkg), created: at, polls: 1, last: at,
	}
	if !r.c.ops.add(a) {
		return nil
	}
	a.poll(false)
	return a
}

// Retry says that the task looked again, and has to go on waiting.
func (a *AsyncOp) Retry() {
	if a == nil {
		return
	}
	a.mu.Lock()
	a.polls++
	a.last = a.c.clock.Mono()
	a.mutated.Add(1)
	a.mu.Unlock()
	a.poll(false)
}

// Ready ends the wait: the task has what it waited for.
func (a *AsyncOp) Ready() { a.finish(true) }

// Drop ends the wait without success: a deadline, or a client that has left.
func (a *AsyncOp) Drop() { a.finish(false) }

func (a *AsyncOp) finish(ready bool) {
	if a == nil {
		return
	}
	at := a.c.clock.Mono()
	a.mu.Lock()
	if a.dropped != 0 {
		a.mu.Unlock()
		return
	}
	if ready {
		a.polls++
		a.last = at
	}
	a.dropped = at
	a.mutated.Add(1)
	a.mu.Unlock()
	a.poll(ready)
	a.c.ops.close(a, at)
}

func (a *AsyncOp) poll(ready bool) {
	a.c.pollOps.add(a.c, pollOp{meta: a.meta, resource: a.res, name: a.op, task: a.task, op: a.id, ready: ready})
}

// Tried records an attempt that did not wait.
func (r *Resource) Tried(t *Task, op string, ready bool) {
	if r == nil {
		return
	}
	r.c.pollOps.add(r.c, pollOp{meta: r.meta, resource: r.id, name: op, task: t.ID(), ready: ready})
}

// pollOp is one attempt on a resource.
type pollOp struct {
	meta, resource, task, op uint64
	name                     string
	ready                    bool
}

// pollLog holds the latest attempts, for viewers that come by to read them.
type pollLog struct {
	mu   sync.Mutex
	next uint64 // how many there have been
	ring [1024]pollOp
}

func (l *pollLog) add(c *Console, p pollOp) {
	if c.watchers.Load() == 0 {
		return
	}
	l.mu.Lock()
	l.ring[l.next%uint64(len(l.ring))] = p
	l.next++
	l.mu.Unlock()
}

// since returns what was added after the first n, as far as it is still there,
// and how many are not.
func (l *pollLog) since(n uint64) (list []pollOp, next, missed uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if size := uint64(len(l.ring)); l.next-n > size {
		missed = l.next - n - size
		n += missed
	}
	for ; n < l.next; n++ {
		list = append(list, l.ring[n%uint64(len(l.ring))])
	}
	return list, l.next, missed
}
