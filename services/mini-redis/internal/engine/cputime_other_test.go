//go:build !linux

package engine_test

import "time"

// processorTime returns the time that f takes.
func processorTime(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}
