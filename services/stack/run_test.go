//go:build unix

package main

import (
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"mini-redis/internal/program"
)

func ignoreTERM() { signal.Ignore(syscall.SIGTERM) }

func TestStop(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	r := startInProcess(t, ctx, append(fakeBackends(t, nil), "-rate", "20")...)
	r.waitReady(t)
	if reply := ping(t, r.ready.Addresses.RESP); reply != "+PONG\r\n" {
		t.Errorf("the server replied %q to PING", reply)
	}
	stop()
	if code, message := r.exitCode(t); code != 0 {
		t.Errorf("exit code %d: %s", code, message)
	}
	r.mustCleanUp(t)
	for _, want := range []string{"The stack is up", "do not contain their web UIs", "no process is running"} {
		if !strings.Contains(r.text.String(), want) {
			t.Errorf("the output does not contain %q:\n%s", want, r.text)
		}
	}
}

func TestStopBeforeDuration(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	r := startInProcess(t, ctx, append(fakeBackends(t, nil), "-no-load", "-duration", "1h")...)
	r.waitReady(t)
	stop()
	if code, message := r.exitCode(t); code != exitInterrupted || !strings.Contains(message, "before it was complete") {
		t.Errorf("exit code %d: %s", code, message)
	}
	r.mustCleanUp(t)
}

func TestChildExitsUnexpectedly(t *testing.T) {
	f := func(child, mode string, want ...string) {
		t.Helper()
		r := startInProcess(t, t.Context(), append(fakeBackends(t, map[string]string{child: mode}), "-no-load")...)
		go func() { _, _ = io.Copy(io.Discard, r.events) }()
		code, message := r.exitCode(t)
		if code != exitChild {
			t.Errorf("exit code %d: %s", code, message)
		}
		for _, w := range want {
			if !strings.Contains(message, w) {
				t.Errorf("%q does not contain %q", message, w)
			}
		}
		if !strings.Contains(r.text.String(), "logs are in ") {
			t.Errorf("the output does not name the directory of the logs:\n%s", r.text)
		}
	}
	f("jaeger", "exit", "jaeger exited unexpectedly", "exit status 3", "no space left on device")
	f("prometheus", "exit-later", "prometheus exited unexpectedly", "exit status 9", "corrupted state")
}

func TestChildThatIgnoresTermIsKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("waits 10 s; not with -short")
	}
	ctx, stop := context.WithCancel(t.Context())
	r := startInProcess(t, ctx, append(fakeBackends(t, map[string]string{"collector": "ignore-term"}), "-no-load")...)
	r.waitReady(t)
	stop()
	if code, message := r.exitCode(t); code == 0 || !strings.Contains(message, "collector did not stop after SIGTERM and was killed") {
		t.Errorf("exit code %d: %s", code, message)
	}
	for name, pid := range r.ready.Processes {
		if alive(pid) {
			t.Errorf("%s is still running", name)
		}
	}
}

func TestDefaultPortInUse(t *testing.T) {
	if l, err := net.Listen("tcp", "127.0.0.1:6379"); err == nil { // an error means that another process uses it, which is sufficient
		defer l.Close()
	}
	ctx, stop := context.WithCancel(t.Context())
	r := startInProcess(t, ctx, append(fakeBackends(t, nil), "-no-load")...)
	r.waitReady(t)
	addr := r.ready.Addresses.RESP
	if strings.HasSuffix(addr, ":6379") || ping(t, addr) != "+PONG\r\n" {
		t.Errorf("the server is at %s, want another port than 6379 and a reply", addr)
	}
	stop()
	r.exitCode(t)
	for _, want := range []string{"port 6379 is in use: RESP uses port " + addr[len("127.0.0.1:"):], "export MINI_REDIS_ADDR=" + addr} {
		if !strings.Contains(r.text.String(), want) {
			t.Errorf("the output does not contain %q:\n%s", want, r.text)
		}
	}
}

func TestCompileError(t *testing.T) {
	root := t.TempDir()
	for name, content := range map[string]string{
		"go.mod":                                "module broken.test\n\ngo 1.26\n",
		"services/mini-redis/main.go":           "package main\n\nfunc main() { undefined() }\n",
		"services/client-load/main.go":          "package main\n\nfunc main() {}\n",
		"services/stack/backends/jaeger/go.mod": "module broken.test/jaeger\n",
	} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(root)
	r := startInProcess(t, t.Context())
	code, message := r.exitCode(t)
	if code != exitBuild || !strings.Contains(message, "cannot build mini-redis, client-load: ") || !strings.Contains(message, "undefined") || strings.Contains(message, "\n") {
		t.Errorf("exit code %d: %s", code, message)
	}
}

func TestOutsideCheckout(t *testing.T) {
	t.Chdir(t.TempDir())
	if code, message := startInProcess(t, t.Context()).exitCode(t); code != program.ExitError || !strings.Contains(message, "inside a checkout") {
		t.Errorf("exit code %d: %s", code, message)
	}
}

func TestFlags(t *testing.T) {
	f := func(want string, args ...string) {
		t.Helper()
		_, err := parseFlags(args, func(string) string { return "" }, io.Discard)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: error %v, want %q", args, err, want)
		}
	}
	f("")
	f("", "-duration", "20s", "-rate", "0.5", "-no-load", "-keep-logs", "-json")
	f("-duration must not be negative", "-duration", "-1s")
	f("-rate must be above 0", "-rate", "0")
	f("-rate must be above 0", "-rate", "NaN")
	f("-rate must be above 0", "-rate", "+Inf")
	f("only flags are supported", "up")
	f("no such file", "-jaeger", "/nonexistent/jaeger")
	f("is not an executable file", "-collector", "run_test.go")
	f("", "-collector-config", "run_test.go", "-collector-config", "main.go")
	f("no such file", "-collector-config", "/nonexistent/overlay.yaml")
}

// TestCleanUpAfterGoRunEnds ends `go run` with each signal while the stack is running. All
// processes must end and the directory of the run must be removed.
func TestCleanUpAfterGoRunEnds(t *testing.T) {
	toGoRun := func(sig syscall.Signal) func(*exec.Cmd) error {
		return func(goRun *exec.Cmd) error { return goRun.Process.Signal(sig) }
	}
	for name, end := range map[string]func(*exec.Cmd) error{
		// Ctrl-C in a terminal and closing it send a signal to the foreground process group: to go
		// run and the stack, but not to the stack's children.
		"Ctrl-C":               func(goRun *exec.Cmd) error { return syscall.Kill(-goRun.Process.Pid, syscall.SIGINT) },
		"terminal closed":      func(goRun *exec.Cmd) error { return syscall.Kill(-goRun.Process.Pid, syscall.SIGHUP) },
		"SIGTERM to the group": func(goRun *exec.Cmd) error { return syscall.Kill(-goRun.Process.Pid, syscall.SIGTERM) },
		"SIGTERM to go run":    toGoRun(syscall.SIGTERM),
		"SIGKILL to go run":    toGoRun(syscall.SIGKILL),
		"SIGKILL to the group": func(goRun *exec.Cmd) error { return syscall.Kill(-goRun.Process.Pid, syscall.SIGKILL) },
	} {
		t.Run(name, func(t *testing.T) {
			r, goRun := startGoRun(t, append(fakeBackends(t, nil), "-rate", "20")...)
			r.waitReady(t)
			if err := end(goRun); err != nil {
				t.Fatal(err)
			}
			if name == "SIGKILL to the group" { // no process is left to remove the directory
				for child, pid := range r.ready.Processes {
					eventually(t, child+" has ended", func() bool { return !alive(pid) })
				}
				return
			}
			r.mustCleanUp(t)
		})
	}
}
