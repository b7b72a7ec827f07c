package observe

import "math"

// limiter limits the number of spans per second: up to one second's worth at once, then
// one in each interval (the generic cell rate algorithm). It reads no clock, so it is as
// deterministic as the times it is given. A caller may skip allow while the time is before
// next, which makes a refusal cost one comparison.
type limiter struct {
	next     int64 // monotonic nanoseconds; before it nothing is allowed
	interval int64 // nanoseconds between two at the rate; 0: no limit
	reserve  int64 // how far spent may be ahead of the time
	spent    int64 // time up to which the rate is used
}

// newLimiter returns a limiter to rate per second. A rate of 0 or less allows nothing.
func newLimiter(rate float64) limiter {
	if !(rate > 0) {
		return limiter{next: math.MaxInt64}
	}
	interval := int64(min(max(1e9/rate, 1), math.MaxInt32*1e9))
	reserve := max(int64(1e9)-interval, 0)
	return limiter{next: math.MinInt64, interval: interval, reserve: reserve, spent: math.MinInt64}
}

// unlimited returns a limiter that allows everything.
func unlimited() limiter { return limiter{next: math.MinInt64} }

// allow reports whether one more is allowed at a monotonic time in nanoseconds.
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
