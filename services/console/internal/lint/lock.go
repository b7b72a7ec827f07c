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

// locks looks for locks that are held long while others wait.
func (c *checker) locks() {
	waiting := map[uint64]int{}
	for _, o := range c.t.Ops {
		if !o.Done() {
			waiting[o.Resource]++
		}
	}
	for _, r := range c.t.Resources {
		if !r.Dropped.IsZero() || waiting[r.Wire] == 0 {
			continue
		}
		held, ok := heldFor(r)
		if !ok || held < c.o.LockHeld {
			continue
		}
		by := ""
		if h := holders(r); len(h) > 0 {
			by = " by task " + c.t.TaskOf(h[0])
		}
		c.warn(Warning{Lint: LockHeld, Resources: []uint64{r.Wire}, Text: fmt.Sprintf(
			"%s has been held for %s%s, and %d wait for it", resourceName(r), held.Round(time.Millisecond), by, waiting[r.Wire])})
	}
}

// heldFor is how long the program says that the resource has been held.
func heldFor(r *model.Resource) (time.Duration, bool) {
	f, ok := r.Attribute(console.HeldAttribute)
	if !ok {
		return 0, false
	}
	d, err := time.ParseDuration(f.Value + f.Unit)
	return d, err == nil
}

// holders are the tasks that hold the resource, by wire number.
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

// deadlocks looks for circles of tasks each of which waits for something that
// the next one holds. A task that waits for a resource with several holders
// waits for all of them, so one is enough.
//
// The program does not stop while an update is made, so an update may join what
// was never true at one time. Only waits that are older than the update before
// count: those tasks have waited all the while, and let go of nothing.
func (c *checker) deadlocks() {
	type wait struct {
		resource *model.Resource
		next     []uint64
	}
	waits := map[uint64]wait{}
	for _, o := range c.t.Ops {
		r := c.t.Resources[o.Resource]
		if o.Done() || o.Task == 0 || r == nil || !r.Dropped.IsZero() || !o.Created.Before(c.t.Before) {
			continue
		}
		if h := holders(r); len(h) > 0 {
			waits[o.Task] = wait{r, h}
		}
	}
	const looking, seen = 1, 2
	state := map[uint64]int{}
	var path []uint64
	var visit func(task uint64)
	visit = func(task uint64) {
		state[task] = looking
		path = append(path, task)
		for _, next := range waits[task].next {
			switch {
			case state[next] == 0 && waits[next].resource != nil:
				visit(next)
			case state[next] == looking:
				circle := slices.Clone(path[slices.Index(path, next):])
				c.deadlock(circle, func(task uint64) *model.Resource { return waits[task].resource })
			}
		}
		path = path[:len(path)-1]
		state[task] = seen
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

// deadlock warns of a circle, which is about all its tasks and resources.
func (c *checker) deadlock(circle []uint64, waitsFor func(task uint64) *model.Resource) {
	w := Warning{Lint: Deadlock, Tasks: circle}
	var parts []string
	for i, task := range circle {
		r := waitsFor(task)
		w.Resources = append(w.Resources, r.Wire)
		parts = append(parts, fmt.Sprintf("task %s waits for %s, held by task %s",
			c.t.TaskOf(task), resourceName(r), c.t.TaskOf(circle[(i+1)%len(circle)])))
	}
	w.Text = "deadlock: " + strings.Join(parts, "; ")
	if len(circle) == 1 {
		w.Text = fmt.Sprintf("deadlock: task %s waits for %s, which it holds itself", c.t.TaskOf(circle[0]), resourceName(waitsFor(circle[0])))
	}
	c.warn(w)
}
