package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"mini-redis/services/client-load/internal/measure"
)

// tellProgress prints a line every interval, 0 is never, until the function
// that it returns is called; that waits for a line that is under way.
func (r *runner) tellProgress(every time.Duration, stdout io.Writer) (stop func()) {
	if every == 0 {
		return func() {}
	}
	done := make(chan struct{})
	var telling sync.WaitGroup
	began := time.Now()
	telling.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		last, before := began, measure.Snapshot{}
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				now, s := time.Now(), r.recorder.Snapshot()
				fmt.Fprintln(stdout, progressLine(now.Sub(began), now.Sub(last), s, before, r.pacer.Missed()))
				last, before = now, s
			}
		}
	})
	return func() { close(done); telling.Wait() }
}

// progressLine counts from the beginning of the run, but its rate and its
// latencies are those since the line before: a server that has become slow
// shows at once, however long it was fast.
func progressLine(elapsed, interval time.Duration, now, before measure.Snapshot, missed int64) string {
	all, recent := now.All, now.Since(before)
	return fmt.Sprintf("%7s %9d operations %9.1f/s   p50 %s   p99 %s   max %s   %d errors, %d missed, %d retries",
		elapsed.Round(100*time.Millisecond), all.Operations, float64(recent.Operations)/interval.Seconds(),
		latency(recent, recent.Latency.P50), latency(recent, recent.Latency.P99), latency(recent, recent.Latency.Max),
		all.Errors, missed, all.Retries)
}

// latency writes one of a tally's latencies, or that there is none.
func latency(t measure.Tally, d time.Duration) string {
	if t.Operations == 0 {
		return "-"
	}
	return fmt.Sprintf("%.3f ms", float64(d)/float64(time.Millisecond))
}
