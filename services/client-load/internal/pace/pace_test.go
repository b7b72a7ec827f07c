package pace

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// sleep waits on the clock of the test's bubble, which system calls do not know.
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

// work runs n workers whose operations take what op says, and returns how many ran.
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

func TestSlotsFallDueAtTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := mustStart(t, Plan{Rate: 3, Duration: 2 * time.Second})
		i := 0
		p.Work(t.Context(), func(slot Slot) {
			want := p.start.Add(time.Duration(i) * time.Second / 3)
			if d := slot.Due.Sub(want).Abs(); d > time.Nanosecond {
				t.Errorf("slot %d is due %v from where it should be", i, d)
			}
			if got := time.Now(); !got.Equal(slot.Due) {
				t.Errorf("slot %d was handed out at %v, due at %v", i, got, slot.Due)
			}
			i++
		})
		if i != 6 {
			t.Errorf("%d slots of 3/s in 2 s, want 6", i)
		}
		if got := p.Missed(); got != 0 {
			t.Errorf("missed %d of a schedule that was kept", got)
		}
	})
}

func TestAStallDelaysTheSlotsBehindIt(t *testing.T) {
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
		// 1 s, 990 ms, 980 ms, ...: each waited for what was left of the stall.
		for i, got := range latencies[:100] {
			want := time.Second - time.Duration(i)*10*time.Millisecond
			if got != want {
				t.Fatalf("operation %d took %v from when it was due, want %v", i, got, want)
			}
		}
		for i, got := range latencies[100:] {
			if got != 0 {
				t.Fatalf("operation %d took %v after the stall was worked off", 100+i, got)
			}
		}
	})
}

func TestWhatComesTooLateIsMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := mustStart(t, Plan{Rate: 10, Duration: 4 * time.Second, MaxLag: time.Second})
		first := true
		ran := work(t.Context(), p, 1, func(Slot) {
			if first {
				first = false
				time.Sleep(3 * time.Second)
			}
		})
		// Due at 0.1 to 1.9 s: more than a second late at 3 s.
		if got := p.Missed(); got != 19 {
			t.Errorf("missed %d, want 19", got)
		}
		if ran+p.Missed() != p.Total() {
			t.Errorf("%d ran and %d were missed of %d", ran, p.Missed(), p.Total())
		}
	})
}

func TestWhatHasNotBegunAfterTheGraceIsMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := mustStart(t, Plan{Rate: 10, Duration: time.Second, Grace: time.Second})
		// One second each: at 0 s and 1 s, and the one that begins at 2 s, the end of the grace.
		ran := work(t.Context(), p, 1, func(Slot) { time.Sleep(time.Second) })
		if ran != 3 || p.Missed() != 7 {
			t.Errorf("%d ran and %d were missed, want 3 and 7", ran, p.Missed())
		}
	})
}

func TestTheContextEndsARunWithoutDuration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 1050*time.Millisecond)
		defer cancel()
		p := mustStart(t, Plan{Rate: 10})
		ran := work(ctx, p, 4, func(Slot) {})
		if ran != 11 || p.Missed() != 0 {
			t.Errorf("%d ran and %d were missed, want 11 and 0", ran, p.Missed())
		}
		if p.Total() != -1 {
			t.Errorf("total %d of an endless schedule", p.Total())
		}
	})
}

func TestAStoppedRunCountsWhatHadFallenDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 950*time.Millisecond)
		defer cancel()
		p := mustStart(t, Plan{Rate: 10})
		context.AfterFunc(ctx, p.Stop)
		// Due at 0 to 0.9 s; what falls due after the stop, while the only
		// worker is still busy, is not part of the run.
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
				t.Errorf("slot due at %v was handed out twice", s.Due)
			}
			if late := s.Begin.Sub(s.Due); late != 0 {
				t.Errorf("an idle worker was late by %v on an exact clock", late)
			}
			seen[s.Due] = true
		})
		if ran != 1000 {
			t.Errorf("%d operations, want 1000", ran)
		}
	})
}

func TestPlansThatMakeNoSense(t *testing.T) {
	f := func(plan Plan) {
		t.Helper()
		if _, err := New(plan); err == nil {
			t.Errorf("%+v was accepted", plan)
		}
	}
	f(Plan{})
	f(Plan{Rate: -1})
	f(Plan{Rate: 1, Duration: -time.Second})
}

// TestWaiting is about the system's own clock, so it says only what holds on any
// machine: nobody wakes early, and the end of the context ends a wait.
func TestWaiting(t *testing.T) {
	f := func(name string, make func(ctx context.Context) sleeper) {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		s := make(ctx)
		defer s.close()
		for _, d := range []time.Duration{-time.Second, 0, time.Microsecond, 3 * time.Millisecond} {
			until := time.Now().Add(d)
			s.sleep(until)
			if time.Now().Before(until) {
				t.Errorf("%s: woke up early from %v", name, d)
			}
		}
		time.AfterFunc(10*time.Millisecond, cancel)
		s.sleep(time.Now().Add(time.Hour))
		s.sleep(time.Now().Add(time.Hour))
		if ctx.Err() == nil {
			t.Errorf("%s: woke up an hour early without being told to", name)
		}
	}
	f("the system's timer", newSleeper)
	f("Go's timer", func(ctx context.Context) sleeper { return timerSleeper{ctx, wait} })
}
