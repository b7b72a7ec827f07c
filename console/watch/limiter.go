package watch

import (
	"context"

	"golang.org/x/time/rate"

	"mini-redis/console"
)

// Limiter is an observable rate.Limiter.
type Limiter struct {
	instrumented
	limiter *rate.Limiter
}

// NewLimiter returns a limiter of limit events per second with bursts of up to burst events. name
// is shown in viewers.
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

// Wait waits until an event may happen and returns nil. It returns an error if ctx is done first,
// or if the context's deadline is earlier than the time of the event.
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

// Close reports to viewers that the limiter no longer exists. The limiter remains usable.
func (l *Limiter) Close() { l.r.Drop() }
