package watch

import (
	"sync"
	"sync/atomic"

	"mini-redis/console"
)

// RWMutex is a sync.RWMutex that can be watched. The zero RWMutex is one that
// is not.
type RWMutex struct {
	gate
	mu      sync.RWMutex
	writer  atomic.Uint64 // task, nobody or unknown
	readers holders
	held    held
}

// NewRWMutex returns a read-write mutex with a name for viewers.
func NewRWMutex(c *console.Console, name string) *RWMutex {
	m := &RWMutex{}
	m.init(c, "RWMutex", "sync.RWMutex", name, m.state)
	return m
}

func (m *RWMutex) state(add func(console.Field)) {
	writer := m.writer.Load()
	add(console.Bool("locked", writer != nobody))
	if writer != nobody {
		if writer != unknown {
			add(console.Uint(console.HolderAttribute, writer))
		}
		add(m.held.field(m.c))
	} else {
		add(console.Int("readers", int64(m.readers.fields(console.HolderAttribute, add))))
	}
	add(console.Int("waiters", m.waiters.Load()))
}

// Lock locks m for writing, for the task whose goroutine calls.
func (m *RWMutex) Lock() { m.LockTask(m.c.Current()) }

// LockTask locks m for writing, for the task.
func (m *RWMutex) LockTask(t *console.Task) {
	if m.off() {
		m.mu.Lock()
		return
	}
	if !m.mu.TryLock() {
		m.wait(t, "RWMutex.Lock", "lock", func() bool { m.mu.Lock(); return true })
	}
	m.held.take(m.c)
	m.writer.Store(holderOf(t))
}

// Unlock ends what Lock began.
func (m *RWMutex) Unlock() {
	if !m.off() {
		m.writer.Store(nobody)
		m.open()
	}
	m.mu.Unlock()
}

// RLock locks m for reading, for the task whose goroutine calls.
func (m *RWMutex) RLock() { m.RLockTask(m.c.Current()) }

// RLockTask locks m for reading, for the task.
func (m *RWMutex) RLockTask(t *console.Task) {
	if m.off() {
		m.mu.RLock()
		return
	}
	if !m.mu.TryRLock() {
		m.wait(t, "RWMutex.RLock", "rlock", func() bool { m.mu.RLock(); return true })
	}
	m.readers.add(t)
}

// RUnlock ends what RLock began, in the same task.
func (m *RWMutex) RUnlock() { m.RUnlockTask(m.c.Current()) }

// RUnlockTask ends what RLockTask began for the task.
func (m *RWMutex) RUnlockTask(t *console.Task) {
	if !m.off() {
		m.readers.remove(t)
		m.open()
	}
	m.mu.RUnlock()
}

// Close takes the mutex out of the viewers' sight. It works on.
func (m *RWMutex) Close() { m.r.Drop() }
