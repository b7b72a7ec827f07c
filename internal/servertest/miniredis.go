package servertest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Build builds a package of this module in a temporary directory and returns the
// path of the program.
func Build(t testing.TB, pkg string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), filepath.Base(pkg))
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	if output, err := exec.Command("go", "build", "-o", path, pkg).CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", pkg, err, output)
	}
	return path
}

// MiniRedis builds and starts mini-redis and returns its address. env is added
// to the environment, see [Collector.Env]. The server is stopped when the test ends.
func MiniRedis(t testing.TB, env ...string) string {
	t.Helper()
	cmd := exec.Command(Build(t, "mini-redis/services/mini-redis"), "-addr", "127.0.0.1:0", "-admin-addr", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), env...)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make(chan string, 1)
	var reading sync.WaitGroup
	reading.Go(func() { readLog(stdout, ready) })
	stop := sync.OnceFunc(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		kill := time.AfterFunc(testTimeout, func() { _ = cmd.Process.Kill() })
		defer kill.Stop()
		reading.Wait()
		_ = cmd.Wait()
	})
	t.Cleanup(stop)
	select {
	case addr, ok := <-ready:
		if !ok {
			stop()
			t.Fatalf("mini-redis ended before it was ready: %s", stderr.String())
		}
		return addr
	case <-time.After(testTimeout):
		stop()
		t.Fatalf("mini-redis is not ready: %s", stderr.String())
		return ""
	}
}

// readLog sends the address in the server's log line "ready" to ready. It reads
// the log until its end, so that the server does not block on a full pipe.
func readLog(log io.Reader, ready chan<- string) {
	defer close(ready)
	found := false
	for lines := bufio.NewScanner(log); lines.Scan(); {
		var line struct{ Msg, Addr string }
		if !found && json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "ready" {
			found = true
			ready <- line.Addr
		}
	}
}

// Each runs a test against redis-server, if it is installed, and against
// mini-redis.
func Each(t *testing.T, test func(t *testing.T, addr string)) {
	t.Helper()
	t.Run("redis-server", func(t *testing.T) { test(t, Redis(t)) })
	t.Run("mini-redis", func(t *testing.T) { test(t, MiniRedis(t)) })
}

// Env returns a getenv function for exactly the given variables, written
// NAME=value.
func Env(variables ...string) func(string) string {
	return func(name string) string {
		for _, v := range variables {
			if value, ok := strings.CutPrefix(v, name+"="); ok {
				return value
			}
		}
		return ""
	}
}
