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

func TestStopsWhenAsked(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	r := startHere(t, ctx, append(standIns(t, nil), "-rate", "20")...)
	r.waitReady(t)
	if answer := ping(t, r.ready.Addresses.RESP); answer != "+PONG\r\n" {
		t.Errorf("the server answers %q", answer)
	}
	stop()
	if code, message := r.exitCode(t); code != 0 {
		t.Errorf("exit code %d: %s", code, message)
	}
	r.mustLeaveNothing(t)
	for _, want := range []string{"The stack is up", "own web UIs are not in their Go modules", "no process is left"} {
		if !strings.Contains(r.text.String(), want) {
			t.Errorf("it did not say %q but:\n%s", want, r.text)
		}
	}
}

func TestStoppedBeforeItsTime(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	r := startHere(t, ctx, append(standIns(t, nil), "-no-load", "-duration", "1h")...)
	r.waitReady(t)
	stop()
	if code, message := r.exitCode(t); code != exitInterrupted || !strings.Contains(message, "before it was done") {
		t.Errorf("exit code %d: %s", code, message)
	}
	r.mustLeaveNothing(t)
}

func TestAChildThatDiesIsTold(t *testing.T) {
	f := func(child, mode string, want ...string) {
		t.Helper()
		r := startHere(t, t.Context(), append(standIns(t, map[string]string{child: mode}), "-no-load")...)
		go func() { _, _ = io.Copy(io.Discard, r.events) }()
		code, message := r.exitCode(t)
		if code != exitChild {
			t.Errorf("exit code %d: %s", code, message)
		}
		for _, w := range want {
			if !strings.Contains(message, w) {
				t.Errorf("%q does not say %q", message, w)
			}
		}
		if !strings.Contains(r.text.String(), "logs are in ") {
			t.Errorf("it does not say where the logs are:\n%s", r.text)
		}
	}
	f("jaeger", "dies", "jaeger ended by itself", "exit status 3", "no space left on device")
	f("prometheus", "dies later", "prometheus ended by itself", "exit status 9", "lost its mind")
}

func TestADeafChildIsKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("waits ten seconds; not with -short")
	}
	ctx, stop := context.WithCancel(t.Context())
	r := startHere(t, ctx, append(standIns(t, map[string]string{"collector": "deaf"}), "-no-load")...)
	r.waitReady(t)
	stop()
	if code, message := r.exitCode(t); code == 0 || !strings.Contains(message, "collector did not stop when asked and was killed") {
		t.Errorf("exit code %d: %s", code, message)
	}
	for name, pid := range r.ready.Processes {
		if alive(pid) {
			t.Errorf("%s lives", name)
		}
	}
}

func TestABusyPortIsToldAndAvoided(t *testing.T) {
	if l, err := net.Listen("tcp", "127.0.0.1:6379"); err == nil { // or somebody else has it, which is as good
		defer l.Close()
	}
	ctx, stop := context.WithCancel(t.Context())
	r := startHere(t, ctx, append(standIns(t, nil), "-no-load")...)
	r.waitReady(t)
	addr := r.ready.Addresses.RESP
	if strings.HasSuffix(addr, ":6379") || ping(t, addr) != "+PONG\r\n" {
		t.Errorf("the server is at %s", addr)
	}
	stop()
	r.exitCode(t)
	for _, want := range []string{"port 6379 is in use: RESP gets " + addr[len("127.0.0.1:"):], "export MINI_REDIS_ADDR=" + addr} {
		if !strings.Contains(r.text.String(), want) {
			t.Errorf("it did not say %q but:\n%s", want, r.text)
		}
	}
}

func TestACheckoutThatDoesNotCompileIsTold(t *testing.T) {
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
	r := startHere(t, t.Context())
	code, message := r.exitCode(t)
	if code != exitBuild || !strings.Contains(message, "cannot build mini-redis, client-load: ") || !strings.Contains(message, "undefined") || strings.Contains(message, "\n") {
		t.Errorf("exit code %d: %s", code, message)
	}
}

func TestOutsideOfACheckout(t *testing.T) {
	t.Chdir(t.TempDir())
	if code, message := startHere(t, t.Context()).exitCode(t); code != program.ExitError || !strings.Contains(message, "inside a checkout") {
		t.Errorf("exit code %d: %s", code, message)
	}
}

func TestFlags(t *testing.T) {
	f := func(want string, args ...string) {
		t.Helper()
		_, err := parseFlags(args, func(string) string { return "" }, io.Discard)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: got %v, want %q", args, err, want)
		}
	}
	f("")
	f("", "-duration", "20s", "-rate", "0.5", "-no-load", "-keep-logs", "-json")
	f("cannot be negative", "-duration", "-1s")
	f("above 0", "-rate", "0")
	f("above 0", "-rate", "NaN")
	f("above 0", "-rate", "+Inf")
	f("only flags are understood", "up")
	f("no such file", "-jaeger", "/nonexistent/jaeger")
	f("is not a program", "-collector", "run_test.go")
	f("", "-collector-config", "run_test.go", "-collector-config", "main.go")
	f("no such file", "-collector-config", "/nonexistent/overlay.yaml")
}

// TestNothingIsLeftBehind ends `go run` in all the ways there are, each with a stack that is up.
func TestNothingIsLeftBehind(t *testing.T) {
	toGo := func(sig syscall.Signal) func(*exec.Cmd) error {
		return func(goRun *exec.Cmd) error { return goRun.Process.Signal(sig) }
	}
	for name, end := range map[string]func(*exec.Cmd) error{
		// A terminal's Ctrl-C and its closing reach the whole foreground group: go and the stack, not the stack's children.
		"Ctrl-C":                   func(goRun *exec.Cmd) error { return syscall.Kill(-goRun.Process.Pid, syscall.SIGINT) },
		"the terminal is closed":   func(goRun *exec.Cmd) error { return syscall.Kill(-goRun.Process.Pid, syscall.SIGHUP) },
		"TERM for all":             func(goRun *exec.Cmd) error { return syscall.Kill(-goRun.Process.Pid, syscall.SIGTERM) },
		"TERM for go run alone":    toGo(syscall.SIGTERM),
		"kill -9 go run":           toGo(syscall.SIGKILL),
		"kill -9 go run and stack": func(goRun *exec.Cmd) error { return syscall.Kill(-goRun.Process.Pid, syscall.SIGKILL) },
	} {
		t.Run(name, func(t *testing.T) {
			r, goRun := startThere(t, append(standIns(t, nil), "-rate", "20")...)
			r.waitReady(t)
			if err := end(goRun); err != nil {
				t.Fatal(err)
			}
			if name == "kill -9 go run and stack" { // nobody is left to remove the directory
				for child, pid := range r.ready.Processes {
					eventually(t, child+" is gone", func() bool { return !alive(pid) })
				}
				return
			}
			r.mustLeaveNothing(t)
		})
	}
}
