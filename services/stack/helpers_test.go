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
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"mini-redis/internal/program"
)

// running is a stack that a test has started, in this process or with go run.
type running struct {
	ready  event
	text   *syncBuffer   // output other than events
	events *bufio.Reader // output of -json
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

// startInProcess runs a stack in this process until ctx is done.
func startInProcess(t *testing.T, ctx context.Context, flags ...string) *running {
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

// waitReady waits for the event "ready".
func (r *running) waitReady(t *testing.T) {
	t.Helper()
	if err := r.next(&r.ready); err != nil || r.ready.Event != "ready" {
		t.Fatalf("no event ready: %v; output:\n%s", err, r.text)
	}
}

func (r *running) next(e *event) error {
	line, err := r.events.ReadBytes('\n')
	if err != nil {
		return err
	}
	return json.Unmarshal(line, e)
}

// exitCode waits until a stack in this process ends and returns its exit code and error message.
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
		t.Fatalf("the stack did not end within 1 min; output:\n%s", r.text)
		return
	}
}

// mustCleanUp checks that all processes have ended and that the directory of the run is removed.
func (r *running) mustCleanUp(t *testing.T) {
	t.Helper()
	if len(r.ready.Processes) < 4 {
		t.Fatalf("the event ready has the processes %v, want at least 4", r.ready.Processes)
	}
	for name, pid := range r.ready.Processes {
		eventually(t, name+" has ended", func() bool { return !alive(pid) })
	}
	dir := filepath.Dir(r.ready.Logs)
	eventually(t, dir+" is removed", func() bool { _, err := os.Stat(dir); return os.IsNotExist(err) })
}

func alive(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return false
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || !strings.Contains(string(stat), ") Z ") // a zombie has ended
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("timed out after 30 s; want: %s", what)
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
	reply, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

// startGoRun runs a stack with go run, in its own process group as a shell does.
func startGoRun(t *testing.T, flags ...string) (*running, *exec.Cmd) {
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

// get returns the body of a response with status 200.
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
