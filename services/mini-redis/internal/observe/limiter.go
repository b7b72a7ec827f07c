package observe

import "math"

// limiter lets through a bounded number of spans a second: one second's worth at
// once, then one for each interval (the generic cell rate algorithm). It reads no
// clock of its own, so it is as deterministic as the times it is given, and a
// refusal costs its caller one comparison with next.
type limiter struct {
	next     int64 // nanoseconds: before it nothing passes
	interval int64 // between two at the rate, 0: nothing is bounded
	reserve  int64 // how far the rate may be anticipated
	spent    int64 // when all that has passed is paid for
}

// newLimiter bounds to rate a second; a rate of 0 or less lets nothing through.
func newLimiter(rate float64) limiter {
	if !(rate > 0) {
		return limiter{next: math.MaxInt64}
	}
	interval := int64(min(max(1e9/rate, 1), math.MaxInt32*1e9))
	reserve := max(int64(1e9)-interval, 0)
	return limiter{next: math.MinInt64, interval: interval, reserve: reserve, spent: math.MinInt64}
}

// unlimited lets everything through.
func unlimited() limiter { return limiter{next: math.MinInt64} }

// allow reports whether one more passes at the time now, in nanoseconds.
func (l *limiter) allow(now int64) bool {
	if now < l.next {
		return false
	}
	if l.interval == 0 {
		return true
	}
	l.spent = max(l.spent, now) + l.interval
	l.next = l.spent - l.reserve
	return true
}
