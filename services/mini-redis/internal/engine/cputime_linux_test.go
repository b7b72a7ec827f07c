package engine_test

import (
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// processorTime returns the processor time that f takes on its thread. Unlike the elapsed
// time it does not depend on how busy the machine is.
func processorTime(f func()) time.Duration {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	start := threadTime()
	f()
	return threadTime() - start
}

func threadTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		panic(err)
	}
	return time.Duration(t.Nano())
}
