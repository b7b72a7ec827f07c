package main

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"mini-redis/internal/program"
	"mini-redis/internal/servertest"
)

// screen is a terminal that a test can look at while the program writes.
type screen struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// mustShow waits until the screen shows what is wanted.
func (s *screen) mustShow(t *testing.T, want string) {
	t.Helper()
	s.await(t, want, func(text string) bool { return text == want })
}

func (s *screen) await(t *testing.T, what string, ok func(text string) bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(s.String()); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the screen shows\n%swant\n%s", s.String(), what)
		}
	}
}

// startCLI runs the program until stop is called, which returns its exit code.
func startCLI(t *testing.T, env []string, args ...string) (stdout, stderr *screen, stop func() int) {
	ctx, cancel := context.WithCancel(t.Context())
	stdout, stderr = new(screen), new(screen)
	code := make(chan int, 1)
	go func() { code <- program.Exit(run(ctx, args, servertest.Env(env...), stdout, stderr), stderr) }()
	stop = sync.OnceValue(func() int {
		cancel()
		return <-code
	})
	t.Cleanup(func() { stop() })
	return stdout, stderr, stop
}

func TestSubscribePrintsMessagesUntilItIsStopped(t *testing.T) {
	servertest.Each(t, func(t *testing.T, addr string) {
		stdout, stderr, stop := startCLI(t, nil, at(addr, "--no-raw", "subscribe", "news", "weather")...)
		begun := "Reading messages... (press Ctrl-C to quit)\n" +
			"1) \"subscribe\"\n2) \"news\"\n3) (integer) 1\n1) \"subscribe\"\n2) \"weather\"\n3) (integer) 2\n"
		stdout.mustShow(t, begun)
		if got := runCLI(t.Context(), nil, at(addr, "publish", "weather", "rain\nand wind")...); got.stdout != "1\n" {
			t.Errorf("publish: %+v", got)
		}
		stdout.mustShow(t, begun+"1) \"message\"\n2) \"weather\"\n3) \"rain\\nand wind\"\n")
		if code := stop(); code != 0 || stderr.String() != "" {
			t.Errorf("exit code %d, %q", code, stderr.String())
		}
	})
}

func TestSubscribeInRawFormAndRESP3(t *testing.T) {
	servertest.Each(t, func(t *testing.T, addr string) {
		stdout, _, stop := startCLI(t, nil, at(addr, "-3", "psubscribe", "n*")...)
		stdout.mustShow(t, "psubscribe\nn*\n1\n")
		runCLI(t.Context(), nil, at(addr, "publish", "news", "text")...)
		stdout.mustShow(t, "psubscribe\nn*\n1\npmessage\nn*\nnews\ntext\n")
		if code := stop(); code != 0 {
			t.Errorf("exit code %d", code)
		}
	})
}

func TestASubscriptionThatIsRefused(t *testing.T) {
	servertest.Each(t, func(t *testing.T, addr string) {
		got := runCLI(t.Context(), nil, at(addr, "subscribe")...)
		if got.code != exitFailed || got.stdout != "ERR wrong number of arguments for 'subscribe' command\n\n" || got.stderr != "" {
			t.Errorf("%+v", got)
		}
	})
}

func TestMonitor(t *testing.T) {
	addr := servertest.Redis(t)
	stdout, _, stop := startCLI(t, nil, at(addr, "monitor")...)
	stdout.mustShow(t, "OK\n")
	runCLI(t.Context(), nil, at(addr, "get", "k\n")...)
	stdout.await(t, "the GET", func(text string) bool { return strings.HasSuffix(text, `"get" "k\n"`+"\n") })
	if code := stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestACommandThatWaitsCanBeInterrupted(t *testing.T) {
	servertest.Each(t, func(t *testing.T, addr string) {
		_, stderr, stop := startCLI(t, nil, at(addr, "blpop", "list", "0")...)
		blocked := func() bool {
			return strings.Contains(runCLI(t.Context(), nil, at(addr, "info", "clients")...).stdout, "blocked_clients:1")
		}
		for deadline := time.Now().Add(20 * time.Second); !blocked(); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("BLPOP does not block")
			}
		}
		if code := stop(); code != exitFailed || !strings.HasSuffix(stderr.String(), "interrupted before the reply\n") {
			t.Errorf("exit code %d, %q", code, stderr.String())
		}
	})
}
