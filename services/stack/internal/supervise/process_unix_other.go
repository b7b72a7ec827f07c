//go:build unix && !linux

package supervise

import "syscall"

const needsWatchdog = true

// setDeathSignal does nothing: only Linux has a parent-death signal.
func setDeathSignal(*syscall.SysProcAttr) {}
