package pace

import (
	"context"
	"time"
)

// fine is the last stretch of a wait, which is left to the operating system. It
// is longer than the millisecond to which Go rounds up a short timer.
const fine = 1500 * time.Microsecond

// Sleep waits until a moment or the end of the context.
//
// Go's timers wake an idle program up to a millisecond late, ten times what a
// GET on loopback takes; that lateness would be reported as the server's. So
// the timer covers all but the last stretch of the wait, and a system call with
// a resolution of some 50 microseconds covers that, where there is one.
func Sleep(ctx context.Context, until time.Time) {
	if d := time.Until(until) - fine; d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
	}
	for d := time.Until(until); d > 0 && ctx.Err() == nil; d = time.Until(until) {
		sleepFine(d)
	}
}
