package pace

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// sleep waits on the fake clock of the synctest bubble, which system calls do not use.
func sleep(ctx context.Context, until time.Time) {
	select {
	case <-time.After(time.Until(until)):
	case <-ctx.Done():
	}
}

func mustStart(t *testing.T, plan Plan) *Pacer {
	t.Helper()
	if plan.Sleep == nil {
		plan.Sleep = sleep
	}
	p, err := New(plan)
	if err != nil {
		t.Fatal(err)
	}
	p.Start()
	return p
}

// work runs n workers that call op for each slot, and returns the number of calls.
func work(ctx context.Context, p *Pacer, n int, op func(Slot)) int64 {
	var done atomic.Int64
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			p.Work(ctx, func(s Slot) {
				op(s)
				done.Add(1)
			})
		})
	}
	wg.Wait()
	return done.Load()
}

func TestSlotsAreDueAtRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := mustStart(t, Plan{Rate: 3, Duration: 2 * time.Second})
		i := 0
		p.Work(t.Context(), func(slot Slot) {
			want := p.start.Add(time.Duration(i) * time.Second / 3)
			if d := slot.Due.Sub(want).Abs(); d > time.Nanosecond {
				t.Errorf("slot %d is due %v away from its scheduled time", i, d)
			}
			if got := time.Now(); !got.Equal(slot.Due) {
				t.Errorf("slot %d was assigned at %v, want its due time %v", i, got, slot.Due)
			}
			i++
		})
		if i != 6 {
			t.Errorf("%d slots at 3/s for 2 s, want 6", i)
		}
		if got := p.Missed(); got != 0 {
			t.Errorf("missed %d, want 0", got)
		}
	})
}

func TestStallDelaysLaterSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := mustStart(t, Plan{Rate: 100, Duration: 2 * time.Second})
		var latencies []time.Duration
		ran := work(t.Context(), p, 1, func(s Slot) {
			if len(latencies) == 0 {
				time.Sleep(time.Second)
			}
			latencies = append(latencies, time.Since(s.Due))
		})
		if ran != 200 {
			t.Fatalf("%d operations, want 200", ran)
		}
		// 1 s, 990 ms, 980 ms, ...: each operation waited for the rest of the stall.
		for i, got := range latencies[:100] {
			want := time.Second - time.Duration(i)*10*time.Millisecond
			if got != want {
				t.Fatalf("the latency of operation %d is %v, want %v", i, got, want)
			}
		}
		for i, got := range latencies[100:] {
			if got != 0 {
				t.Fatalf("the latency of operation %d is %v after the backlog was processed, want 0", 100+i, got)
			}
		}
	})
}

func TestMaxLagMissesLateOperations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := mustStart(t, Plan{Rate: 10, Duration: 4 * time.Second, MaxLag: time.Second})
		first := true
		ran := work(t.Context(), p, 1, func(Slot) {
			if first {
				first = false
				time.Sleep(3 * time.Second)
			}
		})
		// The operations due at 0.1 to 1.9 s are more than 1 s late at 3 s.
		if got := p.Missed(); got != 19 {
			t.Errorf("missed %d, want 19", got)
		}
		if ran+p.Missed() != p.Total() {
			t.Errorf("%d ran and %d were missed of %d", ran, p.Missed(), p.Total())
		}
	})
}

func TestGraceMissesOperationsAfterEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := mustStart(t, Plan{Rate: 10, Duration: time.Second, Grace: time.Second})
		// Operations of 1 s each start at 0 s, 1 s and 2 s, which is the end of Grace.
		ran := work(t.Context(), p, 1, func(Slot) { time.Sleep(time.Second) })
		if ran != 3 || p.Missed() != 7 {
			t.Errorf("%d ran and %d were missed, want 3 and 7", ran, p.Missed())
		}
	})
}

func TestContextEndsRunWithoutDuration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 1050*time.Millisecond)
		defer cancel()
		p := mustStart(t, Plan{Rate: 10})
		ran := work(ctx, p, 4, func(Slot) {})
		if ran != 11 || p.Missed() != 0 {
			t.Errorf("%d ran and %d were missed, want 11 and 0", ran, p.Missed())
		}
		if p.Total() != -1 {
			t.Errorf("total %d without Duration, want -1", p.Total())
		}
	})
}

func TestStopCountsDueOperations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 950*time.Millisecond)
		defer cancel()
		p := mustStart(t, Plan{Rate: 10})
		context.AfterFunc(ctx, p.Stop)
		// 10 operations are due at 0 to 0.9 s. Operations due after Stop, while the
		// only worker is still busy, are not part of the run.
		ran := work(ctx, p, 1, func(Slot) { time.Sleep(800 * time.Millisecond) })
		if ran != 2 || p.Missed() != 8 {
			t.Errorf("%d ran and %d were missed, want 2 and 8", ran, p.Missed())
		}
	})
}

func TestWorkersShareOneSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := mustStart(t, Plan{Rate: 1000, Duration: time.Second})
		var mu sync.Mutex
		seen := map[time.Time]bool{}
		ran := work(t.Context(), p, 8, func(s Slot) {
			mu.Lock()
			defer mu.Unlock()
			if seen[s.Due] {
				t.Errorf("the slot due at %v was assigned twice", s.Due)
			}
			if late := s.Begin.Sub(s.Due); late != 0 {
				t.Errorf("an idle worker started %v late on a fake clock, want 0", late)
			}
			seen[s.Due] = true
		})
		if ran != 1000 {
			t.Errorf("%d operations, want 1000", ran)
		}
	})
}

func TestInvalidPlans(t *testing.T) {
	f := func(plan Plan) {
		t.Helper()
		if _, err := New(plan); err == nil {
			t.Errorf("New(%+v) returned no error", plan)
		}
	}
	f(Plan{})
	f(Plan{Rate: -1})
	f(Plan{Rate: 1, Duration: -time.Second})
}

// TestSleepers uses the system clock. Therefore it checks only what holds on any
// machine: no sleeper wakes early, and the end of the context ends a wait.
func TestSleepers(t *testing.T) {
	f := func(name string, make func(ctx context.Context) sleeper) {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		s := make(ctx)
		defer s.close()
		for _, d := range []time.Duration{-time.Second, 0, time.Microsecond, 3 * time.Millisecond} {
			until := time.Now().Add(d)
			s.sleep(until)
			if time.Now().Before(until) {
				t.Errorf("%s: woke up before %v had passed", name, d)
			}
		}
		time.AfterFunc(10*time.Millisecond, cancel)
		s.sleep(time.Now().Add(time.Hour))
		s.sleep(time.Now().Add(time.Hour))
		if ctx.Err() == nil {
			t.Errorf("%s: woke up one hour early although the context is active", name)
		}
	}
	f("system timer", newSleeper)
	f("Go timer", func(ctx context.Context) sleeper { return timerSleeper{ctx, wait} })
}
