//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"mini-redis/internal/program"
)

func ignoreTERM() { signal.Ignore(syscall.SIGTERM) }

// running is a stack that a test started, in this process or in another.
type running struct {
	ready  event
	text   *syncBuffer   // what it said
	events *bufio.Reader // -json
	ended  chan error
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// startHere runs a stack in this process until ctx ends.
func startHere(t *testing.T, ctx context.Context, flags ...string) *running {
	t.Helper()
	if testing.Short() {
		t.Skip("builds the server and the load; not with -short")
	}
	t.Setenv("TMPDIR", t.TempDir())
	out, in := io.Pipe()
	r := &running{text: &syncBuffer{}, events: bufio.NewReader(out), ended: make(chan error, 1)}
	go func() {
		err := run(ctx, append(flags, "-json"), os.Getenv, in, r.text)
		_ = in.Close()
		r.ended <- err
	}()
	return r
}

// waitReady reads the event that tells of a stack that is up.
func (r *running) waitReady(t *testing.T) {
	t.Helper()
	if err := r.next(&r.ready); err != nil || r.ready.Event != "ready" {
		t.Fatalf("not ready: %v; it said:\n%s", err, r.text)
	}
}

func (r *running) next(e *event) error {
	line, err := r.events.ReadBytes('\n')
	if err != nil {
		return err
	}
	return json.Unmarshal(line, e)
}

// exitCode waits for the end of a stack in this process.
func (r *running) exitCode(t *testing.T) (code int, message string) {
	t.Helper()
	select {
	case err := <-r.ended:
		var coded *program.Error
		if err == nil {
			return 0, ""
		}
		if !errors.As(err, &coded) {
			return program.ExitError, err.Error()
		}
		return coded.Code, err.Error()
	case <-time.After(time.Minute):
		t.Fatalf("the stack does not end; it said:\n%s", r.text)
		return
	}
}

// mustLeaveNothing checks that none of the processes lives and that the run's directory is gone.
func (r *running) mustLeaveNothing(t *testing.T) {
	t.Helper()
	if len(r.ready.Processes) < 4 {
		t.Fatalf("the processes were %v", r.ready.Processes)
	}
	for name, pid := range r.ready.Processes {
		eventually(t, name+" is gone", func() bool { return !alive(pid) })
	}
	dir := filepath.Dir(r.ready.Logs)
	eventually(t, dir+" is gone", func() bool { _, err := os.Stat(dir); return os.IsNotExist(err) })
}

func alive(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return false
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || !strings.Contains(string(stat), ") Z ") // a zombie is only waiting for init
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatal("waited 30 s in vain until " + what)
}

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

func ping(t *testing.T, addr string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		t.Fatal(err)
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return answer
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

// startThere runs a stack as its users do, in a process group of its own as a shell would give it.
func startThere(t *testing.T, flags ...string) (*running, *exec.Cmd) {
	t.Helper()
	if testing.Short() {
		t.Skip("builds the server and the load; not with -short")
	}
	goRun := exec.Command("go", append([]string{"run", ".", "-json"}, flags...)...)
	goRun.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
	goRun.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	r := &running{text: &syncBuffer{}, ended: make(chan error, 1)}
	goRun.Stderr = r.text
	out, err := goRun.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	r.events = bufio.NewReader(out)
	goRun.WaitDelay = 10 * time.Second
	if err := goRun.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(-goRun.Process.Pid, syscall.SIGKILL); _ = goRun.Wait() })
	return r, goRun
}

// get returns the body of an answer of 200.
func get(ctx context.Context, url string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = errors.New(url + ": " + response.Status)
	}
	return string(body), err
}
