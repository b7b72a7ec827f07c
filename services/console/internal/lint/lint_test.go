package lint

import (
	"strings"
	"testing"
	"time"

	"mini-redis/console/wire/goroutinespb"
	"mini-redis/services/console/internal/model"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func ago(d time.Duration) time.Time { return now.Add(-d) }

// newStore returns a store with one empty target.
func newStore() (*model.Store, *model.Target) {
	store := &model.Store{}
	t := store.Add("t")
	t.Now, t.Previous, t.CountsWakers = now, ago(time.Second), true
	return store, t
}

func add(t *model.Target, x model.Task) {
	x.Target, x.ID = t, x.WireID
	t.Tasks[x.WireID] = &x
}

// idle returns the statistics of a task that waits and gives no reason for a warning.
func idle() model.TaskStats {
	return model.TaskStats{Created: ago(time.Minute), Polls: 5, Started: ago(2 * time.Second), Ended: ago(time.Second), WakerClones: 1}
}

// warned checks which lints warn about a store.
func warned(t *testing.T, store *model.Store, o Options, want ...string) *Findings {
	t.Helper()
	f := Check(store, o)
	var got []string
	for _, x := range f.List {
		got = append(got, x.Lint)
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("warnings %v, want %v: %+v", got, want, f.List)
	}
	return f
}

func TestTaskLints(t *testing.T) {
	f := func(change func(x *model.Task), want ...string) {
		t.Helper()
		store, target := newStore()
		x := model.Task{WireID: 1, Name: "x", Kind: "task", Stats: idle()}
		change(&x)
		add(target, x)
		found := warned(t, store, Defaults(), want...)
		if n := found.CountForTask(target.Tasks[1]); n != len(want) || len(found.ForTask(target.Tasks[1])) != n {
			t.Errorf("%d warnings about the task, want %d", n, len(want))
		}
		warned(t, store, Options{Off: map[string]bool{SelfWakes: true, LostWaker: true, NeverYielded: true, AutoBoxed: true, LargeFuture: true}})
	}
	blocking := func(x *model.Task) { x.Kind = "blocking" }
	f(func(x *model.Task) {})

	selfWaking := func(x *model.Task) { x.Stats.Wakes, x.Stats.SelfWakes = 100, 51 }
	f(selfWaking, SelfWakes)
	f(func(x *model.Task) { selfWaking(x); blocking(x) })
	f(func(x *model.Task) { x.Stats.Wakes, x.Stats.SelfWakes = 100, 50 })
	f(func(x *model.Task) { x.Stats.Wakes, x.Stats.SelfWakes = 2, 2 }) // fewer than SelfWakesFrom

	lost := func(x *model.Task) { x.Stats.WakerClones, x.Stats.WakerDrops = 4, 4 }
	f(lost, LostWaker)
	f(func(x *model.Task) { lost(x); blocking(x) })
	f(func(x *model.Task) { lost(x); x.Stats.Dropped = now })
	f(func(x *model.Task) { lost(x); x.Stats.LastWake = now })                               // scheduled
	f(func(x *model.Task) { lost(x); x.Stats.Started = now })                                // running
	f(func(x *model.Task) { lost(x); x.Stats = model.TaskStats{Created: ago(time.Second)} }) // not polled yet

	stuck := func(x *model.Task) {
		x.Stats = model.TaskStats{Created: ago(time.Minute), Polls: 1, Started: ago(time.Second), WakerClones: 1}
	}
	f(stuck, NeverYielded)
	f(func(x *model.Task) { stuck(x); blocking(x) })
	f(func(x *model.Task) { stuck(x); x.Stats.Polls = 2 })
	f(func(x *model.Task) { stuck(x); x.Stats.Started = ago(900 * time.Millisecond) })
	f(func(x *model.Task) { stuck(x); x.Stats.Dropped = now })

	size := func(n, original uint64) func(x *model.Task) {
		return func(x *model.Task) {
			x.Fields = []model.Field{{Name: "original_size.bytes", Number: original}, {Name: "size.bytes", Number: n}}
		}
	}
	f(size(16, 5000), AutoBoxed)
	f(size(2000, 2000), LargeFuture)
	f(size(1023, 1023))
	f(size(0, 0))
}

func TestLostWakerRequiresReportedWakers(t *testing.T) {
	store, target := newStore()
	target.CountsWakers = false
	s := idle()
	s.WakerClones = 0
	add(target, model.Task{WireID: 1, Stats: s})
	warned(t, store, Defaults())
}

func TestSelfWakesThresholds(t *testing.T) {
	store, target := newStore()
	s := idle()
	s.Wakes, s.SelfWakes = 100, 30
	add(target, model.Task{WireID: 1, Stats: s})
	o := Defaults()
	o.SelfWakes = 20
	warned(t, store, o, SelfWakes)
	o.SelfWakesFrom = 101
	warned(t, store, o)
}

// lock adds a mutex with these holders, and wait adds a task's wait for a resource.
func lock(t *model.Target, wire uint64, name string, held string, holders ...string) {
	r := &model.Resource{Target: t, WireID: wire, Kind: "Mutex", Created: ago(time.Minute), Attributes: []model.Field{{Name: "name", Value: name}}}
	for _, h := range holders {
		r.Attributes = append(r.Attributes, model.Field{Name: "holder", Value: h})
	}
	if held != "" {
		r.Attributes = append(r.Attributes, model.Field{Name: "held", Value: held, Unit: "ms"})
	}
	t.Resources[wire] = r
}

func wait(t *model.Target, wire, task, resource uint64) *model.Op {
	o := &model.Op{Target: t, WireID: wire, Task: task, Resource: resource, Source: "Mutex.Lock", Created: ago(30 * time.Second)}
	t.Ops[wire] = o
	return o
}

func TestLockHeld(t *testing.T) {
	f := func(held string, waits bool, want ...string) {
		t.Helper()
		store, target := newStore()
		lock(target, 1, "account", held, "7")
		if waits {
			wait(target, 2, 8, 1)
		}
		warned(t, store, Defaults(), want...)
	}
	f("1000", true, LockHeld)
	f("999", true)
	f("1000", false) // no operation waits
	f("", true)      // not reported
	f("soon", true)
}

// TestDeadlock has two tasks that wait for each other's lock, and changes that break the cycle.
func TestDeadlock(t *testing.T) {
	f := func(change func(target *model.Target), want ...string) *Findings {
		t.Helper()
		store, target := newStore()
		lock(target, 1, "alice", "", "11")
		lock(target, 2, "bob", "", "12")
		wait(target, 3, 11, 2)
		wait(target, 4, 12, 1)
		wait(target, 5, 13, 1) // waits, but is not part of the cycle
		change(target)
		return warned(t, store, Defaults(), want...)
	}
	found := f(func(*model.Target) {}, Deadlock)
	for _, part := range []string{"task 11 waits for mutex bob, held by task 12", "task 12 waits for mutex alice, held by task 11"} {
		if !strings.Contains(found.List[0].Text, part) {
			t.Errorf("no %q in %q", part, found.List[0].Text)
		}
	}
	f(func(x *model.Target) { x.Ops[4].Dropped = now })
	f(func(x *model.Target) { x.Resources[1].Attributes = nil }) // holder not reported
	f(func(x *model.Target) { x.Resources[1].Dropped = now })
	f(func(x *model.Target) { x.Ops[3].Created = ago(500 * time.Millisecond) }) // began after the previous update
	f(func(x *model.Target) { x.Ops[4].Task = 0 })
	f(func(x *model.Target) { lock(x, 1, "alice", "", "11", "99") }, Deadlock) // two readers, one of them in the cycle
}

func TestDeadlockOfOneTask(t *testing.T) {
	store, target := newStore()
	lock(target, 1, "alice", "", "11")
	wait(target, 2, 11, 1)
	f := warned(t, store, Defaults(), Deadlock)
	if !strings.Contains(f.List[0].Text, "which it holds itself") || f.CountForResource(target.Resources[1]) != 1 || len(f.ForResource(target.Resources[1])) != 1 {
		t.Errorf("unexpected warnings: %+v", f.List)
	}
}

func TestDeadlockCycleWithChain(t *testing.T) {
	store, target := newStore()
	for i := uint64(1); i <= 5; i++ { // task 10+i holds lock i and waits for lock i+1; task 15 waits for lock 2
		lock(target, i, "", "", string("0123456789"[1])+string("0123456789"[i]))
		next := i + 1
		if i == 5 {
			next = 2
		}
		wait(target, 20+i, 10+i, next)
	}
	f := warned(t, store, Defaults(), Deadlock)
	if n := f.CountForResource(target.Resources[1]); n != 0 || len(f.List[0].Tasks) != 4 || f.CountForResource(target.Resources[3]) != 1 {
		t.Errorf("%d warnings about a lock outside the cycle, want 0; warnings: %+v", n, f.List)
	}
}

func TestLeakedGoroutines(t *testing.T) {
	f := func(s *goroutinespb.Snapshot, want ...string) {
		t.Helper()
		store, target := newStore()
		target.Goroutines = s
		warned(t, store, Defaults(), want...)
	}
	leaked := []*goroutinespb.Goroutine{{Id: 1}, {Id: 2, Leaked: true, State: "chan receive"}}
	f(nil)
	f(&goroutinespb.Snapshot{Goroutines: leaked, LeaksKnown: true}, Leaked)
	f(&goroutinespb.Snapshot{Goroutines: leaked}) // the runtime does not detect leaks
	f(&goroutinespb.Snapshot{Sites: []*goroutinespb.Site{{Leaked: 3}, {}}, LeaksKnown: true, BySite: true}, Leaked)
}
