package watch

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"mini-redis/console"
	"mini-redis/console/consoletest"
)

const ms = time.Millisecond

func start(t *testing.T) (*console.Console, *consoletest.Clock, *consoletest.Viewer) {
	t.Helper()
	clock := consoletest.NewClock()
	c := console.New(console.Options{Clock: clock, PublishInterval: 2 * ms})
	return c, clock, consoletest.Watch(t, c)
}

// waiting waits until n tasks wait for the primitive.
func waiting(t *testing.T, g *instrumented, n int64) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); g.waiters.Load() != n; time.Sleep(100 * time.Microsecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d tasks wait, want %d", g.waiters.Load(), n)
		}
	}
	time.Sleep(5 * ms) // the task is parked after it is counted
}

func attributes(t *testing.T, v *consoletest.Viewer, name string, want map[string]string) {
	t.Helper()
	v.Look()
	r := v.Resource(name)
	if r == nil {
		t.Fatalf("no resource %q", name)
	}
	for key, value := range want {
		if got := consoletest.AttributeValue(r.Attributes, key); got != value {
			t.Errorf("%s: %s is %q, want %q", name, key, got, value)
		}
	}
}

func TestMutexReportsHolderAndWaiters(t *testing.T) {
	c, clock, v := start(t)
	m := NewMutex(c, "account")
	release, done := make(chan bool), make(chan bool)
	var holder *console.Task
	locked := make(chan bool)
	c.Go(t.Context(), "holder", func(ctx context.Context) {
		holder = c.Current()
		m.Lock()
		locked <- true
		<-release
		m.Unlock()
	})
	<-locked
	clock.Pass(100 * ms)
	c.Go(t.Context(), "waiter", func(ctx context.Context) {
		m.Lock()
		defer m.Unlock()
		done <- true
	})
	waiting(t, &m.instrumented, 1)
	clock.Pass(250 * ms)
	attributes(t, v, "account", map[string]string{
		"locked": "true", console.HolderAttribute: fmt.Sprint(holder.ID()), console.HeldAttribute: "350", "waiters": "1",
	})
	r := v.Resource("account")
	if r.Kind.GetOther() != "Mutex" || r.ConcreteType != "sync.Mutex" || r.Location.GetFile() != "watch/watch_test.go" {
		t.Errorf("%v", r.Resource)
	}
	ops := v.Ops(r)
	if len(ops) != 1 || ops[0].Source != "Mutex.Lock" || v.Now().Sub(ops[0].CreatedAt.AsTime()) != 250*ms {
		t.Fatalf("%v", ops)
	}
	waiter := v.Task("waiter")
	if ops[0].TaskId.GetId() != waiter.Id.Id || waiter.PollStats.Polls != 1 || waiter.PollStats.LastPollEnded == nil {
		t.Errorf("async op %v, waiting task %v", ops[0].Stats, waiter.Stats)
	}
	release <- true
	<-done
	attributes(t, v, "account", map[string]string{"locked": "false", console.HolderAttribute: "", "waiters": "0"})
	v.Look()
	if got := v.Task("waiter"); got.PollStats.Polls != 2 || got.Wakes != 1 || len(v.Ops(r)) != 0 {
		t.Errorf("%v, %v", got.Stats, v.Ops(r))
	}
}

func TestHeldTimeStartsAtFirstObservation(t *testing.T) {
	clock := consoletest.NewClock()
	c := console.New(console.Options{Clock: clock, PublishInterval: 2 * ms})
	m := NewMutex(c, "account")
	task := c.NewTask(console.TaskOptions{Name: "loop"})
	m.LockTask(task)
	clock.Pass(time.Hour)
	v := consoletest.Watch(t, c)
	clock.Pass(3 * time.Second)
	// The viewer connected after the lock was acquired, so only the time since then is known.
	attributes(t, v, "account", map[string]string{console.HolderAttribute: fmt.Sprint(task.ID()), console.HeldAttribute: "3000"})
}

func TestRWMutexReportsReaders(t *testing.T) {
	c, _, v := start(t)
	m := NewRWMutex(c, "table")
	a, b := c.NewTask(console.TaskOptions{}), c.NewTask(console.TaskOptions{})
	m.RLockTask(a)
	m.RLockTask(b)
	m.RUnlockTask(a)
	attributes(t, v, "table", map[string]string{"locked": "false", "readers": "1", console.HolderAttribute: fmt.Sprint(b.ID())})
	done := make(chan bool)
	go func() { m.LockTask(a); done <- true }()
	waiting(t, &m.instrumented, 1)
	attributes(t, v, "table", map[string]string{"waiters": "1"})
	if ops := v.Ops(v.Resource("table")); len(ops) != 1 || ops[0].Source != "RWMutex.Lock" {
		t.Errorf("%v", ops)
	}
	m.RUnlockTask(b)
	<-done
	attributes(t, v, "table", map[string]string{"locked": "true", console.HolderAttribute: fmt.Sprint(a.ID())})
	go func() { m.RLockTask(b); done <- true }()
	waiting(t, &m.instrumented, 1)
	m.Unlock()
	<-done
	attributes(t, v, "table", map[string]string{"locked": "false", "readers": "1", "waiters": "0"})
}

func TestSemaphore(t *testing.T) {
	c, _, v := start(t)
	s := NewSemaphore(c, "permits", 3)
	single := NewSemaphore(c, "single", 1)
	task := c.NewTask(console.TaskOptions{})
	ctx := console.NewContext(t.Context(), task)
	for _, err := range []error{s.Acquire(ctx, 2), single.Acquire(ctx, 1)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	attributes(t, v, "permits", map[string]string{"permits": "3", "available": "1", "user": fmt.Sprint(task.ID()), console.HolderAttribute: ""})
	attributes(t, v, "single", map[string]string{console.HolderAttribute: fmt.Sprint(task.ID())})
	short, cancel := context.WithCancel(ctx)
	done := make(chan error)
	go func() { done <- s.Acquire(short, 2) }()
	waiting(t, &s.instrumented, 1)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	go func() { done <- s.Acquire(ctx, 3) }()
	waiting(t, &s.instrumented, 1)
	s.Release(ctx, 2)
	if err := <-done; err != nil {
		t.Error(err)
	}
	attributes(t, v, "permits", map[string]string{"available": "0", "waiters": "0"})
}

func TestChannel(t *testing.T) {
	c, _, v := start(t)
	ch := NewChan[int](c, "orders", 1)
	ctx := console.NewContext(t.Context(), c.NewTask(console.TaskOptions{}))
	got := make(chan int)
	go func() {
		for {
			x, ok, err := ch.Receive(ctx)
			if !ok || err != nil {
				close(got)
				return
			}
			got <- x
		}
	}()
	waiting(t, &ch.instrumented, 1)
	attributes(t, v, "orders", map[string]string{"len": "0", "cap": "1", "receivers": "1", "senders": "0"})
	if r := v.Resource("orders"); r.ConcreteType != "chan int" || v.Ops(r)[0].Source != "Chan.Receive" {
		t.Errorf("%v", r.Resource)
	}
	sent := make(chan error)
	go func() {
		for i := range 3 {
			if err := ch.Send(ctx, i); err != nil {
				sent <- err
			}
		}
		sent <- nil
	}()
	waiting(t, &ch.instrumented, 1) // the receiving goroutine holds one value, the channel another
	attributes(t, v, "orders", map[string]string{"len": "1", "senders": "1", "receivers": "0"})
	for i := range 3 {
		if x := <-got; x != i {
			t.Errorf("received %d, want %d", x, i)
		}
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
	ch.Close()
	<-got
	attributes(t, v, "orders", map[string]string{"sent": "3", "closed": "true"})
	gone, cancel := context.WithCancel(ctx)
	cancel()
	empty := NewChan[string](c, "empty", 0)
	if _, _, err := empty.Receive(gone); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := empty.Send(gone, ""); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestPoolTimerAndLimiter(t *testing.T) {
	c, _, v := start(t)
	p := NewPool(c, "buffers", func() []byte { return make([]byte, 1) })
	a := p.Get()
	_ = p.Get()
	p.Put(a)
	attributes(t, v, "buffers", map[string]string{"out": "1", "got": "2"})
	if r := v.Resource("buffers"); r.ConcreteType != "sync.Pool[[]uint8]" {
		t.Errorf("%v", r.Resource)
	}
	l := NewLimiter(c, "accepts", 50, 1)
	for range 2 {
		if err := l.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	attributes(t, v, "accepts", map[string]string{"limit": "50", "burst": "1", "waiters": "0"})
	timer := NewTimer(c, "deadline", 10*ms)
	attributes(t, v, "deadline", map[string]string{"duration": "10"})
	if err := timer.Wait(t.Context()); err != nil {
		t.Error(err)
	}
	v.Look()
	if r := v.Resource("deadline"); r.DroppedAt == nil || r.Kind.GetOther() != "" {
		t.Errorf("%v", r)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Sleep(gone, c, time.Hour); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	attributes(t, v, "sleep", map[string]string{"duration": "3600000"})
}

func TestPrimitivesWithNilConsole(t *testing.T) {
	var c *console.Console
	var zero Mutex
	var zeroRW RWMutex
	for _, l := range []sync.Locker{&zero, NewMutex(c, ""), &zeroRW, NewRWMutex(c, "")} {
		n := 0
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 100 {
					l.Lock()
					n++
					l.Unlock()
				}
			})
		}
		wg.Wait()
		if n != 800 {
			t.Errorf("%T: counter is %d, want 800", l, n)
		}
	}
	func() {
		zeroRW.RLock()
		defer zeroRW.RUnlock()
	}()
	if !zero.TryLock() || zero.TryLock() {
		t.Error("TryLock")
	}
	s := NewSemaphore(c, "", 1)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if s.Acquire(t.Context(), 1) != nil || s.Acquire(gone, 1) == nil {
		t.Error("semaphore")
	}
	s.Release(t.Context(), 1)
	ch := NewChan[int](c, "", 1)
	if ch.Send(t.Context(), 5) != nil || ch.Send(gone, 6) == nil {
		t.Error("send")
	}
	if x, ok, err := ch.Receive(t.Context()); x != 5 || !ok || err != nil {
		t.Error("receive")
	}
	if _, _, err := ch.Receive(gone); err == nil {
		t.Error("receive from an empty channel with a canceled context")
	}
	p := NewPool(c, "", func() int { return 7 })
	p.Put(p.Get())
	l := NewLimiter(c, "", 1000, 1)
	if !l.Allow() || l.Wait(t.Context()) != nil || Sleep(t.Context(), c, ms) != nil || Sleep(gone, c, time.Hour) == nil {
		t.Error("limiter, sleep")
	}
	for _, x := range []interface{ Close() }{&zero, &zeroRW, s, p, l} {
		x.Close()
	}
	ch.Forget()
}

func TestMutexExcludesUnderLoad(t *testing.T) {
	c := console.New(console.Options{PublishInterval: ms})
	consoletest.Watch(t, c)
	m, n := NewMutex(c, "hot"), 0
	var wg sync.WaitGroup
	for range 4 {
		wg.Add(1)
		c.Go(t.Context(), "worker", func(ctx context.Context) {
			defer wg.Done()
			task := console.FromContext(ctx)
			for range 2000 {
				m.LockTask(task)
				n++
				m.Unlock()
			}
		})
	}
	wg.Wait()
	if n != 8000 {
		t.Errorf("counter is %d, want 8000", n)
	}
}

func BenchmarkMutex(b *testing.B) {
	run := func(name string, lock, unlock func()) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				lock()
				unlock()
			}
		})
	}
	var plain sync.Mutex
	run("sync", plain.Lock, plain.Unlock)
	off := NewMutex(nil, "")
	run("off", off.Lock, off.Unlock)
	c := console.New(console.Options{})
	task, on := c.NewTask(console.TaskOptions{}), NewMutex(c, "")
	run("unwatched, task given", func() { on.LockTask(task) }, on.Unlock)
	run("unwatched, task looked up", on.Lock, on.Unlock)
	consoletest.Watch(b, c)
	run("watched, task given", func() { on.LockTask(task) }, on.Unlock)
}
