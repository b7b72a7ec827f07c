package supervise

import (
	"os"
	"os/exec"
)

// Windows has no process groups with signals: the stack says at its start that it does not run there, and this only lets it
// compile.

const needsGuard = false

func isolate(*exec.Cmd) {}

func terminateGroup(pid int) { killGroup(pid) }

func killGroup(pid int) {
	if p, err := os.FindProcess(pid); err == nil {
		_ = p.Kill()
	}
}

// Interrupt ends a command that Start started.
func Interrupt(cmd *exec.Cmd) error { return cmd.Process.Kill() }
