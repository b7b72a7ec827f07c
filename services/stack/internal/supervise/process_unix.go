//go:build unix

package supervise

import (
	"os/exec"
	"syscall"
)

// isolate gives cmd a process group of its own, so that a terminal's Ctrl-C reaches the stack alone, which then stops its
// children in order; and what else the system offers to bind it to this process's life.
func isolate(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	bindLife(cmd.SysProcAttr)
}

// Errors of kill(2) mean that nobody is left, which is what is wanted.

func terminateGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGTERM) }

func killGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) }

// Interrupt asks the process group of a command that Start started to end, as Ctrl-C would.
func Interrupt(cmd *exec.Cmd) error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
