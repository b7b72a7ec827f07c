package lint

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"mini-redis/console"
	"mini-redis/services/console/internal/model"
)

// locks checks for locks that have been held too long while operations wait for them.
func (c *checker) locks() {
	waiting := map[uint64]int{}
	for _, o := range c.t.Ops {
		if !o.Done() {
			waiting[o.Resource]++
		}
	}
	for _, r := range c.t.Resources {
		if !r.Dropped.IsZero() || waiting[r.WireID] == 0 {
			continue
		}
		held, ok := heldFor(r)
		if !ok || held < c.o.LockHeld {
			continue
		}
		by := ""
		if h := holders(r); len(h) > 0 {
			by = " by task " + c.t.TaskTitle(h[0])
		}
		c.warn(Warning{Lint: LockHeld, Resources: []uint64{r.WireID}, Text: fmt.Sprintf(
			"%s has been held for %s%s; %d waiting", resourceName(r), held.Round(time.Millisecond), by, waiting[r.WireID])})
	}
}

// heldFor returns how long the resource has been held, if the program reports it.
func heldFor(r *model.Resource) (time.Duration, bool) {
	f, ok := r.Attribute(console.HeldAttribute)
	if !ok {
		return 0, false
	}
	d, err := time.ParseDuration(f.Value + f.Unit)
	return d, err == nil
}

// holders returns the wire IDs of the tasks that hold the resource.
func holders(r *model.Resource) (list []uint64) {
	for _, a := range r.Attributes {
		if a.Name != console.HolderAttribute {
			continue
		}
		if id, err := strconv.ParseUint(a.Value, 10, 64); err == nil {
			list = append(list, id)
		}
	}
	return list
}

// deadlocks checks for cycles of tasks in which each task waits for a resource that the next one
// holds. A task that waits for a resource with several holders waits for all of them, so one holder
// in the cycle is sufficient.
//
// The program continues to run while an update is made, so an update may combine states that never
// existed at the same time. Therefore only waits that began before the previous update count: the
// tasks have waited since then and released nothing.
func (c *checker) deadlocks() {
	type wait struct {
		resource *model.Resource
		next     []uint64
	}
	waits := map[uint64]wait{}
	for _, o := range c.t.Ops {
		r := c.t.Resources[o.Resource]
		if o.Done() || o.Task == 0 || r == nil || !r.Dropped.IsZero() || !o.Created.Before(c.t.Previous) {
			continue
		}
		if h := holders(r); len(h) > 0 {
			waits[o.Task] = wait{r, h}
		}
	}
	const visiting, visited = 1, 2
	state := map[uint64]int{}
	var path []uint64
	var visit func(task uint64)
	visit = func(task uint64) {
		state[task] = visiting
		path = append(path, task)
		for _, next := range waits[task].next {
			switch {
			case state[next] == 0 && waits[next].resource != nil:
				visit(next)
			case state[next] == visiting:
				cycle := slices.Clone(path[slices.Index(path, next):])
				c.deadlock(cycle, func(task uint64) *model.Resource { return waits[task].resource })
			}
		}
		path = path[:len(path)-1]
		state[task] = visited
	}
	tasks := make([]uint64, 0, len(waits))
	for task := range waits {
		tasks = append(tasks, task)
	}
	slices.Sort(tasks)
	for _, task := range tasks {
		if state[task] == 0 {
			visit(task)
		}
	}
}

// deadlock adds a warning about all tasks and resources of a cycle.
func (c *checker) deadlock(cycle []uint64, waitsFor func(task uint64) *model.Resource) {
	w := Warning{Lint: Deadlock, Tasks: cycle}
	var parts []string
	for i, task := range cycle {
		r := waitsFor(task)
		w.Resources = append(w.Resources, r.WireID)
		parts = append(parts, fmt.Sprintf("task %s waits for %s, held by task %s",
			c.t.TaskTitle(task), resourceName(r), c.t.TaskTitle(cycle[(i+1)%len(cycle)])))
	}
	w.Text = "deadlock: " + strings.Join(parts, "; ")
	if len(cycle) == 1 {
		w.Text = fmt.Sprintf("deadlock: task %s waits for %s, which it holds itself", c.t.TaskTitle(cycle[0]), resourceName(waitsFor(cycle[0])))
	}
	c.warn(w)
}
