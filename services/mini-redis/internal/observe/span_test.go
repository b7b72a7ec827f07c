package observe

import (
	"math/rand/v2"
	"testing"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"mini-redis/services/mini-redis/internal/engine"
)

func TestSampledCallContinuesTheCallersTrace(t *testing.T) {
	r := newRig(t)
	turn := turnAt(6_000_000_000)
	call := callIn(turn, specGet)
	call.Parent, call.Traced = sampled(), true
	r.run(turn, call)

	got := r.mustRecord(t)
	parent := sampled()
	if got.TraceID != parent.TraceID() || got.Parent != parent.SpanID() || !got.ParentRemote {
		t.Errorf("%+v is not a child of %+v", got, parent)
	}
	if !got.SpanID.IsValid() || got.SpanID == parent.SpanID() {
		t.Errorf("invalid span ID %v", got.SpanID)
	}
	if got.Flags != parent.TraceFlags() || got.TraceState.String() != "vendor=1" {
		t.Errorf("flags %v, state %q", got.Flags, got.TraceState)
	}
	if got.Kind != trace.SpanKindServer || got.Status != codes.Unset {
		t.Errorf("kind %v, status %v", got.Kind, got.Status)
	}
	// The wall clock is at 12:00:00 and the monotonic clock at 5 s.
	if want := r.clock.Now().Add(time.Second); got.Start != want.UnixNano() {
		t.Errorf("starts at %v, want %v", time.Unix(0, got.Start).UTC(), want)
	}
	mustPhases(t, got, 100, 50, 0, 1000, 300)
}

func TestUnsampledCallHasNoSpan(t *testing.T) {
	f := func(name string, change func(*engine.Call)) {
		t.Helper()
		r := newRig(t, withRoots(1000))
		turn := turnAt(1000)
		call := callIn(turn, specGet)
		change(call)
		r.run(turn, call)
		if n := len(r.sink.all()); n != 0 {
			t.Errorf("%s: %d spans", name, n)
		}
	}
	f("context without the sampled flag", func(c *engine.Call) {
		c.Traced, c.Parent = true, sampled().WithTraceFlags(0)
	})
	f("context that could not be parsed", func(c *engine.Call) { c.Traced = true })
	f("client that speaks TRACED", func(c *engine.Call) { c.Session.ContextAware = true })
	f("inside EXEC", func(c *engine.Call) { c.Nested = true })
	f("HELLO", func(c *engine.Call) { c.Spec = specHello })
	f("unknown subcommand of CLIENT", func(c *engine.Call) { c.Spec, c.Args = nil, [][]byte{[]byte("Client"), []byte("X")} })
	f("CLIENT SETNAME", func(c *engine.Call) { c.Spec = specNamed })
}

func TestNoSpansWithoutAConsumer(t *testing.T) {
	f := func(name string, r *rig) {
		t.Helper()
		turn := turnAt(1000)
		call := callIn(turn, specGet)
		if p := r.Command(turn, call); p != nil {
			t.Errorf("%s: a root span: %v", name, p)
		}
		call.Parent, call.Traced = sampled(), true
		if p := r.Command(turn, call); p != nil {
			t.Errorf("%s: a remote span: %v", name, p)
		}
	}
	f("no sink", newRig(t, withRoots(1000), func(o *Options) { o.Sink = nil }))
	idle := newRig(t, withRoots(1000))
	idle.sink.off = true
	f("a sink without a consumer", idle)
}

func TestRootSpansAreLimited(t *testing.T) {
	r := newRig(t, withRoots(10))
	for i := range int64(30_000) { // 3 s at 10,000 calls a second
		turn := turnAt(1 + i*100_000)
		r.run(turn, callIn(turn, specPing))
	}
	all := r.sink.all()
	if n := len(all); n != 39 { // 10 per second, and the burst of the first second
		t.Errorf("%d root spans in 3 s, want 39", n)
	}
	seen := map[trace.TraceID]bool{}
	for _, s := range all {
		if s.Parent.IsValid() || s.ParentRemote || s.Flags != trace.FlagsSampled|trace.FlagsRandom {
			t.Fatalf("not a root span: %+v", s)
		}
		if !s.TraceID.IsValid() || seen[s.TraceID] {
			t.Fatalf("trace ID %v is invalid or not unique", s.TraceID)
		}
		seen[s.TraceID] = true
	}
	if got := r.emitted[fromRoot].Load(); got != 39 {
		t.Errorf("%d root spans counted, want 39", got)
	}
}

func TestRemoteSpansAreLimited(t *testing.T) {
	r := newRig(t, func(o *Options) { o.MaxSpans = 100 })
	for i := range int64(10_000) { // 1 s
		turn := turnAt(1 + i*100_000)
		call := callIn(turn, specGet)
		call.Parent, call.Traced = sampled(), true
		r.run(turn, call)
	}
	if n := len(r.sink.all()); n != 199 {
		t.Errorf("%d spans in the first second, want 199", n)
	}
	if r.overRate != 10_000-199 {
		t.Errorf("%d calls counted as dropped because of the rate, want 9801", r.overRate)
	}
}

func TestPhases(t *testing.T) {
	f := func(name string, turn engine.Turn, call engine.Call, flushed int64, want [5]int64) {
		t.Helper()
		t.Run(name, func(t *testing.T) {
			t.Helper()
			r := newRig(t)
			call.Session, call.Parent, call.Traced = newSession(), sampled(), true
			r.Flushed([]engine.Pending{r.Command(&turn, &call)}, flushed)
			mustPhases(t, r.mustRecord(t), want[0], want[1], want[2], want[3], want[4])
		})
	}
	turn := engine.Turn{Wake: 1000, LockAsk: 1100, LockGot: 1150}
	f("first request of the batch", turn, engine.Call{Spec: specGet, Start: 1150, End: 1950}, 2400, [5]int64{100, 50, 0, 800, 450})
	f("later request of the batch", turn, engine.Call{Spec: specGet, Start: 1950, End: 2050}, 2400, [5]int64{900, 50, 0, 100, 350})
	f("blocked", turn, engine.Call{Spec: specBlpop, Start: 1150, End: 9150, Blocked: 7900}, 9500, [5]int64{100, 50, 7900, 100, 350})
	f("blocked, reported with the turn that served it", engine.Turn{Wake: 8000, LockAsk: 8001, LockGot: 8002},
		engine.Call{Spec: specBlpop, Start: 1150, End: 9150, Blocked: 7900}, 9500, [5]int64{0, 0, 7900, 100, 350})
	f("inside EXEC", turn, engine.Call{Spec: specSet, Start: 1300, End: 1400, Nested: true}, 2400, [5]int64{0, 0, 0, 100, 0})
	f("unknown wake-up time", engine.Turn{LockAsk: 1100, LockGot: 1150},
		engine.Call{Spec: specGet, Start: 1150, End: 1250}, 1300, [5]int64{0, 50, 0, 100, 50})
	f("flushed before it ended", turn, engine.Call{Spec: specGet, Start: 1150, End: 1250}, 1200, [5]int64{100, 50, 0, 100, 0})
	f("end before start", turn, engine.Call{Spec: specGet, Start: 1150, End: 1100}, 1300, [5]int64{100, 50, 0, 0, 150})
	f("blocked for longer than the call", turn, engine.Call{Spec: specBlpop, Start: 1150, End: 1250, Blocked: 900}, 1300, [5]int64{100, 50, 100, 0, 50})
}

// No phase is negative and the phases add up to the duration, whatever the times of a call.
func TestPhasesAddUp(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	r := newRig(t)
	around := func() int64 { return 1 + rng.Int64N(1000) }
	for range 20_000 {
		turn := engine.Turn{Wake: around(), LockAsk: around(), LockGot: around()}
		call := engine.Call{
			Session: newSession(), Spec: specGet, Start: around(), End: around(), Blocked: around() - 100,
			Nested: rng.IntN(4) == 0, TraceContext: engine.TraceContext{Parent: sampled(), Traced: true},
		}
		s := r.Command(&turn, &call).(*span)
		r.sink.records = nil
		r.Flushed([]engine.Pending{s}, around())
		got := r.mustRecord(t)
		var sum int64
		for _, ns := range got.Data[:5] {
			if ns < 0 {
				t.Fatalf("phases %v of turn %+v, call %+v", got.Data[:5], turn, call)
			}
			sum += ns
		}
		if sum != got.End-got.Start {
			t.Fatalf("phases %v add up to %d ns, the span takes %d ns", got.Data[:5], sum, got.End-got.Start)
		}
	}
}

// The spans of a transaction's commands lie within EXEC's exec phase and do not overlap.
func TestSpansInsideExec(t *testing.T) {
	r := newRig(t)
	turn := turnAt(1000)
	var pending []engine.Pending
	report := func(spec *engine.Spec, start, end int64, nested bool) {
		pending = append(pending, r.Command(turn, &engine.Call{
			Session: newSession(), Spec: spec, Start: start, End: end, Nested: nested, TraceContext: engine.TraceContext{Parent: sampled(), Traced: true},
		}))
	}
	report(specSet, 1150, 1200, true)
	report(specGet, 1200, 1260, true)
	report(specExec, 1150, 1300, false)
	r.Flushed(pending, 2000)
	all := r.sink.all()
	set, get, exec := all[0], all[1], all[2]
	if set.End != get.Start {
		t.Errorf("GET starts %d ns after the end of SET", get.Start-set.End)
	}
	running := exec.Start + exec.Data[dataQueue] + exec.Data[dataLock]
	if set.Start != running || get.End > running+exec.Data[dataExec] {
		t.Errorf("SET and GET are not within the exec phase of EXEC")
	}
	mustPhases(t, exec, 100, 50, 0, 150, 700)
}
