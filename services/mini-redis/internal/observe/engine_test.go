package observe

import (
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/codes"

	"mini-redis/internal/resp"
	"mini-redis/internal/telemetry"
	"mini-redis/services/mini-redis/internal/command"
	"mini-redis/services/mini-redis/internal/engine"
)

// tickingClock advances by 100 ns each time it is read.
type tickingClock struct{ mono int64 }

func (c *tickingClock) Mono() int64 { c.mono += 100; return c.mono }

func (c *tickingClock) Now() time.Time {
	return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC).Add(time.Duration(c.mono))
}

// host is the part of the server that the engine needs here.
type host struct{ info func([]string) string }

func (h host) Info(sections []string) string { return h.info(sections) }
func (host) ConfigGet(string) [][2]string    { return nil }
func (host) ConfigSet(string, string) error  { return nil }
func (host) ConfigResetStat()                {}
func (host) Sessions(func(*engine.Session))  {}
func (host) Shutdown()                       {}

// client is a connection of the engine. completed holds its pending spans.
type client struct {
	peer
	t         *testing.T
	server    *engineRig
	session   *engine.Session
	completed []engine.Pending
}

func (c *client) Complete(p engine.Pending) { c.completed = append(c.completed, p) }

// engineRig is an observer with a command engine, which the test drives like a loop.
type engineRig struct {
	*rig
	engine *engine.Engine
	clock  *tickingClock
	ids    int64
}

func newEngine(t *testing.T, change ...func(*Options)) *engineRig {
	t.Helper()
	return newEngineWith(t, func(*engine.Config) {}, change...)
}

func newEngineWith(t *testing.T, configure func(*engine.Config), change ...func(*Options)) *engineRig {
	t.Helper()
	e := &engineRig{clock: &tickingClock{mono: 1_000_000_000}}
	e.rig = newRig(t, append([]func(*Options){func(o *Options) { o.Clock = e.clock }}, change...)...)
	cfg := engine.Config{
		Commands: command.All(), Clock: e.clock, Observer: e.rig, RunID: strings.Repeat("ab", 20),
		Host: host{func(sections []string) string { return e.Info(Facts{Now: e.clock.Now()}, sections) }},
	}
	configure(&cfg)
	e.engine = engine.New(cfg)
	return e
}

func (e *engineRig) connect(t *testing.T) *client {
	t.Helper()
	e.ids++
	c := &client{peer: peer{"192.0.2.7:50123", "192.0.2.1:6379"}, t: t, server: e}
	c.session = e.engine.NewSession(e.ids, c)
	return c
}

// batch executes requests in one turn and flushes their spans. A request is a list of words
// separated by spaces.
func (c *client) batch(requests ...string) (reply string) {
	c.t.Helper()
	e := c.server
	turn := engine.Turn{Wake: e.clock.Mono(), LockAsk: e.clock.Mono(), LockGot: e.clock.Mono()}
	e.engine.BeginTurn(turn)
	w := &resp.Writer{Proto: 2}
	for _, request := range requests {
		e.engine.Exec(c.session, bytesOf(strings.Fields(request)...), false, w)
	}
	e.Flushed(c.completed, e.clock.Mono())
	c.completed = nil
	return string(w.Buf)
}

const traced = "TRACED 1 traceparent " + w3c + " "

// mustSpans checks the names, the phases and the parents of the spans exported so far.
func (e *engineRig) mustSpans(t *testing.T, names ...string) []telemetry.Record {
	t.Helper()
	all := e.sink.all()
	var got []string
	for _, r := range all {
		name, _ := attributes(t, r)
		got = append(got, name)
		mustPhases(t, r, r.Data[0], r.Data[1], r.Data[2], r.Data[3], r.Data[4])
		if r.TraceID.String() != traceHex || r.Parent.String() != spanHex {
			t.Errorf("%s is not in the caller's trace", name)
		}
	}
	if !slices.Equal(got, names) {
		t.Fatalf("spans %v, want %v", got, names)
	}
	return all
}

// serve ends a client's wait for the list and flushes its reply.
func (e *engineRig) serve(t *testing.T, waiting *client) {
	t.Helper()
	e.clock.mono += int64(time.Second)
	e.connect(t).batch("RPUSH list v")
	if len(waiting.completed) != 1 {
		t.Fatalf("%d pending spans of the served client, want 1", len(waiting.completed))
	}
	e.Flushed(waiting.completed, e.clock.Mono())
}

func TestEngineBatchOfTracedCommands(t *testing.T) {
	e := newEngine(t)
	c := e.connect(t)
	reply := c.batch(traced+"SET k v", "GET k", traced+"GET k", traced+"nosuch k", traced+"GET")
	if !strings.HasPrefix(reply, "+OK\r\n$1\r\nv\r\n$1\r\nv\r\n-ERR unknown command") {
		t.Errorf("replies %q", reply)
	}
	all := e.mustSpans(t, "SET", "GET", "_OTHER", "GET")
	for i, r := range all {
		if r.Start != all[0].Start || r.End != all[0].End {
			t.Errorf("span %d does not start and end with its batch", i)
		}
		if wantError := i >= 2; (r.Status == codes.Error) != wantError {
			t.Errorf("span %d has status %v", i, r.Status)
		}
	}
	if first, later := all[0].Data[dataQueue], all[1].Data[dataQueue]; later <= first {
		t.Errorf("the queue phase of the third command is %d ns, of the first %d ns", later, first)
	}
}

func TestEngineTransaction(t *testing.T) {
	e := newEngine(t)
	c := e.connect(t)
	c.batch(traced+"MULTI", traced+"SET k v", traced+"GET k", traced+"EXEC")
	all := e.mustSpans(t, "MULTI", "SET", "GET", "EXEC")
	set, get, exec := all[1], all[2], all[3]
	running := exec.Start + exec.Data[dataQueue] + exec.Data[dataLock]
	if set.Start < running || set.End > get.Start || get.End > running+exec.Data[dataExec] {
		t.Errorf("EXEC runs from %d for %d ns, SET %d-%d, GET %d-%d",
			running, exec.Data[dataExec], set.Start, set.End, get.Start, get.End)
	}
}

func TestEngineBlockedCommand(t *testing.T) {
	e := newEngine(t)
	waiting, pushing := e.connect(t), e.connect(t)
	waiting.batch(traced + "BLPOP list 0")
	e.mustSpans(t)
	e.clock.mono += int64(time.Second)
	pushing.batch("RPUSH list v")
	if len(waiting.completed) != 1 {
		t.Fatalf("%d pending spans, want 1", len(waiting.completed))
	}
	e.Flushed(waiting.completed, e.clock.Mono())
	got := e.mustSpans(t, "BLPOP")[0]
	if blocked := time.Duration(got.Data[dataBlocked]); blocked < time.Second || blocked > time.Second+time.Millisecond {
		t.Errorf("the blocked phase is %v, want 1 s", blocked)
	}
	if got.Data[dataQueue] == 0 || got.Data[dataLock] == 0 {
		t.Errorf("phases %v have no queue and lock time of the first turn", got.Data[:5])
	}
	_, fields := parseInfo(t, e.Info(Facts{}, []string{"commandstats"}))
	if v := fields["cmdstat_blpop"]; !strings.HasPrefix(v, "calls=1,usec=0,") {
		t.Errorf("cmdstat_blpop:%s includes the waiting", v)
	}
}

func TestEngineRootSpansOnlyWithoutTraced(t *testing.T) {
	e := newEngine(t, withRoots(1000))
	aware, plain := e.connect(t), e.connect(t)
	aware.batch("HELLO 2", "TRACED 1 traceparent nonsense PING", "PING", "SET k v")
	if n := len(e.sink.all()); n != 0 {
		t.Errorf("%d spans of a client that speaks TRACED and has sent no context", n)
	}
	if e.invalid != 1 {
		t.Errorf("%d contexts counted as invalid", e.invalid)
	}
	plain.batch("HELLO 2", "PING", "MULTI", "GET k", "EXEC")
	var names []string
	for _, r := range e.sink.all() {
		name, _ := attributes(t, r)
		names = append(names, name)
		if r.Parent.IsValid() {
			t.Errorf("%s has a parent", name)
		}
	}
	if !slices.Equal(names, []string{"PING", "MULTI", "EXEC"}) {
		t.Errorf("root spans %v", names)
	}
}

// INFO runs inside a command and shows every command that ended before it.
func TestEngineInfo(t *testing.T) {
	e := newEngine(t)
	c := e.connect(t)
	reply := c.batch("SET k v", "GET k", "INFO commandstats")
	for _, want := range []string{"cmdstat_set:calls=1,", "cmdstat_get:calls=1,"} {
		if !strings.Contains(reply, want) {
			t.Errorf("%s is missing in %q", want, reply)
		}
	}
}

// The tracestate of a queued command is memory of its transaction, which is limited.
func TestEngineTracestateIsMemoryOfATransaction(t *testing.T) {
	const limit = 64 << 10
	e := newEngineWith(t, func(c *engine.Config) { c.TxBytes = limit })
	c := e.connect(t)
	c.batch("MULTI")
	queued := 0
	for c.batch("TRACED 2 traceparent "+w3c+" tracestate "+longTracestate+" PING") == "+QUEUED\r\n" {
		if queued++; queued > 1000 {
			break
		}
	}
	if most := limit / len(longTracestate); queued < most/2 || queued > most {
		t.Errorf("%d commands with a tracestate of %d bytes fit in %d bytes", queued, len(longTracestate), limit)
	}
}

// A session without a connection has no reply that could end a span.
func TestEngineSessionWithoutConnectionHasNoSpans(t *testing.T) {
	e := newEngine(t, withRoots(1000))
	s := e.engine.NewSession(99, nil)
	for _, request := range []string{"SET k v", "GET", "UNKNOWN", "BLPOP list 0"} {
		var w resp.Writer
		e.engine.Call(s, bytesOf(strings.Fields(request)...), &w)
	}
	if n := e.pending.count.Load(); n != 0 {
		t.Errorf("%d pending spans", n)
	}
}
