package watch

import (
	"slices"
	"sync"

	"mini-redis/console"
)

// maxHolders is how many holders are named.
const maxHolders = 16

// holders is the set of tasks that share something. A task that holds it twice
// is in it twice.
type holders struct {
	mu    sync.Mutex
	tasks []uint64
	count int // with those that are not known
}

func (h *holders) add(t *console.Task) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.count++
	if id := t.ID(); id != 0 {
		h.tasks = append(h.tasks, id)
	}
}

func (h *holders) remove(t *console.Task) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.count--
	if i := slices.Index(h.tasks, t.ID()); i >= 0 {
		h.tasks = slices.Delete(h.tasks, i, i+1)
	}
}

// fields adds the holders under the given name, and returns how many there are.
func (h *holders) fields(name string, add func(console.Field)) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range h.tasks[:min(len(h.tasks), maxHolders)] {
		add(console.Uint(name, id))
	}
	return h.count
}
