// Package pace schedules the operations of a load run at a constant rate for any
// number of workers.
//
// The schedule is open-loop: operation number i is due at start + i/rate,
// whether or not earlier operations have been answered. Latency counts from
// [Slot.Due], so a server that stops for one second delays all operations of
// that second. A closed-loop generator, which waits for each reply before it
// schedules the next operation, would send and measure only one slow operation.
// That error is called coordinated omission
// (https://github.com/giltene/wrk2#acknowledgements-and-coordinated-omission).
//
// The workers of services/client-load run in [Pacer.Work]. Package measure records
// their results. This package depends on neither Redis nor telemetry.
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
	// Rate is the number of operations per second. It must be greater than 0.
	Rate float64
	// Duration is the length of the schedule. 0 means until the context is done.
	Duration time.Duration
	// MaxLag is how late an operation may start. An operation that cannot start
	// in time is missed. Without a limit, a run against a server that is slower
	// than the rate would measure only its own backlog. 0 means no limit.
	MaxLag time.Duration
	// Grace is how long after the end of Duration operations may still start.
	// Operations that have not started by then are missed.
	Grace time.Duration
	// Sleep waits until a point in time or until ctx is done. nil selects the most
	// accurate timer of the operating system.
	Sleep func(ctx context.Context, until time.Time)
}

// Slot is one operation's place in the schedule.
type Slot struct {
	// Due is the scheduled start of the operation. Its latency counts from here.
	Due time.Time
	// Begin is when the worker received the slot.
	Begin time.Time
	// Waited is true if the worker was idle and waited for Due. Begin - Due is then
	// the load generator's own share of the latency. If Waited is false, the
	// worker was busy with its previous operation at Due.
	Waited bool
}

// Pacer assigns the slots of one run to workers. Its methods are safe for
// concurrent use.
type Pacer struct {
	plan    Plan
	start   time.Time
	total   int64 // operations in the schedule; math.MaxInt64 without Duration
	taken   atomic.Int64
	missed  atomic.Int64
	stopped atomic.Int64 // ns from start to Stop, plus 1; 0 before Stop
}

// New returns a Pacer for plan, or an error if the plan is invalid. Its clock starts
// with [Pacer.Start].
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

// Start starts the run and returns its start time, at which the first operation is
// due. It must be called once, before any call of Work.
func (p *Pacer) Start() time.Time {
	p.start = time.Now()
	return p.start
}

// Total returns the number of operations in the schedule, or -1 if it has no end.
func (p *Pacer) Total() int64 {
	if p.total == math.MaxInt64 {
		return -1
	}
	return p.total
}

// Missed returns the number of operations that were due but were not started,
// because every worker was busy for longer than the plan allows.
//
// When every Work has returned, the number of slots passed to workers plus Missed
// is Total. If the context ended the run, that sum is the number of operations
// that were due by then.
func (p *Pacer) Missed() int64 { return p.missed.Load() }

// Work runs one worker. It calls do for one operation after the other, each when
// it is due, until the schedule ends or ctx is done.
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
			// If now is before due, the context is done.
			return Slot{Due: due, Begin: now, Waited: true}, !now.Before(due)
		}
	}
}

// tooLate reports whether an operation has exceeded MaxLag or Grace.
func (p *Pacer) tooLate(due, now time.Time) bool {
	if p.plan.MaxLag > 0 && now.Sub(due) > p.plan.MaxLag {
		return true
	}
	return p.plan.Duration > 0 && now.Sub(p.start) > p.plan.Duration+p.plan.Grace
}

// Stop ends the run now: operations that are due later are not part of it. Register
// it with context.AfterFunc(ctx, p.Stop). Otherwise the first worker that sees
// that ctx is done calls it, which may be late if every worker is busy.
func (p *Pacer) Stop() {
	p.stopped.CompareAndSwap(0, int64(time.Since(p.start))+1)
}
