package supervise

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// GoRun returns the process id of the `go run` that started this process, if one did. It passes no signal on when it is
// killed, so its death has to be noticed.
func GoRun(ctx context.Context) (pid int, ok bool) {
	pid = os.Getppid()
	name, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm")
	if err != nil { // not Linux
		name, err = exec.CommandContext(ctx, "ps", "-o", "comm=", "-p", strconv.Itoa(pid)).Output()
	}
	return pid, err == nil && filepath.Base(strings.TrimSpace(string(name))) == "go"
}

// WatchParent returns true once pid is not this process's parent any more, or false when ctx ends. A parent-death signal
// would be wrong here: it is bound to the thread of the parent that forked, and `go run` may end that thread earlier.
func WatchParent(ctx context.Context, pid int, every time.Duration) bool {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for os.Getppid() == pid {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}
