package watch

import (
	"sync"
	"sync/atomic"

	"mini-redis/console"
)

// Mutex is an observable sync.Mutex. The zero Mutex is usable but not recorded.
type Mutex struct {
	instrumented
	mu     sync.Mutex
	holder atomic.Uint64 // task ID, noHolder or unknownHolder
	held   holdTime
}

// Values of a lock's holder that are not task IDs.
const (
	noHolder      = 0
	unknownHolder = 1 << 63
)

// holderOf returns the holder value for task t.
func holderOf(t *console.Task) uint64 {
	if id := t.ID(); id != 0 {
		return id
	}
	return unknownHolder
}

// NewMutex returns a mutex. name is shown in viewers.
func NewMutex(c *console.Console, name string) *Mutex {
	m := &Mutex{}
	m.init(c, "Mutex", "sync.Mutex", name, m.state)
	return m
}

func (m *Mutex) state(add func(console.Field)) {
	holder := m.holder.Load()
	add(console.Bool("locked", holder != noHolder))
	if holder != noHolder {
		if holder != unknownHolder {
			add(console.Uint(console.HolderAttribute, holder))
		}
		add(m.held.field(m.c))
	}
	add(console.Int("waiters", m.waiters.Load()))
}

// Lock locks m for the task of the calling goroutine.
func (m *Mutex) Lock() { m.LockTask(m.c.Current()) }

// LockTask locks m for task t.
func (m *Mutex) LockTask(t *console.Task) {
	if m.off() {
		m.mu.Lock()
		return
	}
	if !m.mu.TryLock() {
		m.wait(t, "Mutex.Lock", "lock", func() bool { m.mu.Lock(); return true })
	}
	m.setHolder(t)
}

// TryLock tries to lock m and reports whether it succeeded.
func (m *Mutex) TryLock() bool {
	if !m.mu.TryLock() {
		return false
	}
	if !m.off() {
		m.setHolder(m.c.Current())
	}
	return true
}

func (m *Mutex) setHolder(t *console.Task) {
	m.held.start(m.c)
	m.holder.Store(holderOf(t))
}

// Unlock unlocks m.
func (m *Mutex) Unlock() {
	if !m.off() {
		m.holder.Store(noHolder)
		m.recordWake()
	}
	m.mu.Unlock()
}

// Close reports to viewers that the mutex no longer exists. The mutex remains usable.
func (m *Mutex) Close() { m.r.Drop() }
