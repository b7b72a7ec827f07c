package supervise

import (
	"bufio"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
)

// watchdog is this process's end of the pipe to the watchdog process, a second process of the
// stack's program. The kernel closes the pipe when this process ends, however it ends. The watchdog
// process then kills the registered process groups.
type watchdog struct {
	mu   sync.Mutex // guards pipe
	pipe io.WriteCloser
	cmd  *exec.Cmd
}

func startWatchdog(command []string) (*watchdog, error) {
	cmd := exec.Command(command[0], command[1:]...)
	isolate(cmd) // Ctrl-C must not reach it
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &watchdog{pipe: pipe, cmd: cmd}, nil
}

func (w *watchdog) add(pid int)    { w.send("+%d\n", pid) }
func (w *watchdog) remove(pid int) { w.send("-%d\n", pid) }

// send ignores errors: if the watchdog process has ended, the children still stop on SIGTERM.
func (w *watchdog) send(format string, pid int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, _ = fmt.Fprintf(w.pipe, format, pid)
}

func (w *watchdog) close() {
	w.mu.Lock()
	_ = w.pipe.Close()
	w.mu.Unlock()
	_ = w.cmd.Wait()
}

// RunWatchdog reads the registrations of a watchdog until the pipe closes. Then it kills the
// process groups that are still registered. A line "+PID" adds the process group PID, any other
// line with one leading character and a PID removes it.
func RunWatchdog(pipe io.Reader) {
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
