//go:build !(linux || darwin || freebsd || netbsd || openbsd)

package observe

import "time"

// cpuTime returns zeros: it is not implemented for this system.
func cpuTime() (user, system time.Duration) { return 0, 0 }
