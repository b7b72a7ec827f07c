package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"mini-redis/console/consoletest"
	"mini-redis/services/console/internal/export"
)

// build builds a program of the module and returns its path.
func build(t *testing.T, pkg string) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), filepath.Base(pkg))
	if pkg == "." {
		bin = filepath.Join(t.TempDir(), "console")
	}
	if out, err := exec.Command("go", "build", "-o", bin, pkg).CombinedOutput(); err != nil {
		t.Fatalf("error %v, output:\n%s", err, out)
	}
	return bin
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// startProgram starts a program, which is killed when the test ends, and waits until its address
// accepts connections.
func startProgram(t *testing.T, addr, bin string, args ...string) {
	t.Helper()
	cmd := exec.Command(bin, args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * ms) {
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not listen on %s", bin, addr)
		}
	}
}

// TestDeadlockWalkthrough follows the deadlock example of docs/console.md.
func TestDeadlockWalkthrough(t *testing.T) {
	addr := freePort(t)
	term := consoletest.NewTerminal(t, 110, 30, []string{"TERM=xterm"}, build(t, "."), addr)
	term.UntilShown("not reachable")
	startProgram(t, addr, build(t, "../../console/examples/deadlock"), "-console-addr", addr)
	term.UntilShown("(connected)", "clerk 1", "clerk 2", "warning")
	term.Type("r")
	term.UntilShown("Resources (", "alice", "bob", "locked=true")
	term.Type("w")
	screen := term.UntilShown("deadlock")
	if strings.Count(screen, "waits for mutex") < 2 {
		t.Errorf("the warning does not list both waits:\n%s", screen)
	}
	term.Type("Enter")
	term.UntilShown("waits in Mutex.Lock for Mutex", "holds Mutex")
	term.Resize(40, 20)
	for line := range strings.Lines(term.UntilShown("Task ", "Total:")) {
		if len([]rune(strings.TrimRight(line, "\n"))) > 40 {
			t.Errorf("a line is too long for 40 columns: %q", line)
		}
	}
	term.Type("q")
	mustExit(t, term)
}

// mustExit waits until the program exits with code 0.
func mustExit(t *testing.T, term *consoletest.Terminal) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(term.Screen(), "[exit 0]"); time.Sleep(20 * ms) {
		if time.Now().After(deadline) {
			t.Fatalf("the program has not exited with code 0:\n%s", term.Screen())
		}
	}
}

// TestEndedTaskAndPause checks that an ended task is shown as done, and that the screen does not
// change during a pause.
func TestEndedTaskAndPause(t *testing.T) {
	addr := freePort(t)
	startProgram(t, addr, build(t, "../../console/examples/behaviour"), "-console-addr", addr, "-publish", "100ms")
	term := consoletest.NewTerminal(t, 120, 40, []string{"TERM=xterm"}, build(t, "."), "--retain-for", "2s", addr)
	term.UntilShown("spins 200 ms a second", "lives 300 ms", "done")
	term.Type("/")
	term.Type("l", "i", "v", "e", "s", "Enter")
	term.Until("the ended task alone", func(s string) bool { return strings.Contains(s, "done") && !strings.Contains(s, "spins") })
	term.Type("Escape", "Space")
	term.UntilShown("PAUSED")
	time.Sleep(300 * ms) // updates in flight have arrived
	before := consoletest.Line(term.Screen(), "spins 200 ms")
	time.Sleep(500 * ms)
	if after := consoletest.Line(term.Screen(), "spins 200 ms"); after != before {
		t.Errorf("the task's row changes during the pause:\n%s\n%s", before, after)
	}
	term.Type("Space")
	term.Until("new updates", func(s string) bool {
		return !strings.Contains(s, "PAUSED") && consoletest.Line(s, "spins 200 ms") != before
	})
	term.Type("q")
	mustExit(t, term)
}

// rustPeer builds the Rust program in testdata. The build is cached in the user's cache directory.
func rustPeer(t *testing.T) string {
	t.Helper()
	cargo, err := exec.LookPath("cargo")
	if err != nil {
		home, _ := os.UserHomeDir()
		if cargo = filepath.Join(home, ".cargo", "bin", "cargo"); exec.Command(cargo, "--version").Run() != nil {
			t.Skip("cargo is not installed")
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Skip(err)
	}
	target := filepath.Join(cache, "mini-redis", "rustpeer")
	bin := filepath.Join(target, "debug", "rustpeer")
	if _, err := os.Stat(bin); err != nil && os.Getenv("MINI_REDIS_RUST") == "" {
		t.Skip("the Rust program takes minutes to build: set MINI_REDIS_RUST=1 once")
	}
	cmd := exec.Command(cargo, "build", "--target-dir", target)
	cmd.Dir = filepath.Join("testdata", "rustpeer")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("cargo cannot build the Rust program: %v\n%s", err, out)
	}
	return bin
}

// TestRustProgramAsInStockClient connects both viewers to a program with console-subscriber. Counts
// that no longer change must be equal.
func TestRustProgramAsInStockClient(t *testing.T) {
	stockBin := consoletest.StockConsole(t)
	peer, addr := rustPeer(t), freePort(t)
	startProgram(t, addr, peer, addr)
	stock := consoletest.NewTerminal(t, 170, 40, nil, stockBin, "--palette", "off", "--retain-for", "none", "http://"+addr)
	screen := stock.UntilShown("(CONNECTED)", "self-waker", "Tasks (7)", "⏹")
	ours := exported(t, "-duration", "1s", "rust="+addr)

	// Compare the tasks whose counts no longer change.
	byName := map[string][]export.Task{}
	for _, x := range ours.Tasks {
		byName[x.Name] = append(byName[x.Name], x)
	}
	if len(ours.Tasks) != 7 || len(byName["waiter"]) != 2 {
		t.Errorf("%d tasks, %d waiters", len(ours.Tasks), len(byName["waiter"]))
	}
	for _, name := range []string{"holder", "waiter", "self-waker", "receiver", "brief"} {
		row := consoletest.Line(screen, name)
		polls := regexp.MustCompile(`\s(\d+)\s+task\s`).FindStringSubmatch(row)
		x := byName[name][0]
		if polls == nil || polls[1] != strconv.FormatUint(x.Polls, 10) || !strings.Contains(row, x.Location) {
			t.Errorf("%s: the export has %d polls at %s, the stock client shows\n%s", name, x.Polls, x.Location, row)
		}
	}
	if x := byName["self-waker"][0]; x.Polls != 1001 || x.Wakes != 1000 {
		t.Errorf("unexpected counts of self-waker: %+v", x)
	}
	// Two tasks have no waker left.
	if warned := strings.Count(screen, "⚠"); warned < 2 {
		t.Errorf("the stock client shows %d warnings, want at least 2", warned)
	}
	stock.Type("r")
	resources := stock.UntilShown("Resources (", "Mutex", "locked=true")
	rows := 0
	for line := range strings.Lines(resources) {
		if strings.Contains(line, " Sync ") {
			rows++
		}
	}
	lasting := 0
	for _, x := range ours.Resources {
		if x.Kind == "Timer" {
			continue // timers are created and dropped all the time
		}
		lasting++
		want := fmt.Sprintf("%s %s", x.Kind, x.Type)
		found := false
		for line := range strings.Lines(resources) {
			found = found || strings.Contains(line, " "+x.Kind+" ") && strings.Contains(line, " "+x.Type+" ")
		}
		if !found {
			t.Errorf("the stock client does not show %s:\n%s", want, resources)
		}
	}
	if lasting != rows || rows != 5 {
		t.Errorf("%d permanent resources, the stock client shows %d, want 5", lasting, rows)
	}
}
