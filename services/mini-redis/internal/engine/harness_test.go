package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	"mini-redis/internal/resp"
	"mini-redis/services/mini-redis/internal/command"
	"mini-redis/services/mini-redis/internal/engine"
)

// fakeClock stands still until the test moves it.
type fakeClock struct {
	start   time.Time
	elapsed time.Duration
}

func (c *fakeClock) Now() time.Time { return c.start.Add(c.elapsed) }
func (c *fakeClock) Mono() int64    { return int64(c.elapsed) + 1 }

// epoch is the time at which the clock of a harness starts.
var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// unobserved is an observer that records nothing.
type unobserved struct{}

func (unobserved) Extract([][]byte) (trace.SpanContext, bool)        { return trace.SpanContext{}, false }
func (unobserved) Command(*engine.Turn, *engine.Call) engine.Pending { return nil }
func (unobserved) Flushed([]engine.Pending, int64)                   {}

// noHost is a host without settings and statistics.
type noHost struct{}

func (noHost) Info([]string) string           { return "" }
func (noHost) ConfigGet(string) [][2]string   { return nil }
func (noHost) ConfigSet(string, string) error { return nil }
func (noHost) ConfigResetStat()               {}
func (noHost) Shutdown()                      {}

// harness is an engine with its surroundings in memory.
type harness struct {
	t      testing.TB
	clock  fakeClock
	engine *engine.Engine
	nextID int64
}

// newHarness creates an engine with the commands of the server and those in extra.
func newHarness(t testing.TB, extra ...*engine.Spec) *harness {
	t.Helper()
	h := &harness{t: t, clock: fakeClock{start: epoch}}
	h.engine = engine.New(engine.Config{
		Commands: append(command.All(), extra...), Clock: &h.clock, Host: noHost{}, Observer: unobserved{},
	})
	return h
}

// client is a connected client: the peer of a session.
type client struct {
	h       *harness
	session *engine.Session
	out     []byte
	served  int // calls of Reply: requests that ended after they had waited
	killed  bool
}

func (h *harness) connect() *client {
	c := &client{h: h}
	h.nextID++
	c.session = h.engine.NewSession(h.nextID, c)
	return c
}

// Push implements engine.Peer.
func (c *client) Push(p []byte) bool { c.out = append(c.out, p...); return !c.killed }

// Reply implements engine.Peer.
func (c *client) Reply(p []byte) { c.out = append(c.out, p...); c.served++ }

// Complete implements engine.Peer.
func (c *client) Complete(engine.Pending) {}

// Kill implements engine.Peer.
func (c *client) Kill() { c.killed = true }

// Addr implements engine.Peer.
func (c *client) Addr() string { return fmt.Sprintf("127.0.0.1:%d", 50000+c.session.ID) }

// LocalAddr implements engine.Peer.
func (c *client) LocalAddr() string { return "127.0.0.1:6379" }

// send executes a request in a turn of its own.
func (c *client) send(words [][]byte) {
	c.h.engine.BeginTurn(engine.Turn{LockGot: c.h.clock.Mono()})
	w := resp.Writer{Buf: c.out}
	c.h.engine.Exec(c.session, words, false, &w)
	c.out = w.Buf
	for _, word := range words { // as the server's input buffer is overwritten
		for i := range word {
			word[i] = '~'
		}
	}
}

// do sends a line of words and returns what the client has received, with the lines
// separated by spaces.
func (c *client) do(line string) string {
	words, ok := resp.SplitWords([]byte(line), nil)
	if !ok {
		c.h.t.Fatalf("%q is not a request", line)
	}
	c.send(words)
	return c.got()
}

// got returns what the client has received since the last call.
func (c *client) got() string {
	out := strings.ReplaceAll(strings.TrimSuffix(string(c.out), "\r\n"), "\r\n", " ")
	c.out = nil
	return out
}

// must sends a line of words and compares the reply.
func (c *client) must(line, want string) {
	c.h.t.Helper()
	if got := c.do(line); got != want {
		c.h.t.Fatalf("%s:\n got %q\nwant %q", line, got, want)
	}
}

// pass moves the clock and runs the housekeeping.
func (h *harness) pass(d time.Duration) {
	h.clock.elapsed += d
	h.engine.Cron()
}

// toBytes splits a line at its spaces.
func toBytes(line string) [][]byte {
	var words [][]byte
	for _, w := range strings.Fields(line) {
		words = append(words, []byte(w))
	}
	return words
}
