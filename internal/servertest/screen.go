package servertest

import (
	"bytes"
	"context"
	"io"
	"sync"
	"testing"
	"time"

	"mini-redis/internal/program"
)

// Screen is a writer whose text a test can read while a program writes to it.
// The zero value is empty.
type Screen struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

// Write implements io.Writer.
func (s *Screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

// String returns all text written so far.
func (s *Screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// MustShow waits until the text is exactly want.
func (s *Screen) MustShow(t testing.TB, want string) {
	t.Helper()
	s.Await(t, want, func(text string) bool { return text == want })
}

// Await waits until ok returns true for the text. what describes the expected
// text in the failure message.
func (s *Screen) Await(t testing.TB, what string, ok func(text string) bool) {
	t.Helper()
	for deadline := time.Now().Add(testTimeout); !ok(s.String()); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the output is\n%swant\n%s", s.String(), what)
		}
	}
}

// Process is a program that runs in a goroutine of the test.
type Process struct {
	Stdout, Stderr Screen
	stop           func() int
}

// Start runs a program with the given environment (NAME=value). Its context ends
// when Stop is called or the test ends.
func Start(t testing.TB, run program.Run, env []string, args ...string) *Process {
	ctx, cancel := context.WithCancel(context.Background())
	p, code := &Process{}, make(chan int, 1)
	go func() {
		var stdout, stderr io.Writer = &p.Stdout, &p.Stderr
		code <- program.Exit(run(ctx, args, Env(env...), stdout, stderr), stderr)
	}()
	p.stop = sync.OnceValue(func() int {
		cancel()
		return <-code
	})
	t.Cleanup(func() { p.Stop() })
	return p
}

// Stop cancels the program's context, as SIGINT does, waits for the program and
// returns its exit code.
func (p *Process) Stop() int { return p.stop() }
