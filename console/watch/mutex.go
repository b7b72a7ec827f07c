package watch

import (
	"sync"
	"sync/atomic"

	"mini-redis/console"
)

// Mutex is a sync.Mutex that can be watched. The zero Mutex is one that is not.
type Mutex struct {
	gate
	mu     sync.Mutex
	holder atomic.Uint64 // task, or one of the following
	held   held
}

// What a lock's holder is when it is no task.
const (
	nobody  = 0
	unknown = 1 << 63
)

// holderOf is the holder that a task becomes.
func holderOf(t *console.Task) uint64 {
	if id := t.ID(); id != 0 {
		return id
	}
	return unknown
}

// NewMutex returns a mutex with a name for viewers.
func NewMutex(c *console.Console, name string) *Mutex {
	m := &Mutex{}
	m.init(c, "Mutex", "sync.Mutex", name, m.state)
	return m
}

func (m *Mutex) state(add func(console.Field)) {
	holder := m.holder.Load()
	add(console.Bool("locked", holder != nobody))
	if holder != nobody {
		if holder != unknown {
			add(console.Uint(console.HolderAttribute, holder))
		}
		add(m.held.field(m.c))
	}
	add(console.Int("waiters", m.waiters.Load()))
}

// Lock locks m for the task whose goroutine calls.
func (m *Mutex) Lock() { m.LockTask(m.c.Current()) }

// LockTask locks m for the task.
func (m *Mutex) LockTask(t *console.Task) {
	if m.off() {
		m.mu.Lock()
		return
	}
	if !m.mu.TryLock() {
		m.wait(t, "Mutex.Lock", "lock", func() bool { m.mu.Lock(); return true })
	}
	m.took(t)
}

// TryLock locks m if that is possible at once, and reports whether it was.
func (m *Mutex) TryLock() bool {
	if !m.mu.TryLock() {
		return false
	}
	if !m.off() {
		m.took(m.c.Current())
	}
	return true
}

func (m *Mutex) took(t *console.Task) {
	m.held.take(m.c)
	m.holder.Store(holderOf(t))
}

// Unlock unlocks m.
func (m *Mutex) Unlock() {
	if !m.off() {
		m.holder.Store(nobody)
		m.open()
	}
	m.mu.Unlock()
}

// Close takes the mutex out of the viewers' sight. It works on.
func (m *Mutex) Close() { m.r.Drop() }
