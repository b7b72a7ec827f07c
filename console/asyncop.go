package console

import (
	"sync"
	"sync/atomic"
)

// AsyncOp is a wait of a task for a resource. It starts when the task has to wait, and ends when
// the task has obtained what it waited for or has given up. Its methods may be called from any
// goroutine. They do nothing on a nil AsyncOp.
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

// Wait records that task t starts to wait for the resource. source is the call (Mutex.Lock), op the
// operation (lock). t is nil if the waiting task is not known. The caller must call Ready or Drop
// on the result. Wait returns nil if the console is disabled or already has MaxAsyncOps operations.
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

// Retry records an attempt that did not succeed: the task continues to wait.
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

// Ready ends the wait successfully: the task has obtained what it waited for.
func (a *AsyncOp) Ready() { a.finish(true) }

// Drop ends the wait without success, for example after a deadline or when the client has
// disconnected.
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

// Tried records an attempt of task t that did not wait. ready reports whether it succeeded.
func (r *Resource) Tried(t *Task, op string, ready bool) {
	if r == nil {
		return
	}
	r.c.pollOps.add(r.c, pollOp{meta: r.meta, resource: r.id, name: op, task: t.ID(), ready: ready})
}

// pollOp is one attempt to use a resource.
type pollOp struct {
	meta, resource, task, op uint64
	name                     string
	ready                    bool
}

// pollLog is a ring buffer of the latest attempts, which the viewers read at each interval.
type pollLog struct {
	mu   sync.Mutex
	next uint64 // number of attempts added so far
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

// since returns the attempts added after the first n that are still in the buffer, and how many
// have been overwritten.
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
