package supervise

import (
	"bufio"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
)

// guardian is this process's end of the pipe to the guard: a copy of the stack's program that does nothing but wait for the
// pipe to close, which the kernel does however this process ends, and then kills the process groups it was told of.
type guardian struct {
	mu   sync.Mutex
	pipe io.WriteCloser
	cmd  *exec.Cmd
}

func startGuard(command []string) (*guardian, error) {
	cmd := exec.Command(command[0], command[1:]...)
	isolate(cmd) // Ctrl-C must not reach it
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &guardian{pipe: pipe, cmd: cmd}, nil
}

func (g *guardian) add(pid int)    { g.tell("+%d\n", pid) }
func (g *guardian) remove(pid int) { g.tell("-%d\n", pid) }

// tell cannot fail in a way that matters here: a guard that is gone guards nothing, and the children still stop when asked.
func (g *guardian) tell(format string, pid int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	_, _ = fmt.Fprintf(g.pipe, format, pid)
}

func (g *guardian) close() {
	g.mu.Lock()
	_ = g.pipe.Close()
	g.mu.Unlock()
	_ = g.cmd.Wait()
}

// RunGuard reads what a guardian tells until the pipe closes, then kills the process groups that are left.
func RunGuard(pipe io.Reader) {
	groups := map[int]bool{}
	lines := bufio.NewScanner(pipe)
	for lines.Scan() {
		var pid int
		if _, err := fmt.Sscanf(lines.Text()[min(1, len(lines.Text())):], "%d", &pid); err != nil || pid <= 1 {
			continue
		}
		if strings.HasPrefix(lines.Text(), "+") {
			groups[pid] = true
		} else {
			delete(groups, pid)
		}
	}
	for pid := range groups {
		killGroup(pid)
	}
}
