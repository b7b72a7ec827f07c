//go:build unix

package program

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
	"time"
)

// hangEnv makes the test binary run TestHelperHang as a separate program.
const hangEnv = "PROGRAM_TEST_HANG"

// TestHelperHang is the subprocess of the tests below: a program whose run
// ignores its context and never returns.
func TestHelperHang(t *testing.T) {
	if os.Getenv(hangEnv) == "" {
		t.Skip("only runs as a subprocess")
	}
	Main(func(ctx context.Context, _ []string, _ func(string) string, stdout, _ io.Writer) error {
		context.AfterFunc(ctx, func() { fmt.Fprintln(stdout, "cancelled") })
		fmt.Fprintln(stdout, "running")
		for {
			time.Sleep(time.Hour)
		}
	})
}

// hangingProgram is a started TestHelperHang.
type hangingProgram struct {
	cmd    *exec.Cmd
	stdout *bufio.Scanner
}

// startHanging starts the subprocess and waits until run has begun.
func startHanging(t *testing.T) *hangingProgram {
	t.Helper()
	if signal.Ignored(syscall.SIGINT) {
		t.Skip("SIGINT is ignored in this process, as in a background job of a shell, and so in the subprocess")
	}
	// The subprocess is killed when ctx ends, so a failing test leaves no process behind.
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestHelperHang$")
	cmd.Env = append(os.Environ(), hangEnv+"=1")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &hangingProgram{cmd: cmd, stdout: bufio.NewScanner(stdout)}
	p.wantLine(t, "running")
	return p
}

func (p *hangingProgram) wantLine(t *testing.T, want string) {
	t.Helper()
	if !p.stdout.Scan() || p.stdout.Text() != want {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		t.Fatalf("the subprocess printed %q (%v), want %q", p.stdout.Text(), p.stdout.Err(), want)
	}
}

func (p *hangingProgram) signal(t *testing.T, sig os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// wantKilledBy waits for the process and checks that it ended within 1 s by one of the signals.
func (p *hangingProgram) wantKilledBy(t *testing.T, signals ...syscall.Signal) {
	t.Helper()
	begin := time.Now()
	_ = p.cmd.Wait()
	took := time.Since(begin)
	status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() || took > time.Second {
		t.Fatalf("the process ended after %v with %v, want a signal within 1s", took, p.cmd.ProcessState)
	}
	for _, sig := range signals {
		if status.Signal() == sig {
			return
		}
	}
	t.Errorf("the process was ended by %v, want %v", status.Signal(), signals)
}

func TestSecondSignalEndsAHangingProgram(t *testing.T) {
	for _, second := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(second.String(), func(t *testing.T) {
			p := startHanging(t)
			p.signal(t, syscall.SIGTERM)
			p.wantLine(t, "cancelled")
			p.signal(t, second)
			p.wantKilledBy(t, second)
		})
	}
}

// Two signals in quick succession may both arrive before Main has handled the
// first. The second one must not be lost.
func TestTwoSignalsAtOnceEndAHangingProgram(t *testing.T) {
	for range 20 {
		p := startHanging(t)
		p.signal(t, syscall.SIGTERM)
		p.signal(t, syscall.SIGINT)
		p.wantKilledBy(t, syscall.SIGTERM, syscall.SIGINT)
	}
}
