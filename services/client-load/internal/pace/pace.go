// Package pace hands out the moments at which the operations of a load run are
// due, at a constant rate, to any number of workers.
//
// The schedule is open-loop: operation number i is due at start + i/rate,
// whether or not the operations before it have been answered. A server that
// stops for a second therefore makes a second's worth of operations late, and
// [Slot.Due] is what their latency counts from. A generator that waited for the
// answer before it planned the next operation would instead have sent, and
// measured, one slow operation: "coordinated omission"
// (https://github.com/giltene/wrk2#acknowledgements-and-coordinated-omission).
//
// services/client-load's workers run in [Pacer.Work]; package measure records what
// came of it. This package knows neither Redis nor telemetry.
package pace

import (
	"context"
	"fmt"
	"math"
	"sync/atomic"
	"time"
)

// Plan is the schedule of a run.
type Plan struct {
	// Rate is operations a second, greater than 0.
	Rate float64
	// Duration is how long operations fall due; 0 is until the context ends.
	Duration time.Duration
	// MaxLag is how late an operation may begin. One that could not begin
	// within it is missed: without a bound, a run on a server that is too slow
	// would measure nothing but its own backlog. 0 is no bound.
	MaxLag time.Duration
	// Grace is how long after Duration operations that fell due within it may
	// still begin; what has not begun by then is missed.
	Grace time.Duration
	// Sleep waits until a moment or the end of the context; nil is the most
	// exact way that the system has.
	Sleep func(ctx context.Context, until time.Time)
}

// Slot is one operation's place in the schedule.
type Slot struct {
	// Due is when the operation should begin, and what its latency counts from.
	Due time.Time
	// Begin is when the worker was given the slot.
	Begin time.Time
	// Waited says that the worker was idle and waiting for Due, so that Begin -
	// Due is the generator's own share of the latency. Otherwise it came late,
	// from its previous operation.
	Waited bool
}

// Pacer hands out the slots of one run. Its methods may be called by any number
// of goroutines.
type Pacer struct {
	plan    Plan
	start   time.Time
	total   int64 // operations in the schedule; math.MaxInt64 without Duration
	taken   atomic.Int64
	missed  atomic.Int64
	stopped atomic.Int64 // ns after start at which the run was stopped, plus 1; 0 before
}

// New checks a plan. Its clock begins with [Pacer.Start].
func New(plan Plan) (*Pacer, error) {
	if !(plan.Rate > 0) || math.IsInf(plan.Rate, 0) {
		return nil, fmt.Errorf("rate must be greater than 0, not %v", plan.Rate)
	}
	if plan.Duration < 0 {
		return nil, fmt.Errorf("duration must not be negative, not %v", plan.Duration)
	}
	p := &Pacer{plan: plan, total: math.MaxInt64}
	if plan.Duration > 0 {
		p.total = int64(math.Ceil(plan.Duration.Seconds() * plan.Rate))
	}
	return p, nil
}

// Start begins the run: the first operation is due at once. It is called once,
// before any Work, and returns the moment.
func (p *Pacer) Start() time.Time {
	p.start = time.Now()
	return p.start
}

// Total is the number of operations in the schedule, or -1 when it has no end.
func (p *Pacer) Total() int64 {
	if p.total == math.MaxInt64 {
		return -1
	}
	return p.total
}

// Missed is the number of operations that fell due and were never handed out,
// because every worker was busy for longer than the plan allows.
//
// Once every Work has returned, the slots handed out and Missed are together
// Total, or, when the context ended the run, all that had fallen due by then.
func (p *Pacer) Missed() int64 { return p.missed.Load() }

// Work gives one worker its operations: it calls do for one after the other, when
// it is due, until there is none left or ctx has ended.
func (p *Pacer) Work(ctx context.Context, do func(Slot)) {
	var s sleeper
	if p.plan.Sleep != nil {
		s = timerSleeper{ctx, p.plan.Sleep}
	} else {
		s = newSleeper(ctx)
	}
	defer s.close()
	for {
		slot, ok := p.next(ctx, s)
		if !ok {
			return
		}
		do(slot)
	}
}

// next takes the next operation of the schedule and waits until it is due.
func (p *Pacer) next(ctx context.Context, s sleeper) (Slot, bool) {
	for {
		i := p.taken.Add(1) - 1
		if i >= p.total {
			return Slot{}, false
		}
		due := p.start.Add(time.Duration(float64(i) / p.plan.Rate * float64(time.Second)))
		now := time.Now()
		switch {
		case ctx.Err() != nil:
			p.Stop()
			if due.After(p.start.Add(time.Duration(p.stopped.Load() - 1))) {
				return Slot{}, false
			}
			p.missed.Add(1)
		case p.tooLate(due, now):
			p.missed.Add(1)
		case !due.After(now):
			return Slot{Due: due, Begin: now}, true
		default:
			s.sleep(due)
			now = time.Now()
			// Before it was due, the context has ended.
			return Slot{Due: due, Begin: now, Waited: true}, !now.Before(due)
		}
	}
}

func (p *Pacer) tooLate(due, now time.Time) bool {
	if p.plan.MaxLag > 0 && now.Sub(due) > p.plan.MaxLag {
		return true
	}
	return p.plan.Duration > 0 && now.Sub(p.start) > p.plan.Duration+p.plan.Grace
}

// Stop notes that the run ends now: what falls due later is not part of it. It
// belongs to the context's end (context.AfterFunc(ctx, p.Stop)); without it the
// first worker that finds the context ended does the same, later by as long as
// every worker is busy.
func (p *Pacer) Stop() {
	p.stopped.CompareAndSwap(0, int64(time.Since(p.start))+1)
}
