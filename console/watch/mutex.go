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
	locked atomic.Bool
	holder atomic.Uint64 // task, 0 where it is not known
	held   held
}

// NewMutex returns a mutex with a name for viewers.
func NewMutex(c *console.Console, name string) *Mutex {
	m := &Mutex{}
	m.init(c, "Mutex", "sync.Mutex", name, m.state)
	return m
}

func (m *Mutex) state(add func(console.Field)) {
	locked := m.locked.Load()
	add(console.Bool("locked", locked))
	if locked {
		if id := m.holder.Load(); id != 0 {
			add(console.Uint(console.HolderAttribute, id))
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
	m.holder.Store(t.ID())
	m.locked.Store(true)
}

// Unlock unlocks m.
func (m *Mutex) Unlock() {
	if !m.off() {
		m.locked.Store(false)
		m.holder.Store(0)
		m.open()
	}
	m.mu.Unlock()
}

// Close takes the mutex out of the viewers' sight. It works on.
func (m *Mutex) Close() { m.r.Drop() }
