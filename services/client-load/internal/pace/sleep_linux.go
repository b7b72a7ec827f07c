package pace

import (
	"time"

	"golang.org/x/sys/unix"
)

// sleepFine blocks its thread, not only its goroutine. A signal may cut it short.
func sleepFine(d time.Duration) {
	ts := unix.NsecToTimespec(int64(d))
	_ = unix.Nanosleep(&ts, nil)
}
