//go:build unix

package supervise

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestNothingOutlivesTheStack kills a process that has a child which heeds no signal but SIGKILL.
func TestNothingOutlivesTheStack(t *testing.T) {
	for _, how := range []string{"by the system", "guarded"} {
		t.Run(how, func(t *testing.T) {
			supervisor := exec.Command(os.Args[0], "--", "supervisor", filepath.Join(t.TempDir(), "deaf.log"), how)
			out, err := supervisor.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := supervisor.Start(); err != nil {
				t.Fatal(err)
			}
			pid := readPID(t, out)
			if !running(pid) {
				t.Fatal("the child is not running")
			}
			if err := supervisor.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = supervisor.Wait()
			eventually(t, "the child is gone", func() bool { return !running(pid) })
		})
	}
}

func readPID(t *testing.T, out io.Reader) (pid int) {
	t.Helper()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscanf(line, "started %d\n", &pid); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	return pid
}

// TestGuardKillsWhatItWasTold drives the guard alone, with no help from the system.
func TestGuardKillsWhatItWasTold(t *testing.T) {
	spare, doomed := exec.Command("sleep", "3600"), exec.Command("sleep", "3600")
	for _, cmd := range []*exec.Cmd{spare, doomed} {
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	}
	RunGuard(strings.NewReader(fmt.Sprintf("+%d\n+%d\nnonsense\n\n-%d\n", spare.Process.Pid, doomed.Process.Pid, spare.Process.Pid)))
	eventually(t, "the doomed process is gone", func() bool { return !running(doomed.Process.Pid) })
	if !running(spare.Process.Pid) {
		t.Error("a process that was removed from the guard's list was killed")
	}
}

func TestWatchParentNoticesItsDeath(t *testing.T) {
	said := filepath.Join(t.TempDir(), "said")
	parent := exec.Command(os.Args[0], "--", "watched", said)
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	watcher := readPID(t, out)
	t.Cleanup(func() { _ = syscall.Kill(watcher, syscall.SIGKILL) })
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	eventually(t, "the watcher says that its parent is gone", func() bool {
		text, _ := os.ReadFile(said)
		return string(text) == "gone\n"
	})
}

func TestGoRunKnowsItsParent(t *testing.T) {
	// `go test` is the parent here, and its name is "go" as that of `go run`.
	pid, ok := GoRun(t.Context())
	name, err := os.ReadFile("/proc/" + strconv.Itoa(os.Getppid()) + "/comm")
	if err != nil {
		t.Skip("no /proc here")
	}
	if want := strings.TrimSpace(string(name)) == "go"; pid != os.Getppid() || ok != want {
		t.Fatalf("%d %v, parent is %d %q", pid, ok, os.Getppid(), name)
	}
}
