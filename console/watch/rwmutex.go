package watch

import (
	"sync"
	"sync/atomic"

	"mini-redis/console"
)

// RWMutex is an observable sync.RWMutex. The zero RWMutex is usable but not recorded.
type RWMutex struct {
	instrumented
	mu      sync.RWMutex
	writer  atomic.Uint64 // task ID, noHolder or unknownHolder
	readers holders
	held    holdTime
}

// NewRWMutex returns a read-write mutex. name is shown in viewers.
func NewRWMutex(c *console.Console, name string) *RWMutex {
	m := &RWMutex{}
	m.init(c, "RWMutex", "sync.RWMutex", name, m.state)
	return m
}

func (m *RWMutex) state(add func(console.Field)) {
	writer := m.writer.Load()
	add(console.Bool("locked", writer != noHolder))
	if writer != noHolder {
		if writer != unknownHolder {
			add(console.Uint(console.HolderAttribute, writer))
		}
		add(m.held.field(m.c))
	} else {
		add(console.Int("readers", int64(m.readers.fields(console.HolderAttribute, add))))
	}
	add(console.Int("waiters", m.waiters.Load()))
}

// Lock locks m for writing, for the task of the calling goroutine.
func (m *RWMutex) Lock() { m.LockTask(m.c.Current()) }

// LockTask locks m for writing, for task t.
func (m *RWMutex) LockTask(t *console.Task) {
	if m.off() {
		m.mu.Lock()
		return
	}
	if !m.mu.TryLock() {
		m.wait(t, "RWMutex.Lock", "lock", func() bool { m.mu.Lock(); return true })
	}
	m.held.start(m.c)
	m.writer.Store(holderOf(t))
}

// Unlock unlocks m for writing.
func (m *RWMutex) Unlock() {
	if !m.off() {
		m.writer.Store(noHolder)
		m.recordWake()
	}
	m.mu.Unlock()
}

// RLock locks m for reading, for the task of the calling goroutine.
func (m *RWMutex) RLock() { m.RLockTask(m.c.Current()) }

// RLockTask locks m for reading, for task t.
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

// RUnlock undoes one RLock call of the same task.
func (m *RWMutex) RUnlock() { m.RUnlockTask(m.c.Current()) }

// RUnlockTask undoes one RLockTask call for task t.
func (m *RWMutex) RUnlockTask(t *console.Task) {
	if !m.off() {
		m.readers.remove(t)
		m.recordWake()
	}
	m.mu.RUnlock()
}

// Close reports to viewers that the mutex no longer exists. The mutex remains usable.
func (m *RWMutex) Close() { m.r.Drop() }
