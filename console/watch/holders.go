package watch

import (
	"slices"
	"sync"

	"mini-redis/console"
)

// maxHolders is the maximum number of holders that are listed.
const maxHolders = 16

// holders is the multiset of tasks that hold a shared lock or permits. A task that holds it twice
// is in it twice.
type holders struct {
	mu    sync.Mutex
	tasks []uint64
	count int // including holders that are not tasks
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

// fields adds one field with the given name for each of up to maxHolders tasks. It returns the
// number of all holders.
func (h *holders) fields(name string, add func(console.Field)) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range h.tasks[:min(len(h.tasks), maxHolders)] {
		add(console.Uint(name, id))
	}
	return h.count
}
