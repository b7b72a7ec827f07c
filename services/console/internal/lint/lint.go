// Package lint looks for what is likely wrong in a watched program. A lint
// speaks only of what the program has sent: where it sends no wakers, none is
// lost; where a lock does not name its holder, there is no deadlock.
package lint

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"mini-redis/services/console/internal/model"
)

// The lints, by the names that -warn and -allow take.
const (
	SelfWakes    = "self-wakes"
	LostWaker    = "lost-waker"
	NeverYielded = "never-yielded"
	AutoBoxed    = "auto-boxed-future"
	LargeFuture  = "large-future"
	LockHeld     = "lock-held"
	Deadlock     = "deadlock"
	Leaked       = "leaked"
)

// All are the names of all lints.
var All = []string{Deadlock, Leaked, LockHeld, NeverYielded, LostWaker, SelfWakes, AutoBoxed, LargeFuture}

// Options are the lints' thresholds, and which are on.
type Options struct {
	Off           map[string]bool
	SelfWakes     float64       // percent of a task's wakes that are its own; more is too many
	SelfWakesFrom uint64        // wakes, before which there is nothing to say
	NeverYielded  time.Duration // how long a first poll may take
	LargeFuture   uint64        // bytes; as many are too many
	LockHeld      time.Duration // how long a lock may be held while others wait
}

// Defaults are tokio-console's thresholds where it has the lint.
func Defaults() Options {
	return Options{SelfWakes: 50, SelfWakesFrom: 10, NeverYielded: time.Second, LargeFuture: 1024, LockHeld: time.Second}
}

// Warning is one finding.
type Warning struct {
	Lint   string
	Target *model.Target
	// What it is about, by wire number.
	Tasks, Resources []uint64
	Goroutine        uint64
	Text             string
}

// Findings are all warnings of the moment, the gravest kind first.
type Findings struct {
	List   []Warning
	byTask map[itemKey]int
	byRes  map[itemKey]int
}

type itemKey struct {
	target *model.Target
	id     uint64
}

// OfTask and OfResource count the warnings about an item.
func (f *Findings) OfTask(t *model.Task) int { return f.byTask[itemKey{t.Target, t.Wire}] }

// OfResource counts the warnings about a resource.
func (f *Findings) OfResource(r *model.Resource) int { return f.byRes[itemKey{r.Target, r.Wire}] }

// About returns the warnings about a task.
func (f *Findings) About(t *model.Task) (list []Warning) {
	for _, w := range f.List {
		if w.Target == t.Target && slices.Contains(w.Tasks, t.Wire) {
			list = append(list, w)
		}
	}
	return list
}

// AboutResource returns the warnings about a resource.
func (f *Findings) AboutResource(r *model.Resource) (list []Warning) {
	for _, w := range f.List {
		if w.Target == r.Target && slices.Contains(w.Resources, r.Wire) {
			list = append(list, w)
		}
	}
	return list
}

// Check looks at everything there is.
func Check(w *model.World, o Options) *Findings {
	f := &Findings{byTask: map[itemKey]int{}, byRes: map[itemKey]int{}}
	for _, t := range w.Targets {
		c := checker{o: o, t: t, f: f}
		c.tasks()
		c.locks()
		c.deadlocks()
		c.leaks()
	}
	rank := map[string]int{}
	for i, name := range All {
		rank[name] = i
	}
	sort.SliceStable(f.List, func(i, j int) bool {
		a, b := f.List[i], f.List[j]
		switch {
		case a.Lint != b.Lint:
			return rank[a.Lint] < rank[b.Lint]
		case a.Target.Index != b.Target.Index:
			return a.Target.Index < b.Target.Index
		}
		return cmp.Or(slices.Compare(a.Tasks, b.Tasks), slices.Compare(a.Resources, b.Resources), cmp.Compare(a.Goroutine, b.Goroutine)) < 0
	})
	return f
}

// checker looks at one target.
type checker struct {
	o Options
	t *model.Target
	f *Findings
}

func (c *checker) warn(w Warning) {
	if c.o.Off[w.Lint] {
		return
	}
	w.Target = c.t
	c.f.List = append(c.f.List, w)
	for _, id := range w.Tasks {
		c.f.byTask[itemKey{c.t, id}]++
	}
	for _, id := range w.Resources {
		c.f.byRes[itemKey{c.t, id}]++
	}
}

func (c *checker) tasks() {
	for _, x := range c.t.Tasks {
		c.future(x)
		if x.Blocking() {
			continue
		}
		if p := x.SelfWakePercent(); p > c.o.SelfWakes && x.Stats.Wakes >= c.o.SelfWakesFrom {
			c.warn(Warning{Lint: SelfWakes, Tasks: []uint64{x.Wire}, Text: fmt.Sprintf(
				"task %s has woken itself for more than %.0f%% of its wakes (%.0f%% of %d)", name(x), c.o.SelfWakes, p, x.Stats.Wakes)})
		}
		// A program that has never told of a waker does not count them.
		if c.t.CountsWakers && x.State() == model.Idle && x.Wakers() == 0 && x.Stats.Polls > 0 {
			c.warn(Warning{Lint: LostWaker, Tasks: []uint64{x.Wire}, Text: fmt.Sprintf(
				"task %s has lost its waker, and will never be woken again", name(x))})
		}
		if x.State() == model.Running && x.Stats.Polls <= 1 && x.Busy() >= c.o.NeverYielded {
			c.warn(Warning{Lint: NeverYielded, Tasks: []uint64{x.Wire}, Text: fmt.Sprintf(
				"task %s has never yielded (%s so far)", name(x), x.Busy().Round(time.Millisecond))})
		}
	}
}

// future looks at what Rust programs say of a task's memory.
func (c *checker) future(x *model.Task) {
	size, original := number(x.Fields, "size.bytes"), number(x.Fields, "original_size.bytes")
	if size > 0 && original > 0 && size != original {
		c.warn(Warning{Lint: AutoBoxed, Tasks: []uint64{x.Wire}, Text: fmt.Sprintf(
			"the future of task %s was boxed by the runtime because of its size (%d bytes, boxed %d)", name(x), original, size)})
	}
	if size >= c.o.LargeFuture && !x.Blocking() && c.o.LargeFuture > 0 {
		c.warn(Warning{Lint: LargeFuture, Tasks: []uint64{x.Wire}, Text: fmt.Sprintf("the future of task %s is large (%d bytes)", name(x), size)})
	}
}

func (c *checker) leaks() {
	s := c.t.Goroutines
	if !s.GetLeaksKnown() {
		return
	}
	for _, g := range s.GetGoroutines() {
		if g.GetLeaked() {
			c.warn(Warning{Lint: Leaked, Goroutine: g.GetId(), Tasks: c.tasksOf(g.GetTask()), Text: fmt.Sprintf(
				"goroutine %d (%s) waits for what nobody can reach any more (%s)", g.GetId(), g.GetName(), g.GetState())})
		}
	}
	if !s.GetBySite() {
		return
	}
	for _, site := range s.GetSites() {
		if site.GetLeaked() > 0 {
			c.warn(Warning{Lint: Leaked, Text: fmt.Sprintf("leaked: %d of %s, started at %s, wait for what nobody can reach any more",
				site.GetLeaked(), site.GetName(), site.GetLocation())})
		}
	}
}

// tasksOf is the wire number where the task is known, else nothing.
func (c *checker) tasksOf(wire uint64) []uint64 {
	if c.t.Tasks[wire] == nil {
		return nil
	}
	return []uint64{wire}
}

func number(fields []model.Field, name string) uint64 {
	for _, f := range fields {
		if f.Name == name {
			return f.Number
		}
	}
	return 0
}

func name(x *model.Task) string {
	if x.Name == "" {
		return fmt.Sprint(x.ID)
	}
	return fmt.Sprintf("%d (%s)", x.ID, x.Name)
}

func resourceName(r *model.Resource) string {
	if n := r.Name(); n != "" {
		return strings.ToLower(r.Kind) + " " + n
	}
	return fmt.Sprintf("%s %d", strings.ToLower(r.Kind), r.ID)
}
