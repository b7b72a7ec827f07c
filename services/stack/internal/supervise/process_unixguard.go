//go:build unix && !linux

package supervise

import "syscall"

const needsGuard = true

func bindLife(*syscall.SysProcAttr) {}
