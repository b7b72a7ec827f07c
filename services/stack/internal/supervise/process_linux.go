package supervise

import "syscall"

const needsWatchdog = false

// setDeathSignal makes the kernel kill the child when the thread that forked it ends; see Spawner.
// The signal is SIGKILL, because no process is left to send it if the child ignores SIGTERM.
func setDeathSignal(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }
