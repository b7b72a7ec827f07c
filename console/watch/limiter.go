package watch

import (
	"context"

	"golang.org/x/time/rate"

	"mini-redis/console"
)

// Limiter is a rate.Limiter that can be watched.
type Limiter struct {
	gate
	limiter *rate.Limiter
}

// NewLimiter returns a limiter of limit events a second and bursts of the given
// size, with a name for viewers.
func NewLimiter(c *console.Console, name string, limit rate.Limit, burst int) *Limiter {
	l := &Limiter{limiter: rate.NewLimiter(limit, burst)}
	l.init(c, "Limiter", "rate.Limiter", name, l.state)
	return l
}

func (l *Limiter) state(add func(console.Field)) {
	add(console.Int("limit", int64(l.limiter.Limit())).In("/s"))
	add(console.Int("burst", int64(l.limiter.Burst())))
	add(console.Int("tokens", int64(l.limiter.Tokens())))
	add(console.Int("waiters", l.waiters.Load()))
}

// Allow reports whether an event may happen now.
func (l *Limiter) Allow() bool { return l.limiter.Allow() }

// Wait returns when an event may happen, or with the context's error.
func (l *Limiter) Wait(ctx context.Context) error {
	if l.off() || l.limiter.Allow() {
		if l.off() {
			return l.limiter.Wait(ctx)
		}
		return nil
	}
	var err error
	l.wait(l.caller(ctx), "Limiter.Wait", "wait", func() bool {
		err = l.limiter.Wait(ctx)
		return err == nil
	})
	return err
}

// Close takes the limiter out of the viewers' sight. It works on.
func (l *Limiter) Close() { l.r.Drop() }
