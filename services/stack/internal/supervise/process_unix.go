//go:build unix

package supervise

import (
	"os/exec"
	"syscall"
)

// isolate makes cmd start in its own process group. Ctrl-C in a terminal then reaches only the
// stack, which stops its children in order. isolate also sets the parent-death signal, if the
// system has it.
func isolate(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	setDeathSignal(cmd.SysProcAttr)
}

// Errors of kill(2) are ignored: they mean that no process is left in the group.

func terminateGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGTERM) }

func killGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) }

// Interrupt sends SIGINT to the process group of a command that [Spawner.Start] has started.
func Interrupt(cmd *exec.Cmd) error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
