package observe

import (
	"testing"
	"time"
)

// countAllowed returns the number of allowed calls in a period.
func countAllowed(l *limiter, from, to time.Duration, step time.Duration) (n int) {
	for at := from; at < to; at += step {
		if l.allow(int64(at)) {
			n++
		}
	}
	return n
}

func TestLimiterKeepsItsRate(t *testing.T) {
	f := func(rate float64, first, later int) {
		t.Helper()
		l := newLimiter(rate)
		const step = time.Millisecond / 10
		// The first second also has the burst.
		if got := countAllowed(&l, 0, time.Second, step); got != first {
			t.Errorf("rate %g: %d allowed in the first second, want %d", rate, got, first)
		}
		if got := countAllowed(&l, time.Second, 11*time.Second, step); got != later {
			t.Errorf("rate %g: %d allowed in the next ten seconds, want %d", rate, got, later)
		}
	}
	f(10, 19, 100)
	f(1, 1, 10)
	f(0.5, 1, 5)
	f(100, 199, 1000)
	f(0, 0, 0)
	f(-1, 0, 0)
}

func TestLimiterBurst(t *testing.T) {
	l := newLimiter(10)
	countAllowed(&l, 0, time.Second, time.Millisecond)
	burst := 0
	for l.allow(int64(time.Hour)) {
		burst++
	}
	if burst != 10 {
		t.Errorf("%d allowed at once after an idle hour, want 10", burst)
	}
}

func TestUnlimited(t *testing.T) {
	l := unlimited()
	if got := countAllowed(&l, 0, time.Second, time.Millisecond); got != 1000 {
		t.Errorf("%d of 1000 allowed", got)
	}
}
