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

// The test binary is also the child: the first argument after "--" says what kind of child. Real processes, no mocks.
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
	case "polite": // ends on SIGTERM, after saying so
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGTERM)
		fmt.Println("started", os.Getpid())
		<-signals
		appendLine(args[0], args[1])
	case "deaf":
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("started", os.Getpid())
		time.Sleep(time.Hour)
	case "fails":
		fmt.Println("cannot listen on 127.0.0.1:1: permission denied")
		os.Exit(7)
	case "parent": // starts a grandchild in its own group and waits
		grandchild := exec.Command(os.Args[0], "--", "deaf")
		grandchild.Stdout = os.Stdout
		must(grandchild.Start())
		time.Sleep(time.Hour)
	case "supervisor": // what the stack is: prints its children's pids, then is killed by the test
		n, err := NewNursery([]string{os.Args[0], "--", "guard"})
		must(err)
		if args[1] == "guarded" && n.guard == nil { // where the system does it all, the other way has to be asked for
			n.guard, err = startGuard([]string{os.Args[0], "--", "guard"})
			must(err)
		}
		p, err := start(n, Spec{Name: "deaf", Path: os.Args[0], Args: []string{"--", "deaf"}, Log: args[0]})
		must(err)
		fmt.Println("started", p.PID())
		time.Sleep(time.Hour)
	case "guard":
		RunGuard(os.Stdin)
	case "watcher":
		parent := os.Getppid() // before the test hears of us and kills it
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
	n, err := NewNursery([]string{os.Args[0], "--", "guard"})
	if err != nil {
		t.Fatal(err)
	}
	g := NewGroup(n)
	t.Cleanup(func() {
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		_ = g.Stop(ended) // kills at once what the test left
		n.Close()
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

// startedPID waits until a child has printed that it started, and returns the process id it printed.
func startedPID(t *testing.T, log string) int {
	t.Helper()
	var pid int
	eventually(t, "a child says that it started", func() bool {
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
	t.Fatal("waited 30 s in vain until " + what)
}

// running is false for a process that ended, even while nobody has reaped it.
func running(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return false
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || !strings.Contains(string(stat), ") Z ")
}

func TestStopsInReverseOrderWithTERM(t *testing.T) {
	g := newGroup(t)
	order := filepath.Join(t.TempDir(), "order")
	for _, name := range []string{"first", "second", "third"} {
		startedPID(t, mustStart(t, g, childSpec(t, name, "polite", order, name)).Log())
	}
	if err := g.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(order)
	if err != nil || string(text) != "third\nsecond\nfirst\n" {
		t.Fatalf("stopped in the order %q, %v", text, err)
	}
	for _, p := range g.Processes() {
		if running(p.PID()) || p.ExitCode() != 0 {
			t.Errorf("%s: running %v, exit code %d", p.Name(), running(p.PID()), p.ExitCode())
		}
	}
	if _, err := g.Start(childSpec(t, "late", "deaf")); err == nil {
		t.Error("a child was started in a group that was stopped")
	}
}

func TestKillsTheDeaf(t *testing.T) {
	g := newGroup(t)
	spec := childSpec(t, "deaf", "deaf")
	spec.StopTimeout = 50 * time.Millisecond
	pid := startedPID(t, mustStart(t, g, spec).Log())
	err := g.Stop(context.Background())
	if err == nil || !strings.Contains(err.Error(), "deaf did not stop when asked") {
		t.Fatal(err)
	}
	if running(pid) {
		t.Fatal("still running")
	}
}

func TestStopKillsAtOnceWhenItsContextEnds(t *testing.T) {
	g := newGroup(t)
	pid := startedPID(t, mustStart(t, g, childSpec(t, "deaf", "deaf")).Log())
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(20*time.Millisecond, cancel)
	if err := g.Stop(ctx); err == nil {
		t.Fatal("a deaf child stopped when asked")
	}
	if running(pid) {
		t.Fatal("still running")
	}
}

func TestStopTakesGrandchildrenAlong(t *testing.T) {
	g := newGroup(t)
	p := mustStart(t, g, childSpec(t, "parent", "parent"))
	grandchild := startedPID(t, p.Log())
	if err := g.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the grandchild is gone", func() bool { return !running(grandchild) })
}

func TestTellsOfADeathWithItsLastWords(t *testing.T) {
	g := newGroup(t)
	mustStart(t, g, childSpec(t, "server", "fails"))
	p := <-g.Died()
	if p.ExitCode() != 7 {
		t.Errorf("exit code %d", p.ExitCode())
	}
	text := p.DeathError().Error()
	for _, want := range []string{"server ended by itself after", "exit status 7", "permission denied", p.Log()} {
		if !strings.Contains(text, want) {
			t.Errorf("%q does not say %q", text, want)
		}
	}
}

func TestAFiniteChildMayEnd(t *testing.T) {
	g := newGroup(t)
	spec := childSpec(t, "job", "fails")
	spec.Finite = true
	p := mustStart(t, g, spec)
	<-p.Done()
	mustStart(t, g, childSpec(t, "server", "fails"))
	if died := <-g.Died(); died.Name() != "server" {
		t.Fatalf("%s is told as dead", died.Name())
	}
}

func TestChildrenGetOnlyTheirEnvironment(t *testing.T) {
	t.Setenv("STACK_TEST_LEAK", "leaked")
	g := newGroup(t)
	spec := Spec{Name: "env", Path: "/usr/bin/env", Log: filepath.Join(t.TempDir(), "env.log"), Finite: true}
	<-mustStart(t, g, spec).Done()
	if text, err := os.ReadFile(spec.Log); err != nil || len(text) != 0 {
		t.Fatalf("%q, %v", text, err)
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
		t.Errorf("a file that is not there has the tail %q", got)
	}
}
