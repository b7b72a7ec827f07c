//go:build unix

package supervise

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The test binary is also the child program. The first argument after "--" selects the kind of
// child.
func TestMain(m *testing.M) {
	for i, arg := range os.Args {
		if arg == "--" && i+1 < len(os.Args) {
			child(os.Args[i+1], os.Args[i+2:])
			return
		}
	}
	os.Exit(m.Run())
}

func child(kind string, args []string) {
	switch kind {
	case "graceful": // on SIGTERM, appends a line to a file and exits
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGTERM)
		fmt.Println("started", os.Getpid())
		<-signals
		appendLine(args[0], args[1])
	case "ignores-term":
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("started", os.Getpid())
		time.Sleep(time.Hour)
	case "fails":
		fmt.Println("cannot listen on 127.0.0.1:1: permission denied")
		os.Exit(7)
	case "parent": // starts a grandchild in its own process group and waits
		grandchild := exec.Command(os.Args[0], "--", "ignores-term")
		grandchild.Stdout = os.Stdout
		must(grandchild.Start())
		time.Sleep(time.Hour)
	case "supervisor": // starts a child, prints its PID and is killed by the test
		s, err := NewSpawner([]string{os.Args[0], "--", "watchdog"})
		must(err)
		if args[1] == "watchdog" && s.watchdog == nil { // Linux does not use a watchdog by default
			s.watchdog, err = startWatchdog([]string{os.Args[0], "--", "watchdog"})
			must(err)
		}
		p, err := start(s, Spec{Name: "child", Path: os.Args[0], Args: []string{"--", "ignores-term"}, Log: args[0]})
		must(err)
		fmt.Println("started", p.PID())
		time.Sleep(time.Hour)
	case "watchdog":
		RunWatchdog(os.Stdin)
	case "watcher":
		parent := os.Getppid() // before the output that makes the test kill the parent
		fmt.Println("started", os.Getpid())
		if WatchParent(context.Background(), parent, 5*time.Millisecond) {
			appendLine(args[0], "gone")
		}
	case "watched": // starts a watcher, then waits to be killed
		watcher := exec.Command(os.Args[0], "--", "watcher", args[0])
		watcher.Stdout = os.Stdout
		must(watcher.Start())
		time.Sleep(time.Hour)
	}
}

func must(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(99)
	}
}

func appendLine(path, line string) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	must(err)
	_, err = fmt.Fprintln(f, line)
	must(err)
	must(f.Close())
}

func newGroup(t *testing.T) *Group {
	t.Helper()
	s, err := NewSpawner([]string{os.Args[0], "--", "watchdog"})
	if err != nil {
		t.Fatal(err)
	}
	g := NewGroup(s)
	t.Cleanup(func() {
		done, cancel := context.WithCancel(context.Background())
		cancel()
		_ = g.Stop(done) // kills the remaining children at once
		s.Close()
	})
	return g
}

func childSpec(t *testing.T, name string, args ...string) Spec {
	t.Helper()
	return Spec{Name: name, Path: os.Args[0], Args: append([]string{"--"}, args...), Log: filepath.Join(t.TempDir(), name+".log")}
}

func mustStart(t *testing.T, g *Group, spec Spec) *Process {
	t.Helper()
	p, err := g.Start(spec)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// startedPID waits until a child has printed its process ID and returns it.
func startedPID(t *testing.T, log string) int {
	t.Helper()
	var pid int
	eventually(t, "the child prints its process ID", func() bool {
		text, _ := os.ReadFile(log)
		_, err := fmt.Sscanf(string(text), "started %d\n", &pid)
		return err == nil
	})
	return pid
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("timed out after 30 s; want: %s", what)
}

// running reports whether a process is running. A zombie is not running.
func running(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return false
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || !strings.Contains(string(stat), ") Z ")
}

func TestStopInReverseOrder(t *testing.T) {
	g := newGroup(t)
	order := filepath.Join(t.TempDir(), "order")
	for _, name := range []string{"first", "second", "third"} {
		startedPID(t, mustStart(t, g, childSpec(t, name, "graceful", order, name)).Log())
	}
	if err := g.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(order)
	if err != nil || string(text) != "third\nsecond\nfirst\n" {
		t.Fatalf("stopped in the order %q, want third, second, first (%v)", text, err)
	}
	for _, p := range g.Processes() {
		if running(p.PID()) || p.ExitCode() != 0 {
			t.Errorf("%s: running %v, exit code %d", p.Name(), running(p.PID()), p.ExitCode())
		}
	}
	if _, err := g.Start(childSpec(t, "late", "ignores-term")); err == nil {
		t.Error("Start after Stop returned no error")
	}
}

func TestStopKillsAfterTimeout(t *testing.T) {
	g := newGroup(t)
	spec := childSpec(t, "stubborn", "ignores-term")
	spec.StopTimeout = 50 * time.Millisecond
	pid := startedPID(t, mustStart(t, g, spec).Log())
	err := g.Stop(context.Background())
	if err == nil || !strings.Contains(err.Error(), "stubborn did not stop after SIGTERM") {
		t.Fatal(err)
	}
	if running(pid) {
		t.Fatal("the child is still running")
	}
}

func TestStopKillsWhenContextIsDone(t *testing.T) {
	g := newGroup(t)
	pid := startedPID(t, mustStart(t, g, childSpec(t, "stubborn", "ignores-term")).Log())
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(20*time.Millisecond, cancel)
	if err := g.Stop(ctx); err == nil {
		t.Fatal("Stop returned no error although it must have killed the child")
	}
	if running(pid) {
		t.Fatal("the child is still running")
	}
}

func TestStopEndsGrandchildren(t *testing.T) {
	g := newGroup(t)
	p := mustStart(t, g, childSpec(t, "parent", "parent"))
	grandchild := startedPID(t, p.Log())
	if err := g.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the grandchild has ended", func() bool { return !running(grandchild) })
}

func TestUnexpectedExit(t *testing.T) {
	g := newGroup(t)
	mustStart(t, g, childSpec(t, "server", "fails"))
	p := <-g.UnexpectedExit()
	if p.ExitCode() != 7 {
		t.Errorf("exit code %d, want 7", p.ExitCode())
	}
	text := p.ExitError().Error()
	for _, want := range []string{"server exited unexpectedly after", "exit status 7", "permission denied", p.Log()} {
		if !strings.Contains(text, want) {
			t.Errorf("%q does not contain %q", text, want)
		}
	}
}

func TestFiniteChildMayExit(t *testing.T) {
	g := newGroup(t)
	spec := childSpec(t, "job", "fails")
	spec.Finite = true
	p := mustStart(t, g, spec)
	<-p.Done()
	mustStart(t, g, childSpec(t, "server", "fails"))
	if p := <-g.UnexpectedExit(); p.Name() != "server" {
		t.Fatalf("unexpected exit of %s, want server", p.Name())
	}
}

func TestChildEnvironment(t *testing.T) {
	t.Setenv("STACK_TEST_LEAK", "leaked")
	g := newGroup(t)
	spec := Spec{Name: "env", Path: "/usr/bin/env", Log: filepath.Join(t.TempDir(), "env.log"), Finite: true}
	<-mustStart(t, g, spec).Done()
	if text, err := os.ReadFile(spec.Log); err != nil || len(text) != 0 {
		t.Fatalf("the environment is %q, want empty (%v)", text, err)
	}
}

func TestTail(t *testing.T) {
	f := func(content string, n int, want string) {
		t.Helper()
		path := filepath.Join(t.TempDir(), "log")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := Tail(path, n); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	f("", 3, "")
	f("a\n\n b\n", 3, "    a\n     b")
	f("a\nb\nc", 2, "    b\n    c")
	f(strings.Repeat("x", 500), 1, "    "+strings.Repeat("x", 400)+" ...")
	f(strings.Repeat("line\n", 100_000)+"last\n", 1, "    last")
	if got := Tail(filepath.Join(t.TempDir(), "none"), 3); got != "" {
		t.Errorf("the tail of a file that does not exist is %q, want empty", got)
	}
}
