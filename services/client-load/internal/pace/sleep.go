package pace

import (
	"context"
	"time"
)

// sleeper waits for one worker. It is not for more than one goroutine.
type sleeper interface {
	// sleep waits until a moment, or the end of the context it was made with.
	sleep(until time.Time)
	close()
}

// timerSleeper waits with a function: Go's timers, or a test's.
type timerSleeper struct {
	ctx  context.Context
	wait func(ctx context.Context, until time.Time)
}

func (s timerSleeper) sleep(until time.Time) { s.wait(s.ctx, until) }
func (s timerSleeper) close()                {}

// wait uses Go's own timers, which wake an idle program up to a millisecond late.
func wait(ctx context.Context, until time.Time) {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
