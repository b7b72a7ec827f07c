package watch

import (
	"context"
	"time"

	"mini-redis/console"
)

// Timer is a time.Timer that can be watched. One goroutine uses it.
type Timer struct {
	gate
	timer *time.Timer
	after time.Duration
	due   int64
}

// NewTimer returns a timer that fires once after d, with a name for viewers.
func NewTimer(c *console.Console, name string, d time.Duration) *Timer {
	t := &Timer{timer: time.NewTimer(d), after: d}
	t.init(c, "Timer", "time.Timer", name, t.state)
	t.due = c.Mono() + int64(d)
	return t
}

func (t *Timer) state(add func(console.Field)) {
	add(console.Int("duration", t.after.Milliseconds()).In("ms"))
}

// Wait returns when the timer has fired, or with the context's error. The
// timer is of no use after it.
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

// Stop ends the timer, fired or not.
func (t *Timer) Stop() {
	t.timer.Stop()
	t.r.Drop()
}

// Sleep waits for d, or until the context ends and returns its error.
func Sleep(ctx context.Context, c *console.Console, d time.Duration) error {
	t := &Timer{timer: time.NewTimer(d), after: d, due: c.Mono() + int64(d)}
	t.init(c, "Timer", "time.Timer", "sleep", t.state)
	return t.Wait(ctx)
}
