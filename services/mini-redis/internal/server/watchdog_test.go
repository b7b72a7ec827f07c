package server

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"mini-redis/services/mini-redis/internal/command"
	"mini-redis/services/mini-redis/internal/engine"
)

// logRecords is a log handler that keeps the records.
type logRecords struct {
	mu   sync.Mutex
	list []slog.Record
}

func (h *logRecords) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelInfo
}
func (h *logRecords) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h *logRecords) WithGroup(string) slog.Handler      { return h }

func (h *logRecords) Handle(_ context.Context, r slog.Record) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.list = append(h.list, r)
	return nil
}

// values returns the values of an attribute in all records.
func (h *logRecords) values(key string) (list []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.list {
		r.Attrs(func(a slog.Attr) bool {
			if a.Key == key {
				list = append(list, a.Value.String())
			}
			return true
		})
	}
	return list
}

// stuckCommand is a command that holds the execution lock until the test releases it.
type stuckCommand struct{ release chan struct{} }

func (k *stuckCommand) holdTheLock(*engine.Ctx) { <-k.release }

// addTo adds the command HANG.
func (k *stuckCommand) addTo(c *Config) {
	k.release = make(chan struct{})
	c.Engine.Commands = append(command.All(), &engine.Spec{Name: "hang", Arity: 1, Handler: func(c *engine.Ctx) {
		k.holdTheLock(c)
		c.W.OK()
	}})
}

// While a command holds the execution lock for too long, the server is not healthy. The
// stacks are logged once.
func TestWatchdogNoticesAHeldLock(t *testing.T) {
	eachTransport(t, func(t *testing.T, change func(*Config)) {
		t.Parallel()
		var stuck stuckCommand
		logs := &logRecords{}
		s := start(t, func(c *Config) {
			change(c)
			stuck.addTo(c)
			c.WatchdogLimit, c.Logger = 500*time.Millisecond, slog.New(logs)
		})
		c := dial(t, s)
		c.mustDo("+PONG\r\n", "PING")
		for range 2 {
			if err := s.Healthy(); err != nil {
				t.Fatalf("healthy: %v", err)
			}
			c.send(request("HANG"))
			waitFor(t, "the server is not healthy", func() bool { return s.Healthy() != nil })
			if err := s.Healthy(); !strings.Contains(err.Error(), "execution lock") {
				t.Errorf("the error is %q", err)
			}
			stuck.release <- struct{}{}
			c.mustRead("+OK\r\n")
			waitFor(t, "the server is healthy", func() bool { return s.Healthy() == nil })
		}
		stacks := logs.values("stacks")
		if len(stacks) != 1 || !strings.Contains(stacks[0], "holdTheLock") {
			t.Errorf("stacks were logged %d times: %.300q", len(stacks), stacks)
		}
		if n := len(logs.values("was")); n != 2 {
			t.Errorf("the recovery was logged %d times, want twice", n)
		}
	})
}

// stuckFlush is an observer that blocks the loop that flushes a span. The execution lock
// is free.
type stuckFlush struct {
	unobserved
	release chan struct{}
}

func (o *stuckFlush) Command(_ *engine.Turn, call *engine.Call) engine.Pending {
	if call.Spec.Name == "echo" {
		return "span"
	}
	return nil
}

func (o *stuckFlush) Flushed([]engine.Pending, int64) { <-o.release }

func TestWatchdogNoticesAStuckLoop(t *testing.T) {
	observer := &stuckFlush{release: make(chan struct{})}
	s := start(t, func(c *Config) {
		c.Loops, c.Observer, c.WatchdogLimit = 2, observer, 50*time.Millisecond
	})
	if len(s.net.Loops()) == 0 {
		t.Skip("the goroutine transport has no loops")
	}
	c := dial(t, s)
	c.send(request("ECHO", "a"))
	waitFor(t, "the server is not healthy", func() bool { return s.Healthy() != nil })
	if err := s.Healthy(); !strings.Contains(err.Error(), "event loop") {
		t.Errorf("the error is %q", err)
	}
	close(observer.release)
	waitFor(t, "the server is healthy", func() bool { return s.Healthy() == nil })
	c.mustRead("$1\r\na\r\n")
}

// A long series of ordinary requests is not a stuck server.
func TestWatchdogAcceptsABusyServer(t *testing.T) {
	logs := &logRecords{}
	s := start(t, func(c *Config) { c.Loops, c.WatchdogLimit, c.Logger = 2, time.Second, slog.New(logs) })
	c := dial(t, s)
	for range 20 {
		c.send(strings.Repeat(request("INCR", "n"), 1000))
		for range 1000 {
			c.mustReadInteger()
		}
		if err := s.Healthy(); err != nil {
			t.Fatal(err)
		}
	}
	if stacks := logs.values("stacks"); len(stacks) != 0 {
		t.Error("stacks were logged")
	}
}

// A shutdown, and a second one, return within their deadline although the execution lock
// is never released.
func TestShutdownWhileTheLockIsHeld(t *testing.T) {
	eachTransport(t, func(t *testing.T, change func(*Config)) {
		t.Parallel()
		var stuck stuckCommand
		s := start(t, func(c *Config) { change(c); stuck.addTo(c) })
		c := dial(t, s)
		c.send(request("HANG"))
		waitFor(t, "the lock is held", func() bool {
			free := s.mu.TryLock()
			if free {
				s.mu.Unlock()
			}
			return !free
		})
		for range 2 {
			returned := make(chan error, 1)
			go func() {
				ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
				defer cancel()
				returned <- s.Shutdown(ctx)
			}()
			select {
			case err := <-returned:
				if err == nil {
					t.Error("no error")
				}
			case <-time.After(10 * time.Second):
				t.Error("Shutdown does not return")
			}
		}
		close(stuck.release)
	})
}
