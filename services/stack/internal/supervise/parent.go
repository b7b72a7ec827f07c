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

// GoRun returns the process ID of this process's parent, and whether the parent is `go run`. When
// `go run` is killed, it does not forward a signal; use [WatchParent] to detect its end.
func GoRun(ctx context.Context) (pid int, ok bool) {
	pid = os.Getppid()
	name, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm")
	if err != nil { // not Linux
		name, err = exec.CommandContext(ctx, "ps", "-o", "comm=", "-p", strconv.Itoa(pid)).Output()
	}
	return pid, err == nil && filepath.Base(strings.TrimSpace(string(name))) == "go"
}

// WatchParent polls at the given interval. It returns true when pid is no longer the parent of this
// process, and false when ctx is done. A parent-death signal is not suitable: it is sent when the
// forking thread of the parent ends, which `go run` may end earlier than itself.
func WatchParent(ctx context.Context, pid int, interval time.Duration) bool {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for os.Getppid() == pid {
		select {
		case <-ctx.Done():
			return false
		case <-ticker.C:
		}
	}
	return true
}
