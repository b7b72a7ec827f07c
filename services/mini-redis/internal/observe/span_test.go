package observe

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"mini-redis/services/mini-redis/internal/engine"
)

func TestSampledCallContinuesItsCallersTrace(t *testing.T) {
	r := newRig(t)
	turn := turnAt(6_000_000_000)
	call := callIn(turn, specGet)
	call.Parent, call.Traced = sampled(), true
	r.run(turn, call)

	got := r.mustRecord(t)
	parent := sampled()
	if got.TraceID != parent.TraceID() || got.Parent != parent.SpanID() || !got.ParentRemote {
		t.Errorf("%v is no child of %v", got, parent)
	}
	if !got.SpanID.IsValid() || got.SpanID == parent.SpanID() {
		t.Errorf("span id %v", got.SpanID)
	}
	if got.Flags != parent.TraceFlags() || got.TraceState.String() != "vendor=1" {
		t.Errorf("flags %v, state %q", got.Flags, got.TraceState)
	}
	if got.Kind != trace.SpanKindServer || got.Status != codes.Unset {
		t.Errorf("kind %v, status %v", got.Kind, got.Status)
	}
	// The clocks stood at 12:00:00 and 5 s when the Observer was made.
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
	f("context that could not be read", func(c *engine.Call) { c.Traced = true })
	f("client that speaks TRACED", func(c *engine.Call) { c.Session.ContextAware = true })
	f("inside EXEC", func(c *engine.Call) { c.Nested = true })
	f("HELLO", func(c *engine.Call) { c.Spec = specHello })
	f("a subcommand of CLIENT that is not known", func(c *engine.Call) { c.Spec, c.Args = nil, [][]byte{[]byte("Client"), []byte("X")} })
	f("CLIENT SETNAME", func(c *engine.Call) { c.Spec = specNamed })
}

func TestNothingIsTracedForNobody(t *testing.T) {
	f := func(name string, r *rig) {
		t.Helper()
		turn := turnAt(1000)
		call := callIn(turn, specGet)
		if p := r.Command(turn, call); p != nil {
			t.Errorf("%s: a root: %v", name, p)
		}
		call.Parent, call.Traced = sampled(), true
		if p := r.Command(turn, call); p != nil {
			t.Errorf("%s: a remote span: %v", name, p)
		}
	}
	f("no sink", newRig(t, withRoots(1000), func(o *Options) { o.Sink = nil }))
	idle := newRig(t, withRoots(1000))
	idle.sink.off = true
	f("a sink without takers", idle)
}

func TestRootsAreBounded(t *testing.T) {
	r := newRig(t, withRoots(10))
	for i := range int64(30_000) { // 3 s at 10,000 calls a second
		turn := turnAt(1 + i*100_000)
		r.run(turn, callIn(turn, specPing))
	}
	all := r.sink.all()
	if n := len(all); n != 39 { // 10 a second, and one second's worth to begin with
		t.Errorf("%d roots in 3 s, want 39", n)
	}
	seen := map[trace.TraceID]bool{}
	for _, s := range all {
		if s.Parent.IsValid() || s.ParentRemote || s.Flags != trace.FlagsSampled|trace.FlagsRandom {
			t.Fatalf("no root: %+v", s)
		}
		if !s.TraceID.IsValid() || seen[s.TraceID] {
			t.Fatalf("trace id %v is invalid or was used before", s.TraceID)
		}
		seen[s.TraceID] = true
	}
	if got := r.emitted[fromRoot].Load(); got != 39 {
		t.Errorf("%d roots counted", got)
	}
}

func TestRemoteSpansAreBoundedWhenAsked(t *testing.T) {
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
		t.Errorf("%d counted as over the rate", r.overRate)
	}
}

func TestPendingSpansAreBounded(t *testing.T) {
	r := newRig(t, func(o *Options) { o.MaxPending = 3 })
	turn := turnAt(1000)
	var pending []engine.Pending
	for range 5 {
		call := callIn(turn, specGet)
		call.Parent, call.Traced = sampled(), true
		if p := r.Command(turn, call); p != nil {
			pending = append(pending, p)
		}
	}
	if len(pending) != 3 || r.overPending != 2 {
		t.Fatalf("%d pending, %d refused", len(pending), r.overPending)
	}
	r.Flushed(pending, 5000)
	if n := r.pending.Load(); n != 0 {
		t.Errorf("%d still pending", n)
	}
	call := callIn(turn, specGet)
	call.Parent, call.Traced = sampled(), true
	if r.Command(turn, call) == nil {
		t.Error("no span although there is room again")
	}
}

func TestWhatTheSinkCannotTakeIsCounted(t *testing.T) {
	r := newRig(t)
	r.sink.bounded, r.sink.room = true, 130
	turn := turnAt(1000)
	var pending []engine.Pending
	for range 200 { // more than go to the sink at once
		call := callIn(turn, specGet)
		call.Parent, call.Traced = sampled(), true
		pending = append(pending, r.Command(turn, call))
	}
	r.Flushed(pending, 5000)
	if n := len(r.sink.all()); n != 130 {
		t.Errorf("the sink has %d", n)
	}
	if got := r.emitted[fromRemote].Load(); got != 130 {
		t.Errorf("%d counted as taken", got)
	}
	if got := r.overQueue.Load(); got != 70 {
		t.Errorf("%d counted as lost", got)
	}
}

func TestPhasesTileTheSpan(t *testing.T) {
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
	f("first of its batch", turn, engine.Call{Spec: specGet, Start: 1150, End: 1950}, 2400, [5]int64{100, 50, 0, 800, 450})
	f("behind others", turn, engine.Call{Spec: specGet, Start: 1950, End: 2050}, 2400, [5]int64{900, 50, 0, 100, 350})
	f("blocked", turn, engine.Call{Spec: specBlpop, Start: 1150, End: 9150, Blocked: 7900}, 9500, [5]int64{100, 50, 7900, 100, 350})
	f("blocked, told with the turn that served it", engine.Turn{Wake: 8000, LockAsk: 8001, LockGot: 8002},
		engine.Call{Spec: specBlpop, Start: 1150, End: 9150, Blocked: 7900}, 9500, [5]int64{0, 0, 7900, 100, 350})
	f("inside EXEC", turn, engine.Call{Spec: specSet, Start: 1300, End: 1400, Nested: true}, 2400, [5]int64{0, 0, 0, 100, 0})
	f("nobody knows when the loop woke up", engine.Turn{LockAsk: 1100, LockGot: 1150},
		engine.Call{Spec: specGet, Start: 1150, End: 1250}, 1300, [5]int64{0, 50, 0, 100, 50})
	f("flushed before it ended", turn, engine.Call{Spec: specGet, Start: 1150, End: 1250}, 1200, [5]int64{100, 50, 0, 100, 0})
	f("ended before it began", turn, engine.Call{Spec: specGet, Start: 1150, End: 1100}, 1300, [5]int64{100, 50, 0, 0, 150})
	f("blocked for longer than it took", turn, engine.Call{Spec: specBlpop, Start: 1150, End: 1250, Blocked: 900}, 1300, [5]int64{100, 50, 100, 0, 50})
}

// Whatever times a span is made of, its phases are not negative and sum to it.
func TestPhasesTileAnySpan(t *testing.T) {
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
				t.Fatalf("%v of turn %+v, call %+v", got.Data[:5], turn, call)
			}
			sum += ns
		}
		if sum != got.End-got.Start {
			t.Fatalf("%v sum to %d, not to %d", got.Data[:5], sum, got.End-got.Start)
		}
	}
}

// The commands of a transaction and EXEC around them: side by side, inside.
func TestCommandsInsideExecLieWithinItsExecution(t *testing.T) {
	r := newRig(t)
	turn := turnAt(1000)
	var pending []engine.Pending
	tell := func(spec *engine.Spec, start, end int64, queued bool) {
		pending = append(pending, r.Command(turn, &engine.Call{
			Session: newSession(), Spec: spec, Start: start, End: end, Nested: queued, TraceContext: engine.TraceContext{Parent: sampled(), Traced: true},
		}))
	}
	tell(specSet, 1150, 1200, true)
	tell(specGet, 1200, 1260, true)
	tell(specExec, 1150, 1300, false)
	r.Flushed(pending, 2000)
	all := r.sink.all()
	set, get, exec := all[0], all[1], all[2]
	if set.End != get.Start {
		t.Errorf("GET starts %d ns after SET's end", get.Start-set.End)
	}
	running := exec.Start + exec.Data[dataQueue] + exec.Data[dataLock]
	if set.Start != running || get.End > running+exec.Data[dataExec] {
		t.Errorf("not within EXEC's execution")
	}
	mustPhases(t, exec, 100, 50, 0, 150, 700)
}

func TestErrorRepliesMarkTheSpan(t *testing.T) {
	f := func(code, want string) {
		t.Helper()
		r := newRig(t)
		turn := turnAt(1000)
		call := callIn(turn, specGet)
		call.Parent, call.Traced, call.Error = sampled(), true, code
		r.run(turn, call)
		got := r.mustRecord(t)
		if got.Status != codes.Error {
			t.Errorf("%q: status %v", code, got.Status)
		}
		_, attrs := attributes(t, got)
		for _, key := range []attribute.Key{"error.type", "db.response.status_code"} {
			if v := attrs[key].AsString(); v != want {
				t.Errorf("%q: %s is %q, want %q", code, key, v, want)
			}
		}
	}
	f("WRONGTYPE", "WRONGTYPE")
	f("ERR", "ERR")
	f("MISCONF2", "MISCONF2")
	f("my-secret-value", "_OTHER")
	f("Secret", "_OTHER")
	f("AVERYLONGWORDTHATNOBODYWOULDCALLACODE", "_OTHER")
}

func TestUnknownCommandHasNoNameOfItsOwn(t *testing.T) {
	r := newRig(t)
	turn := turnAt(1000)
	call := callIn(turn, nil)
	call.Args = [][]byte{[]byte("GTE"), []byte("secret")}
	call.Parent, call.Traced, call.Error, call.Rejected = sampled(), true, "ERR", true
	r.run(turn, call)
	name, attrs := attributes(t, r.mustRecord(t))
	if name != "_OTHER" || attrs["db.operation.name"].AsString() != "_OTHER" {
		t.Errorf("%s, %v", name, attrs)
	}
}

func TestKeysAreRecordedOnlyWhenAskedFor(t *testing.T) {
	f := func(keys bool, spec *engine.Spec, args []string, want string, has bool) {
		t.Helper()
		r := newRig(t, func(o *Options) { o.Keys = keys })
		turn := turnAt(1000)
		call := callIn(turn, spec)
		for _, a := range args {
			call.Args = append(call.Args, []byte(a))
		}
		call.Parent, call.Traced = sampled(), true
		r.run(turn, call)
		_, attrs := attributes(t, r.mustRecord(t))
		v, ok := attrs[keyKey]
		if ok != has || v.AsString() != want {
			t.Errorf("keys %v, %v: %q, %v", keys, args, v.AsString(), ok)
		}
		if got := attrs["network.peer.address"].AsString(); got != "192.0.2.7" {
			t.Errorf("keys %v: peer %q", keys, got)
		}
	}
	f(false, specSet, []string{"SET", "k", "v"}, "", false)
	f(true, specSet, []string{"SET", "k", "v"}, "k", true)
	f(true, specSet, []string{"SET", "a\xffb", "v"}, "a\uFFFDb", true)
	f(true, specPing, []string{"PING"}, "", false)
	f(true, specGet, []string{"GET"}, "", false)
	f(true, nil, []string{"GTE", "k"}, "", false)
}

// A span's two ends take the same offset: a step of the wall clock moves spans,
// and never stretches one.
func TestWallClockStepsDoNotStretchSpans(t *testing.T) {
	r := newRig(t)
	span := func() (took int64, start time.Time) {
		r.sink.records = nil
		turn := turnAt(r.clock.Mono())
		call := callIn(turn, specGet)
		call.Parent, call.Traced = sampled(), true
		r.run(turn, call)
		got := r.mustRecord(t)
		return got.End - got.Start, time.Unix(0, got.Start)
	}
	before, _ := span()
	r.clock.step(time.Hour)
	r.clock.advance(11 * time.Second)
	after, start := span()
	if before != after {
		t.Errorf("took %d ns before the step and %d after", before, after)
	}
	if d := start.Sub(r.clock.Now()); d.Abs() > time.Millisecond {
		t.Errorf("after the step a span starts %v from now", d)
	}
}

func TestLoopsFlushConcurrently(t *testing.T) {
	r := newRig(t)
	turn := turnAt(1000)
	var lock sync.Mutex
	var loops sync.WaitGroup
	for range 4 {
		loops.Go(func() {
			for i := range 500 {
				var pending []engine.Pending
				lock.Lock()
				for range 1 + i%3 {
					call := callIn(turn, specGet)
					call.Parent, call.Traced = sampled(), true
					pending = append(pending, r.Command(turn, call))
				}
				lock.Unlock()
				r.Flushed(pending, 3000)
			}
		})
	}
	loops.Wait()
	all := r.sink.all()
	if uint64(len(all)) != r.emitted[fromRemote].Load() || r.pending.Load() != 0 {
		t.Errorf("%d spans, %d counted, %d pending", len(all), r.emitted[fromRemote].Load(), r.pending.Load())
	}
	ids := map[trace.SpanID]bool{}
	for _, s := range all {
		if ids[s.SpanID] {
			t.Fatalf("span %v twice", s.SpanID)
		}
		ids[s.SpanID] = true
	}
}

// countingPeer says how often it was asked for its address.
type countingPeer struct {
	peer
	asked *int
}

func (p countingPeer) Addr() string { *p.asked++; return p.peer.Addr() }

func TestAConnectionIsAskedOnceForItsEnds(t *testing.T) {
	r := newRig(t)
	asked := 0
	session := func(id int64, remote string) *engine.Session {
		return &engine.Session{ID: id, Peer: countingPeer{peer{remote, "192.0.2.1:6379"}, &asked}}
	}
	mustPeer := func(s *engine.Session, want string) {
		t.Helper()
		r.sink.records = nil
		turn := turnAt(1000)
		call := callIn(turn, specGet)
		call.Session, call.Parent, call.Traced = s, sampled(), true
		r.run(turn, call)
		_, attrs := attributes(t, r.mustRecord(t))
		if got := attrs["client.address"].AsString(); got != want {
			t.Errorf("session %d is at %s, want %s", s.ID, got, want)
		}
	}
	first := session(7, "192.0.2.7:1")
	for range 5 {
		mustPeer(first, "192.0.2.7")
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
	// One that takes the same place, and the first again.
	mustPeer(session(7+cachedEnds, "192.0.2.8:1"), "192.0.2.8")
	mustPeer(first, "192.0.2.7")
}
