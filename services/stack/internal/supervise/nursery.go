package supervise

import (
	"fmt"
	"os/exec"
	"runtime"
)

// Nursery starts processes that cannot outlive this one.
//
// Linux sends a child its parent-death signal when the THREAD that forked it ends, not the process. A goroutine moves between
// threads and the runtime ends some of them, so all forks come from one goroutine that keeps one thread for the nursery's life.
// Where there is no such signal a small guard process holds a pipe to this one instead (guard.go).
type Nursery struct {
	forks chan func()
	guard *guardian // nil where the system ends the children itself
}

// NewNursery starts the forking thread. guardCommand, run with no more arguments than given, must call RunGuard on its
// standard input; it is used only on systems that need it.
func NewNursery(guardCommand []string) (*Nursery, error) {
	n := &Nursery{forks: make(chan func())}
	if needsGuard {
		g, err := startGuard(guardCommand)
		if err != nil {
			return nil, fmt.Errorf("cannot start the guard of the stack's processes: %w", err)
		}
		n.guard = g
	}
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		for fork := range n.forks {
			fork()
		}
	}()
	return n, nil
}

// Start starts cmd in a process group of its own, bound to this process's life.
func (n *Nursery) Start(cmd *exec.Cmd) error {
	isolate(cmd)
	result := make(chan error)
	n.forks <- func() {
		err := cmd.Start()
		if err == nil && n.guard != nil {
			n.guard.add(cmd.Process.Pid)
		}
		result <- err
	}
	return <-result
}

func (n *Nursery) forget(pid int) {
	if n.guard != nil {
		n.guard.remove(pid)
	}
}

// Close ends the forking thread, and with it whatever is still running. Start must not be called after it.
func (n *Nursery) Close() {
	close(n.forks)
	if n.guard != nil {
		n.guard.close()
	}
}
