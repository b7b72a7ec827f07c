package command_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	"mini-redis/internal/resp"
	"mini-redis/resptrace/wire"
	"mini-redis/services/mini-redis/internal/command"
	"mini-redis/services/mini-redis/internal/command/script"
)

// fakeClock is a clock that stands still until it is told to go on.
type fakeClock struct{ elapsed time.Duration }

// epoch is when every fake clock begins.
var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func (c *fakeClock) Now() time.Time { return epoch.Add(c.elapsed) }
func (c *fakeClock) Mono() int64    { return int64(c.elapsed) + 1 }

// house is an engine with what it needs around it, all in memory. It is the Host
// and the Observer of the engine.
type house struct {
	t      testing.TB
	clock  fakeClock
	engine *command.Engine
	guests []*guest

	settings map[string]string
	stopped  bool
	resets   int
	calls    []command.Call // with their own copies of Args
	turns    []command.Turn
}

func newHouse(t testing.TB) *house {
	t.Helper()
	h := &house{t: t, settings: map[string]string{"maxclients": "10000", "maxmemory": "0", "requirepass": ""}}
	h.engine = command.New(command.Config{Clock: &h.clock, Host: h, Observer: h})
	return h
}

// guest is a connected client: the Peer of a session.
type guest struct {
	house   *house
	session *command.Session
	out     []byte
	backlog [][][]byte // requests behind a blocked one
	current bool       // its request is being executed
	late    []byte     // pushes that follow the reply
	killed  bool
	dropped bool
	spans   int // handed over by Unblock
}

func (h *house) connect() *guest {
	g := &guest{house: h}
	g.session = h.engine.NewSession(int64(len(h.guests)+1), g)
	h.guests = append(h.guests, g)
	return g
}

// Push implements command.Peer.
func (g *guest) Push(p []byte) {
	if g.current {
		g.late = append(g.late, p...)
		return
	}
	g.out = append(g.out, p...)
}

// Unblock implements command.Peer.
func (g *guest) Unblock(reply []byte, done command.Pending) {
	g.out = append(g.out, reply...)
	if done != nil {
		g.spans++
	}
}

// Kill implements command.Peer.
func (g *guest) Kill() { g.killed = true }

// sweep drops the sessions of guests that were killed, as their loops would.
func (h *house) sweep() {
	for _, g := range h.guests {
		if g.killed && !g.dropped {
			g.dropped = true
			h.engine.Drop(g.session)
		}
	}
}

// Addr implements command.Peer.
func (g *guest) Addr() string { return fmt.Sprintf("127.0.0.1:%d", 50000+g.session.ID) }

// LocalAddr implements command.Peer.
func (g *guest) LocalAddr() string { return "127.0.0.1:6379" }

// send executes a request, or keeps it while the guest is blocked.
func (g *guest) send(words [][]byte) {
	h := g.house
	g.backlog = append(g.backlog, words)
	h.engine.BeginTurn(command.Turn{Wake: h.clock.Mono(), LockAsk: h.clock.Mono(), LockGot: h.clock.Mono()})
	h.goOn()
}

// scribble overwrites a request that has been executed, as the server's buffer
// is by the next one: whatever is kept of it has to be a copy.
func scribble(words [][]byte) {
	for _, w := range words {
		for i := range w {
			w[i] = '~'
		}
	}
}

// goOn executes what waits and no longer has to.
func (h *house) goOn() {
	for again := true; again; {
		again = false
		for _, g := range h.guests {
			if len(g.backlog) == 0 || g.killed || g.session.Blocked() || g.session.Closing {
				continue
			}
			words := g.backlog[0]
			g.backlog = g.backlog[1:]
			w := resp.Writer{Buf: g.out}
			g.current = true
			h.engine.Exec(g.session, words, &w)
			g.current = false
			scribble(words)
			g.out = append(w.Buf, g.late...)
			g.late = nil
			h.sweep()
			again = true
		}
	}
}

// do sends a request and returns all that the guest has got.
func (g *guest) do(words ...string) string {
	g.house.t.Helper()
	list := make([][]byte, len(words))
	for i, w := range words {
		list[i] = []byte(w)
	}
	g.send(list)
	return g.got()
}

// got takes what the guest has got.
func (g *guest) got() string {
	out := string(g.out)
	g.out = nil
	return out
}

// must sends a line of words and compares the reply, lines of which are
// separated by spaces for readability.
func (g *guest) must(line, want string) {
	g.house.t.Helper()
	words, _ := resp.SplitWords([]byte(line), nil)
	g.send(words)
	g.mustHave(line, want)
}

// mustHave compares what the guest has got.
func (g *guest) mustHave(what, want string) {
	g.house.t.Helper()
	if got := strings.ReplaceAll(strings.TrimSuffix(g.got(), "\r\n"), "\r\n", " "); got != want {
		g.house.t.Fatalf("%s:\n got %q\nwant %q", what, got, want)
	}
}

// pass lets time pass in steps, as the server's cron sees it.
func (h *house) pass(d time.Duration) {
	for end := h.clock.elapsed + d; h.clock.elapsed < end; {
		h.clock.elapsed = min(end, h.clock.elapsed+time.Millisecond)
		h.engine.Cron()
		h.goOn()
	}
}

// Info implements command.Host.
func (h *house) Info(sections []string) string { return "# " + strings.Join(sections, ",") + "\r\n" }

// ConfigGet implements command.Host.
func (h *house) ConfigGet(pattern string) [][2]string {
	if pattern == "*" {
		pattern = "maxclients"
	}
	if v, ok := h.settings[pattern]; ok {
		return [][2]string{{pattern, v}}
	}
	return nil
}

// ConfigSet implements command.Host.
func (h *house) ConfigSet(name, value string) error {
	switch _, ok := h.settings[name]; {
	case !ok:
		return fmt.Errorf("ERR Unknown option or number of arguments for CONFIG SET - '%s'", name)
	case name == "requirepass":
		h.engine.SetPassword(value)
	case strings.Trim(value, "0123456789") != "":
		return fmt.Errorf("ERR CONFIG SET failed (possibly related to argument '%s') - argument couldn't be parsed into an integer", name)
	}
	h.settings[name] = value
	return nil
}

// ConfigResetStat implements command.Host.
func (h *house) ConfigResetStat() { h.resets++ }

// Sessions implements command.Host.
func (h *house) Sessions(f func(*command.Session)) {
	for _, g := range h.guests {
		if !g.killed {
			f(g.session)
		}
	}
}

// Shutdown implements command.Host.
func (h *house) Shutdown() { h.stopped = true }

// Extract implements command.Observer.
func (h *house) Extract(fields [][]byte) (trace.SpanContext, bool) {
	return wire.Traceparent(wire.Fields(fields).Lookup("traceparent"))
}

// Command implements command.Observer.
func (h *house) Command(turn *command.Turn, call *command.Call) command.Pending {
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

// Flushed implements command.Observer.
func (h *house) Flushed([]command.Pending, int64) {}

// The house as a target of scripts.
type scriptHouse struct{ *house }

func (h scriptHouse) Open() (script.Client, error) { return scriptGuest{h.connect()}, nil }
func (h scriptHouse) Pass(d time.Duration)         { h.pass(d) }
func (h scriptHouse) Now() time.Time               { return h.clock.Now() }

type scriptGuest struct{ *guest }

func (g scriptGuest) ID() int64                 { return g.session.ID }
func (g scriptGuest) Send(words [][]byte) error { g.send(words); return nil }
func (g scriptGuest) Reply(time.Duration) ([]byte, error) {
	n := script.Frame(g.out)
	reply := g.out[:n:n]
	g.out = g.out[n:]
	if n == 0 {
		return nil, nil
	}
	return reply, nil
}
