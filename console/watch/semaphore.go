package watch

import (
	"context"
	"sync/atomic"

	"golang.org/x/sync/semaphore"

	"mini-redis/console"
)

// Semaphore is a semaphore.Weighted that can be watched.
type Semaphore struct {
	gate
	sem   *semaphore.Weighted
	size  int64
	taken atomic.Int64
	users holders
}

// NewSemaphore returns a semaphore of size permits with a name for viewers.
func NewSemaphore(c *console.Console, name string, size int64) *Semaphore {
	s := &Semaphore{sem: semaphore.NewWeighted(size), size: size}
	s.init(c, "Semaphore", "semaphore.Weighted", name, s.state)
	return s
}

// state names who has the permits. Only of a single permit is that its holder:
// who waits for one of several waits for whoever is first to give one back.
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

// Acquire takes n permits, or returns the context's error.
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

// Release gives n permits back, those of one Acquire in the same task.
func (s *Semaphore) Release(ctx context.Context, n int64) {
	if !s.off() {
		s.taken.Add(-n)
		s.users.remove(s.caller(ctx))
		s.open()
	}
	s.sem.Release(n)
}

// Close takes the semaphore out of the viewers' sight. It works on.
func (s *Semaphore) Close() { s.r.Drop() }
