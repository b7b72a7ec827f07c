// Package lint derives warnings from the state of the watched programs. A lint uses only data that
// the program has sent: there is no lost waker in a program that reports no wakers, and no deadlock
// on a lock whose holder is not reported.
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

// Names of the lints, as -warn and -allow take them.
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

// All holds the names of all lints, the most severe first.
var All = []string{Deadlock, Leaked, LockHeld, NeverYielded, LostWaker, SelfWakes, AutoBoxed, LargeFuture}

// Options sets the thresholds of the lints and disables some.
type Options struct {
	Off           map[string]bool
	SelfWakes     float64       // warn above this percentage of a task's wakes that it caused itself
	SelfWakesFrom uint64        // number of wakes from which SelfWakes applies
	NeverYielded  time.Duration // warn from this duration of a first poll
	LargeFuture   uint64        // warn from this size of a future in bytes; 0: never
	LockHeld      time.Duration // warn from this time that a lock is held while operations wait for it
}

// Defaults returns the default thresholds. They are tokio-console's for the lints that it has.
func Defaults() Options {
	return Options{SelfWakes: 50, SelfWakesFrom: 10, NeverYielded: time.Second, LargeFuture: 1024, LockHeld: time.Second}
}

// Warning is one finding.
type Warning struct {
	Lint   string
	Target *model.Target
	// Wire IDs of the items it is about, and a goroutine ID.
	Tasks, Resources []uint64
	Goroutine        uint64
	Text             string
}

// Findings holds all current warnings, the most severe lint first.
type Findings struct {
	List   []Warning
	byTask map[itemKey]int
	byRes  map[itemKey]int
}

type itemKey struct {
	target *model.Target
	id     uint64
}

// CountForTask returns the number of warnings about a task.
func (f *Findings) CountForTask(t *model.Task) int { return f.byTask[itemKey{t.Target, t.WireID}] }

// CountForResource returns the number of warnings about a resource.
func (f *Findings) CountForResource(r *model.Resource) int {
	return f.byRes[itemKey{r.Target, r.WireID}]
}

// ForTask returns the warnings about a task.
func (f *Findings) ForTask(t *model.Task) (list []Warning) {
	for _, w := range f.List {
		if w.Target == t.Target && slices.Contains(w.Tasks, t.WireID) {
			list = append(list, w)
		}
	}
	return list
}

// ForResource returns the warnings about a resource.
func (f *Findings) ForResource(r *model.Resource) (list []Warning) {
	for _, w := range f.List {
		if w.Target == r.Target && slices.Contains(w.Resources, r.WireID) {
			list = append(list, w)
		}
	}
	return list
}

// Check runs all enabled lints on all targets.
func Check(store *model.Store, o Options) *Findings {
	f := &Findings{byTask: map[itemKey]int{}, byRes: map[itemKey]int{}}
	for _, t := range store.Targets {
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

// checker runs the lints on one target.
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
		c.checkFuture(x)
		if x.Blocking() {
			continue
		}
		if p := x.SelfWakePercent(); p > c.o.SelfWakes && x.Stats.Wakes >= c.o.SelfWakesFrom {
			c.warn(Warning{Lint: SelfWakes, Tasks: []uint64{x.WireID}, Text: fmt.Sprintf(
				"task %s has woken itself for more than %.0f%% of its wakes (%.0f%% of %d)", name(x), c.o.SelfWakes, p, x.Stats.Wakes)})
		}
		// A program that has never reported a waker does not count them.
		if c.t.CountsWakers && x.State() == model.Idle && x.Wakers() == 0 && x.Stats.Polls > 0 {
			c.warn(Warning{Lint: LostWaker, Tasks: []uint64{x.WireID}, Text: fmt.Sprintf(
				"task %s has lost its waker, and will never be woken again", name(x))})
		}
		if x.State() == model.Running && x.Stats.Polls <= 1 && x.Busy() >= c.o.NeverYielded {
			c.warn(Warning{Lint: NeverYielded, Tasks: []uint64{x.WireID}, Text: fmt.Sprintf(
				"task %s has never yielded (%s so far)", name(x), x.Busy().Round(time.Millisecond))})
		}
	}
}

// checkFuture checks the fields that Rust programs send about the size of a task's future.
func (c *checker) checkFuture(x *model.Task) {
	size, original := number(x.Fields, "size.bytes"), number(x.Fields, "original_size.bytes")
	if size > 0 && original > 0 && size != original {
		c.warn(Warning{Lint: AutoBoxed, Tasks: []uint64{x.WireID}, Text: fmt.Sprintf(
			"the future of task %s was boxed by the runtime because of its size (%d bytes, boxed %d)", name(x), original, size)})
	}
	if size >= c.o.LargeFuture && !x.Blocking() && c.o.LargeFuture > 0 {
		c.warn(Warning{Lint: LargeFuture, Tasks: []uint64{x.WireID}, Text: fmt.Sprintf("the future of task %s is large (%d bytes)", name(x), size)})
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
				"goroutine %d (%s) is leaked: blocked on an unreachable object (%s)", g.GetId(), g.GetName(), g.GetState())})
		}
	}
	if !s.GetBySite() {
		return
	}
	for _, site := range s.GetSites() {
		if site.GetLeaked() > 0 {
			c.warn(Warning{Lint: Leaked, Text: fmt.Sprintf("leaked goroutines: %d of %s, started at %s, are blocked on unreachable objects",
				site.GetLeaked(), site.GetName(), site.GetLocation())})
		}
	}
}

// tasksOf returns the wire ID as a list if the task is known, and nil otherwise.
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
