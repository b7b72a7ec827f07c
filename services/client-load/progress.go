package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"mini-redis/services/client-load/internal/measure"
)

// tellProgress prints a line every interval until the function that it returns
// is called; the last line may be under way until then. 0 is never.
func (r *runner) tellProgress(every time.Duration, stdout io.Writer) (stop func()) {
	if every == 0 {
		return func() {}
	}
	done := make(chan struct{})
	var told sync.WaitGroup
	told.Go(func() {
		began, last, before := time.Now(), time.Now(), measure.Snapshot{}
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case now := <-tick.C:
				s := r.recorder.Snapshot()
				fmt.Fprintf(stdout, "%6s  %8d operations  %8.1f/s  %d errors, %d missed  p50 %v  p99 %v  max %v\n",
					now.Sub(began).Round(time.Second), s.All.Operations,
					float64(s.All.Operations-before.All.Operations)/now.Sub(last).Seconds(),
					s.All.Errors, r.pacer.Missed(),
					short(s.All.Latency.P50), short(s.All.Latency.P99), short(s.All.Latency.Max))
				last, before = now, s
			}
		}
	})
	return func() { close(done); told.Wait() }
}

// short is a latency with three digits or so.
func short(d time.Duration) time.Duration {
	switch {
	case d < time.Millisecond:
		return d.Round(time.Microsecond)
	case d < time.Second:
		return d.Round(10 * time.Microsecond)
	default:
		return d.Round(time.Millisecond)
	}
}
