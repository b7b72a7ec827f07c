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

// TestChildrenDieWithSupervisor kills a supervisor whose child ignores SIGTERM.
func TestChildrenDieWithSupervisor(t *testing.T) {
	for _, how := range []string{"kernel", "watchdog"} {
		t.Run(how, func(t *testing.T) {
			supervisor := exec.Command(os.Args[0], "--", "supervisor", filepath.Join(t.TempDir(), "child.log"), how)
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
			eventually(t, "the child has ended", func() bool { return !running(pid) })
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

// TestWatchdogKillsRegisteredGroups runs the watchdog without parent-death signals.
func TestWatchdogKillsRegisteredGroups(t *testing.T) {
	removed, registered := exec.Command("sleep", "3600"), exec.Command("sleep", "3600")
	for _, cmd := range []*exec.Cmd{removed, registered} {
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	}
	RunWatchdog(strings.NewReader(fmt.Sprintf("+%d\n+%d\nnonsense\n\n-%d\n", removed.Process.Pid, registered.Process.Pid, removed.Process.Pid)))
	eventually(t, "the registered process has ended", func() bool { return !running(registered.Process.Pid) })
	if !running(removed.Process.Pid) {
		t.Error("the watchdog killed a process that was removed from its list")
	}
}

func TestWatchParentReturnsAfterParentEnds(t *testing.T) {
	output := filepath.Join(t.TempDir(), "output")
	parent := exec.Command(os.Args[0], "--", "watched", output)
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
	eventually(t, "the watcher reports the end of its parent", func() bool {
		text, _ := os.ReadFile(output)
		return string(text) == "gone\n"
	})
}

func TestGoRun(t *testing.T) {
	// The parent of this test is `go test`, whose process name is "go" like that of `go run`.
	pid, ok := GoRun(t.Context())
	name, err := os.ReadFile("/proc/" + strconv.Itoa(os.Getppid()) + "/comm")
	if err != nil {
		t.Skip("this system has no /proc")
	}
	if want := strings.TrimSpace(string(name)) == "go"; pid != os.Getppid() || ok != want {
		t.Fatalf("GoRun = %d, %v; the parent is %d %q", pid, ok, os.Getppid(), name)
	}
}
