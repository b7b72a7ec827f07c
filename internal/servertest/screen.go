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

// Screen is a terminal that a test can look at while a program writes to it.
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

// String is all that was written.
func (s *Screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// MustShow waits until the screen shows exactly want.
func (s *Screen) MustShow(t testing.TB, want string) {
	t.Helper()
	s.Await(t, want, func(text string) bool { return text == want })
}

// Await waits until what is on the screen satisfies ok; what names it.
func (s *Screen) Await(t testing.TB, what string, ok func(text string) bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(s.String()); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the screen shows\n%swant\n%s", s.String(), what)
		}
	}
}

// Process is a program that runs inside of the test.
type Process struct {
	Stdout, Stderr Screen
	stop           func() int
}

// Start runs a program with the given environment until it ends, or Stop is
// called, or the test is over.
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

// Stop does what SIGINT does and returns the exit code.
func (p *Process) Stop() int { return p.stop() }
