package watch

import (
	"context"
	"time"

	"mini-redis/console"
)

// Timer is an observable time.Timer. It is used by one goroutine.
type Timer struct {
	instrumented
	timer *time.Timer
	after time.Duration
	due   int64
}

// NewTimer returns a timer that fires once after d. name is shown in viewers.
func NewTimer(c *console.Console, name string, d time.Duration) *Timer {
	t := &Timer{timer: time.NewTimer(d), after: d}
	t.init(c, "Timer", "time.Timer", name, t.state)
	t.due = c.Mono() + int64(d)
	return t
}

func (t *Timer) state(add func(console.Field)) {
	add(console.Int("duration", t.after.Milliseconds()).In("ms"))
}

// Wait waits until the timer fires and returns nil, or returns the context's error if ctx is done
// first. The timer must not be used afterwards.
func (t *Timer) Wait(ctx context.Context) error {
	defer t.Stop()
	wait := func() bool {
		select {
		case <-t.timer.C:
			return true
		case <-ctx.Done():
			return false
		}
	}
	if t.off() {
		if !wait() {
			return ctx.Err()
		}
		return nil
	}
	if !t.waitUntil(t.caller(ctx), "Timer.Wait", "fire", t.due, wait) {
		return ctx.Err()
	}
	return nil
}

// Stop stops the timer, whether or not it has fired, and reports to viewers that it no longer
// exists.
func (t *Timer) Stop() {
	t.timer.Stop()
	t.r.Drop()
}

// Sleep waits for d and returns nil, or returns the context's error if ctx is done first.
func Sleep(ctx context.Context, c *console.Console, d time.Duration) error {
	t := &Timer{timer: time.NewTimer(d), after: d, due: c.Mono() + int64(d)}
	t.init(c, "Timer", "time.Timer", "sleep", t.state)
	return t.Wait(ctx)
}
