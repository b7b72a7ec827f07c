package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"mini-redis/services/client-load/internal/measure"
)

// startProgress prints a progress line at each interval, or none if the interval
// is 0. stop ends it and waits until a line that is being written is complete.
func (r *runner) startProgress(interval time.Duration, stdout io.Writer) (stop func()) {
	if interval == 0 {
		return func() {}
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	started := time.Now()
	wg.Go(func() {
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		last, before := started, measure.Snapshot{}
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				now, s := time.Now(), r.recorder.Snapshot()
				fmt.Fprintln(stdout, progressLine(now.Sub(started), now.Sub(last), s, before, r.pacer.Missed()))
				last, before = now, s
			}
		}
	})
	return func() { close(done); wg.Wait() }
}

// progressLine formats a progress line. The counts are since the start of the run.
// The rate and the latencies are since the previous line, so that a server that
// becomes slow is visible at once, also late in a run.
func progressLine(elapsed, interval time.Duration, now, before measure.Snapshot, missed int64) string {
	all, recent := now.All, now.Since(before)
	return fmt.Sprintf("%7s %9d operations %9.1f/s   p50 %s   p99 %s   max %s   %d errors, %d missed, %d retries",
		elapsed.Round(100*time.Millisecond), all.Operations, float64(recent.Operations)/interval.Seconds(),
		latency(recent, recent.Latency.P50), latency(recent, recent.Latency.P99), latency(recent, recent.Latency.Max),
		all.Errors, missed, all.Retries)
}

// latency formats d in milliseconds, or "-" if the tally has no operations.
func latency(t measure.Tally, d time.Duration) string {
	if t.Operations == 0 {
		return "-"
	}
	return fmt.Sprintf("%.3f ms", float64(d)/float64(time.Millisecond))
}
