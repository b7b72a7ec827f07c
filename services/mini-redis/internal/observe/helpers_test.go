package observe

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"mini-redis/internal/telemetry"
	"mini-redis/services/mini-redis/internal/engine"
)

// fakeClock is a clock that a test moves.
type fakeClock struct {
	mu   sync.Mutex
	wall time.Time
	mono int64
}

func newClock() *fakeClock {
	return &fakeClock{wall: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), mono: 5_000_000_000}
}

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wall
}

func (c *fakeClock) Mono() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mono
}

func (c *fakeClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall, c.mono = c.wall.Add(d), c.mono+int64(d)
}

// step moves the wall clock only.
func (c *fakeClock) step(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall = c.wall.Add(d)
}

// recordingSink keeps the records that it accepts: all, or as many as there is room for.
type recordingSink struct {
	mu      sync.Mutex
	records []telemetry.Record
	room    int
	bounded bool
	off     bool
	watched atomic.Bool
	shown   []telemetry.Record
}

func (s *recordingSink) Enabled() bool { return !s.off }

func (s *recordingSink) Watched() bool { return s.watched.Load() }

func (s *recordingSink) Show(records []telemetry.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shown = append(s.shown, records...)
}

func (s *recordingSink) Emit(records []telemetry.Record) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(records)
	if s.bounded {
		n = min(n, s.room)
		s.room -= n
	}
	s.records = append(s.records, records[:n]...)
	return n
}

func (s *recordingSink) all() []telemetry.Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.records)
}

// takeShown returns the records shown since the last call.
func (s *recordingSink) takeShown() []telemetry.Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.shown
	s.shown = nil
	return list
}

// peer is a connection with two addresses.
type peer struct{ remote, local string }

func (peer) Push([]byte) bool        { return true }
func (peer) Reply([]byte)            {}
func (peer) Complete(engine.Pending) {}
func (peer) Kill()                   {}
func (p peer) Addr() string          { return p.remote }
func (p peer) LocalAddr() string     { return p.local }

func newSession() *engine.Session {
	return &engine.Session{ID: 1, Peer: peer{remote: "192.0.2.7:50123", local: "192.0.2.1:6379"}}
}

var (
	specGet   = &engine.Spec{ID: 0, Name: "get", Operation: "GET", Keys: engine.KeySpan{First: 1, Last: 1, Step: 1}}
	specSet   = &engine.Spec{ID: 1, Name: "set", Operation: "SET", Keys: engine.KeySpan{First: 1, Last: 1, Step: 1}}
	specExec  = &engine.Spec{ID: 2, Name: "exec", Operation: "EXEC"}
	specHello = &engine.Spec{ID: 3, Name: "hello", Operation: "HELLO"}
	specNamed = &engine.Spec{ID: 5, Name: "client|setname", Operation: "CLIENT SETNAME"}
	specBlpop = &engine.Spec{ID: 6, Name: "blpop", Operation: "BLPOP"}
	specPing  = &engine.Spec{ID: 7, Name: "ping", Operation: "PING"}
)

// rig is an observer with a clock and a sink that the test controls.
type rig struct {
	*Observer
	clock *fakeClock
	sink  *recordingSink
}

func newRig(t testing.TB, change ...func(*Options)) *rig {
	t.Helper()
	r := &rig{clock: newClock(), sink: &recordingSink{}}
	var n uint64
	opts := Options{
		Clock: r.clock, Sink: r.sink, Propagator: propagation.TraceContext{}, Version: "1.2.3",
		Rand: func() uint64 { n++; return n },
	}
	for _, f := range change {
		f(&opts)
	}
	r.Observer = New(opts)
	return r
}

func withRoots(n float64) func(*Options) { return func(o *Options) { o.Roots = n } }

func sampled() trace.SpanContext {
	state, err := trace.ParseTraceState("vendor=1")
	if err != nil {
		panic(err)
	}
	return trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1, 2, 3}, SpanID: trace.SpanID{9, 9}, TraceFlags: trace.FlagsSampled,
		TraceState: state, Remote: true,
	})
}

// turnAt is a turn that wakes up at a time, asks for the lock 100 ns later and gets it after
// another 50 ns.
func turnAt(at int64) *engine.Turn {
	return &engine.Turn{Wake: at, LockAsk: at + 100, LockGot: at + 150}
}

// callIn is a call that starts when the turn gets the lock and takes 1000 ns.
func callIn(turn *engine.Turn, spec *engine.Spec) *engine.Call {
	return &engine.Call{
		Session: newSession(), Spec: spec, Start: turn.LockGot, End: turn.LockGot + 1000,
	}
}

// run reports a call and flushes its reply 300 ns after its end.
func (r *rig) run(turn *engine.Turn, call *engine.Call) {
	if p := r.Command(turn, call); p != nil {
		r.Flushed([]engine.Pending{p}, call.End+300)
	}
}

func (r *rig) mustRecord(t testing.TB) telemetry.Record {
	t.Helper()
	all := r.sink.all()
	if len(all) != 1 {
		t.Fatalf("%d spans exported, want 1", len(all))
	}
	return all[0]
}

func attributes(t testing.TB, r telemetry.Record) (string, map[attribute.Key]attribute.Value) {
	t.Helper()
	name, list := r.Describer.Describe(&r)
	set := map[attribute.Key]attribute.Value{}
	for _, kv := range list {
		if _, twice := set[kv.Key]; twice {
			t.Errorf("attribute %s occurs twice", kv.Key)
		}
		set[kv.Key] = kv.Value
	}
	return name, set
}

func mustPhases(t testing.TB, r telemetry.Record, queue, lock, blocked, exec, flush int64) {
	t.Helper()
	got := [5]int64(r.Data[:5])
	if want := [5]int64{queue, lock, blocked, exec, flush}; got != want {
		t.Errorf("phases %v, want %v", got, want)
	}
	var sum int64
	for i, ns := range got {
		if ns < 0 {
			t.Errorf("phase %d is negative: %d", i, ns)
		}
		sum += ns
	}
	if took := r.End - r.Start; sum != took {
		t.Errorf("the phases add up to %d ns, the span takes %d ns", sum, took)
	}
}

func bytesOf(words ...string) [][]byte {
	list := make([][]byte, len(words))
	for i, w := range words {
		list[i] = []byte(w)
	}
	return list
}
