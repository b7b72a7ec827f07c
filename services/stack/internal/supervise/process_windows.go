package supervise

import (
	"os"
	"os/exec"
)

// Windows has no process groups with signals. The stack exits at start on Windows; this file only
// makes it compile.

const needsWatchdog = false

func isolate(*exec.Cmd) {}

func terminateGroup(pid int) { killGroup(pid) }

func killGroup(pid int) {
	if p, err := os.FindProcess(pid); err == nil {
		_ = p.Kill()
	}
}

// Interrupt kills a command that [Spawner.Start] has started.
func Interrupt(cmd *exec.Cmd) error { return cmd.Process.Kill() }
