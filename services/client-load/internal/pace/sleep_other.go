//go:build !linux

package pace

import "time"

func sleepFine(d time.Duration) { time.Sleep(d) }
