package pace

import (
	"context"
	"time"
)

// sleeper waits for one worker. It must be used by only one goroutine.
type sleeper interface {
	// sleep waits until a point in time or until the sleeper's context is done.
	sleep(until time.Time)
	close()
}

// timerSleeper waits with a function, which a test may supply.
type timerSleeper struct {
	ctx  context.Context
	wait func(ctx context.Context, until time.Time)
}

func (s timerSleeper) sleep(until time.Time) { s.wait(s.ctx, until) }
func (s timerSleeper) close()                {}

// wait uses Go's timers, which wake an idle program up to 1 ms late.
func wait(ctx context.Context, until time.Time) {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
