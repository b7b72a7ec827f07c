package console

import (
	"sync"
	"time"
)

// entry is the registry's state of an item. Items embed it.
type entry struct {
	id   uint64
	slot int   // index in live
	end  int64 // Mono when the item ended, 0 before; guarded by the registry's mutex
}

func (e *entry) registryEntry() *entry { return e }

// item is a type that a registry can hold.
type item interface{ registryEntry() *entry }

// registry holds the existing items and, for the retention period, the ended items. Both lists are
// bounded.
type registry[T item] struct {
	mu        sync.Mutex
	live      []T
	closed    []T // ordered by end, oldest first; the elements before first are free
	first     int
	maxLive   int
	maxClosed int
	retention int64
	dropped   uint64 // items not recorded because the registry was full
}

func (r *registry[T]) setLimits(live, closed int, retention time.Duration) {
	r.maxLive, r.maxClosed, r.retention = live, closed, int64(retention)
}

// add records x. It reports false if the registry is full.
func (r *registry[T]) add(x T) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.live) >= r.maxLive {
		r.dropped++
		return false
	}
	x.registryEntry().slot = len(r.live)
	r.live = append(r.live, x)
	return true
}

// close moves an item to the ended items. It reports false if the item had ended before.
func (r *registry[T]) close(x T, at int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := x.registryEntry()
	if e.end != 0 {
		return false
	}
	e.end = at
	last := r.live[len(r.live)-1]
	r.live[e.slot], last.registryEntry().slot = last, e.slot
	var none T
	r.live[len(r.live)-1] = none
	r.live = r.live[:len(r.live)-1]
	r.closed = append(r.closed, x)
	if len(r.closed)-r.first > r.maxClosed {
		r.evict(1)
	}
	return true
}

// evict removes the n items that ended first. The caller holds r.mu.
func (r *registry[T]) evict(n int) {
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

// snapshot appends to to all items that are retained at time now. It also returns how many items
// have been dropped so far.
func (r *registry[T]) snapshot(to []T, now int64) ([]T, uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := 0
	for _, x := range r.closed[r.first:] {
		if now-x.registryEntry().end <= r.retention {
			break
		}
		old++
	}
	r.evict(old)
	to = append(to, r.live...)
	return append(to, r.closed[r.first:]...), r.dropped
}

// find returns the item with the given ID.
func (r *registry[T]) find(id uint64) (found T, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, list := range [][]T{r.live, r.closed[r.first:]} {
		for _, x := range list {
			if x.registryEntry().id == id {
				return x, true
			}
		}
	}
	return found, false
}
