package watch

import (
	"context"
	"sync/atomic"

	"golang.org/x/sync/semaphore"

	"mini-redis/console"
)

// Semaphore is an observable semaphore.Weighted.
type Semaphore struct {
	instrumented
	sem   *semaphore.Weighted
	size  int64
	taken atomic.Int64
	users holders
}

// NewSemaphore returns a semaphore of size permits. name is shown in viewers.
func NewSemaphore(c *console.Console, name string, size int64) *Semaphore {
	s := &Semaphore{sem: semaphore.NewWeighted(size), size: size}
	s.init(c, "Semaphore", "semaphore.Weighted", name, s.state)
	return s
}

// state lists the tasks that have permits. Only the user of a single permit is a holder, by which
// viewers detect deadlocks: a task that waits for one of several permits waits for whichever task
// releases one first.
func (s *Semaphore) state(add func(console.Field)) {
	name := "user"
	if s.size == 1 {
		name = console.HolderAttribute
	}
	add(console.Int("permits", s.size))
	add(console.Int("available", s.size-s.taken.Load()))
	s.users.fields(name, add)
	add(console.Int("waiters", s.waiters.Load()))
}

// Acquire takes n permits and returns nil, or returns the context's error if ctx is done first.
func (s *Semaphore) Acquire(ctx context.Context, n int64) error {
	if s.off() {
		return s.sem.Acquire(ctx, n)
	}
	t := s.caller(ctx)
	if !s.sem.TryAcquire(n) {
		var err error
		s.wait(t, "Semaphore.Acquire", "acquire", func() bool {
			err = s.sem.Acquire(ctx, n)
			return err == nil
		})
		if err != nil {
			return err
		}
	}
	s.taken.Add(n)
	s.users.add(t)
	return nil
}

// Release returns the n permits of one Acquire call of the same task.
func (s *Semaphore) Release(ctx context.Context, n int64) {
	if !s.off() {
		s.taken.Add(-n)
		s.users.remove(s.caller(ctx))
		s.recordWake()
	}
	s.sem.Release(n)
}

// Close reports to viewers that the semaphore no longer exists. The semaphore remains usable.
func (s *Semaphore) Close() { s.r.Drop() }
