package console

import (
	"sync"
	"time"
)

// entry is what a registry knows of an item; items embed it.
type entry struct {
	id   uint64
	slot int   // place in live
	end  int64 // Mono when it ended, 0 before; the registry's lock guards it
}

func (e *entry) registered() *entry { return e }

// item is something a registry can hold.
type item interface{ registered() *entry }

// registry holds the items there are, and for a while those that have ended,
// all of it bounded.
type registry[T item] struct {
	mu        sync.Mutex
	live      []T
	closed    []T // oldest first, from first on
	first     int
	maxLive   int
	maxClosed int
	retention int64
	dropped   uint64 // items that were never recorded, or forgotten early
}

func (r *registry[T]) limit(live, closed int, retention time.Duration) {
	r.maxLive, r.maxClosed, r.retention = live, closed, int64(retention)
}

// add reports whether there was room.
func (r *registry[T]) add(x T) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.live) >= r.maxLive {
		r.dropped++
		return false
	}
	x.registered().slot = len(r.live)
	r.live = append(r.live, x)
	return true
}

// close moves an item to those that have ended. It reports false when it had
// ended before.
func (r *registry[T]) close(x T, at int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := x.registered()
	if e.end != 0 {
		return false
	}
	e.end = at
	last := r.live[len(r.live)-1]
	r.live[e.slot], last.registered().slot = last, e.slot
	var none T
	r.live[len(r.live)-1] = none
	r.live = r.live[:len(r.live)-1]
	r.closed = append(r.closed, x)
	if len(r.closed)-r.first > r.maxClosed {
		r.forget(1)
	}
	return true
}

// forget lets go of the n that ended first.
func (r *registry[T]) forget(n int) {
	var none T
	for range n {
		r.closed[r.first] = none
		r.first++
	}
	if r.first > len(r.closed)/2 {
		rest := copy(r.closed, r.closed[r.first:])
		clear(r.closed[rest:])
		r.closed, r.first = r.closed[:rest], 0
	}
}

// snapshot appends all items that are known at the given time, and says how
// many were dropped so far.
func (r *registry[T]) snapshot(to []T, now int64) ([]T, uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := 0
	for _, x := range r.closed[r.first:] {
		if now-x.registered().end <= r.retention {
			break
		}
		old++
	}
	r.forget(old)
	to = append(to, r.live...)
	return append(to, r.closed[r.first:]...), r.dropped
}

// find returns the item with the number.
func (r *registry[T]) find(id uint64) (found T, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, list := range [][]T{r.live, r.closed[r.first:]} {
		for _, x := range list {
			if x.registered().id == id {
				return x, true
			}
		}
	}
	return found, false
}
