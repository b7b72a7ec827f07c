package command_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	"mini-redis/internal/replytest"
	"mini-redis/internal/resp"
	"mini-redis/resptrace/wire"
	"mini-redis/services/mini-redis/internal/command"
	"mini-redis/services/mini-redis/internal/engine"
)

// fakeClock stands still until the test moves it.
type fakeClock struct{ elapsed time.Duration }

// epoch is the time at which every fake clock starts.
var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func (c *fakeClock) Now() time.Time { return epoch.Add(c.elapsed) }
func (c *fakeClock) Mono() int64    { return int64(c.elapsed) + 1 }

// harness is an engine with its surroundings in memory: it is the engine's host and its
// observer, and plays the part of the event loops.
type harness struct {
	t       testing.TB
	clock   fakeClock
	engine  *engine.Engine
	clients []*client

	settings map[string]string
	stopped  bool
	resets   int
	calls    []engine.Call // with their own copies of Args
	turns    []engine.Turn
}

func newHarness(t testing.TB) *harness {
	t.Helper()
	h := &harness{t: t, settings: map[string]string{"maxclients": "10000", "maxmemory": "0", "requirepass": ""}}
	h.engine = engine.New(engine.Config{Commands: command.All(), Clock: &h.clock, Host: h, Observer: h})
	return h
}

// client is a connected client, the peer of a session.
type client struct {
	harness *harness
	session *engine.Session
	out     []byte
	backlog [][][]byte // requests behind a waiting one
	current bool       // a request of the client is being executed
	late    []byte     // pushes that follow the reply
	full    bool       // the output limit is exceeded
	killed  bool
	spans   int // passed to Complete
}

func (h *harness) connect() *client {
	c := &client{harness: h}
	c.session = h.engine.NewSession(int64(len(h.clients)+1), c)
	h.clients = append(h.clients, c)
	return c
}

// Push implements engine.Peer.
func (c *client) Push(p []byte) bool {
	switch {
	case c.killed || c.full:
		return false
	case c.current:
		c.late = append(c.late, p...)
	default:
		c.out = append(c.out, p...)
	}
	return true
}

// Reply implements engine.Peer.
func (c *client) Reply(p []byte) { c.out = append(c.out, p...) }

// Complete implements engine.Peer.
func (c *client) Complete(engine.Pending) { c.spans++ }

// Kill implements engine.Peer.
func (c *client) Kill() { c.killed = true }

// Addr implements engine.Peer.
func (c *client) Addr() string { return fmt.Sprintf("127.0.0.1:%d", 50000+c.session.ID) }

// LocalAddr implements engine.Peer.
func (c *client) LocalAddr() string { return "127.0.0.1:6379" }

// send executes a request, or keeps it while an earlier one waits.
func (c *client) send(words [][]byte) {
	h := c.harness
	c.backlog = append(c.backlog, words)
	h.engine.BeginTurn(engine.Turn{Wake: h.clock.Mono(), LockAsk: h.clock.Mono(), LockGot: h.clock.Mono()})
	h.executeBacklog()
}

// scribble overwrites a request that has been executed, as the server's read buffer is
// overwritten by the next one: what an engine keeps of it has to be a copy.
func scribble(words [][]byte) {
	for _, w := range words {
		for i := range w {
			w[i] = '~'
		}
	}
}

// executeBacklog executes the requests that no longer wait.
func (h *harness) executeBacklog() {
	for again := true; again; {
		again = false
		for _, c := range h.clients {
			if len(c.backlog) == 0 || c.killed || c.session.Blocked() || c.session.Closing {
				continue
			}
			words := c.backlog[0]
			c.backlog = c.backlog[1:]
			w := resp.Writer{Buf: c.out}
			c.current = true
			h.engine.Exec(c.session, words, false, &w)
			c.current = false
			scribble(words)
			c.out = append(w.Buf, c.late...)
			c.late = nil
			again = true
		}
	}
}

// do sends a request and returns everything that the client has received.
func (c *client) do(words ...string) string {
	c.harness.t.Helper()
	c.send(toBytes(words))
	return c.got()
}

// got returns what the client has received since the last call.
func (c *client) got() string {
	out := string(c.out)
	c.out = nil
	return out
}

// must sends a line of words and compares the reply, whose lines are separated by
// spaces.
func (c *client) must(line, want string) {
	c.harness.t.Helper()
	words, _ := resp.SplitWords([]byte(line), nil)
	c.send(words)
	c.mustHave(line, want)
}

// mustHave compares what the client has received.
func (c *client) mustHave(what, want string) {
	c.harness.t.Helper()
	if got := strings.ReplaceAll(strings.TrimSuffix(c.got(), "\r\n"), "\r\n", " "); got != want {
		c.harness.t.Fatalf("%s:\n got %q\nwant %q", what, got, want)
	}
}

// pass moves the clock in steps and runs the housekeeping.
func (h *harness) pass(d time.Duration) {
	for end := h.clock.elapsed + d; h.clock.elapsed < end; {
		h.clock.elapsed = min(end, h.clock.elapsed+time.Millisecond)
		h.engine.Cron()
		h.executeBacklog()
	}
}

// Info implements engine.Host.
func (h *harness) Info(sections []string) string { return "# " + strings.Join(sections, ",") + "\r\n" }

// ConfigGet implements engine.Host.
func (h *harness) ConfigGet(pattern string) [][2]string {
	if pattern == "*" {
		pattern = "maxclients"
	}
	if v, ok := h.settings[pattern]; ok {
		return [][2]string{{pattern, v}}
	}
	return nil
}

// ConfigSet implements engine.Host.
func (h *harness) ConfigSet(name, value string) error {
	switch _, ok := h.settings[name]; {
	case !ok:
		return fmt.Errorf("ERR Unknown option or number of arguments for CONFIG SET - '%s'", name)
	case name == "requirepass":
		h.engine.SetPassword(value)
	case strings.Trim(value, "0123456789") != "":
		return fmt.Errorf("ERR CONFIG SET failed (possibly related to argument '%s') - argument couldn't be parsed into an integer", name)
	case name == "maxmemory":
		n, _ := strconv.ParseInt(value, 10, 64)
		h.engine.SetMaxMemory(n)
	}
	h.settings[name] = value
	return nil
}

// ConfigResetStat implements engine.Host.
func (h *harness) ConfigResetStat() { h.resets++ }

// Shutdown implements engine.Host.
func (h *harness) Shutdown() { h.stopped = true }

// Extract implements engine.Observer.
func (h *harness) Extract(fields [][]byte) (trace.SpanContext, bool) {
	return wire.Traceparent(wire.Fields(fields).Lookup("traceparent"))
}

// Command implements engine.Observer.
func (h *harness) Command(turn *engine.Turn, call *engine.Call) engine.Pending {
	c := *call
	c.Args = nil
	for _, a := range call.Args {
		c.Args = append(c.Args, append([]byte(nil), a...))
	}
	h.calls = append(h.calls, c)
	h.turns = append(h.turns, *turn)
	if call.Parent.IsSampled() {
		return len(h.calls)
	}
	return nil
}

// Flushed implements engine.Observer.
func (h *harness) Flushed([]engine.Pending, int64) {}

// conversationTarget is the harness as the target of conversations.
type conversationTarget struct{ *harness }

func (h conversationTarget) Open() (replytest.Client, error) {
	return conversationClient{h.connect()}, nil
}
func (h conversationTarget) Pass(d time.Duration) { h.pass(d) }
func (h conversationTarget) Now() time.Time       { return h.clock.Now() }

type conversationClient struct{ *client }

func (c conversationClient) ID() int64                 { return c.session.ID }
func (c conversationClient) Send(words [][]byte) error { c.send(words); return nil }

// Reply implements replytest.Client. Replies are available at once, except that of a
// request whose own timeout is a few milliseconds: Reply moves the clock if a reply is
// expected, for which timeout is some seconds.
func (c conversationClient) Reply(timeout time.Duration) ([]byte, error) {
	n := replytest.Frame(c.out)
	for waited := time.Second; n == 0 && waited < timeout; waited += time.Millisecond {
		c.harness.pass(time.Millisecond)
		n = replytest.Frame(c.out)
	}
	reply := c.out[:n:n]
	c.out = c.out[n:]
	if n == 0 {
		return nil, nil
	}
	return reply, nil
}
