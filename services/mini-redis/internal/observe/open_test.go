package observe

import (
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"mini-redis/internal/telemetry"
)

func TestWaitingCallIsShownToViewers(t *testing.T) {
	e := newEngine(t)
	unseen, seen := e.connect(t), e.connect(t)
	unseen.batch(traced + "BLPOP nothing 0")
	if got := e.sink.takeShown(); len(got) != 0 || e.pending.count.Load() != 0 {
		t.Errorf("without a viewer: %d shown, %d pending, want none", len(got), e.pending.count.Load())
	}
	e.sink.watched.Store(true)
	seen.batch(traced + "BLPOP list 0")
	shown := e.sink.takeShown()
	if len(shown) != 1 || shown[0].End != 0 || shown[0].TraceID.String() != traceHex || shown[0].Parent.String() != spanHex || !shown[0].Flags.IsSampled() {
		t.Fatalf("%+v", shown)
	}
	name, attrs := attributes(t, shown[0])
	if _, over := attrs[keyExec]; name != "BLPOP" || over || attrs[keyQueue] == (attribute.Value{}) {
		t.Errorf("%s %v", name, attrs)
	}
	e.serve(t, seen)
	got := e.mustSpans(t, "BLPOP")[0]
	if got.SpanID != shown[0].SpanID || got.Start != shown[0].Start || len(e.sink.takeShown()) != 0 {
		t.Errorf("the exported span is not the one shown: %+v", got)
	}
	if e.pending.count.Load() != 0 {
		t.Errorf("%d pending spans are left", e.pending.count.Load())
	}
}

func TestUnsampledWaitingCallIsShownAndNotExported(t *testing.T) {
	e := newEngine(t, withRoots(0))
	e.sink.watched.Store(true)
	c := e.connect(t)
	c.batch("BLPOP list 0")
	e.serve(t, c)
	shown := e.sink.takeShown()
	if len(shown) != 2 || shown[0].End != 0 || shown[1].End == 0 || shown[0].SpanID != shown[1].SpanID || shown[0].Flags.IsSampled() {
		t.Fatalf("%+v", shown)
	}
	if r := shown[1]; r.Data[dataBlocked] < int64(time.Second) {
		t.Errorf("the blocked phase is %d ns, want 1 s", r.Data[dataBlocked])
	}
	if n := len(e.sink.all()); n != 0 || e.pending.count.Load() != 0 {
		t.Errorf("%d exported, %d pending", n, e.pending.count.Load())
	}
}

func TestSpansForViewersAreLimited(t *testing.T) {
	e := newEngine(t, withRoots(0))
	e.sink.watched.Store(true)
	for range 3 * viewerRate {
		e.connect(t).batch("BLPOP list 0")
	}
	if n := len(e.sink.takeShown()); n < viewerRate/2 || n > 2*viewerRate {
		t.Errorf("%d of %d calls at about the same time are shown", n, 3*viewerRate)
	}
}

func TestViewersSeeTheEndOfADroppedCall(t *testing.T) {
	e := newEngine(t)
	e.sink.watched.Store(true)
	c := e.connect(t)
	c.batch(traced + "BLPOP list 0")
	e.clock.mono += int64(time.Second)
	e.engine.Drop(c.session)
	shown := e.sink.takeShown()
	if len(shown) != 2 || shown[1].SpanID != shown[0].SpanID || shown[1].Flags.IsSampled() {
		t.Fatalf("%+v", shown)
	}
	r := shown[1]
	mustPhases(t, r, r.Data[0], r.Data[1], r.Data[2], r.Data[3], 0)
	if r.Data[dataBlocked] < int64(time.Second) || len(e.sink.all()) != 0 || e.pending.count.Load() != 0 {
		t.Errorf("blocked %d, %d exported, %d pending", r.Data[dataBlocked], len(e.sink.all()), e.pending.count.Load())
	}
}

// A new viewer is shown each call that waits once, as the span that is exported later.
func TestNewViewerSeesWaitingCalls(t *testing.T) {
	e := newEngine(t)
	c := e.connect(t)
	c.batch(traced + "BLPOP a list b 0")
	e.sink.watched.Store(true)
	var first, second []telemetry.Record
	show := func(to *[]telemetry.Record) func([]telemetry.Record) {
		return func(r []telemetry.Record) { *to = append(*to, r...) }
	}
	e.ShowOpen(e.engine, show(&first))
	e.ShowOpen(e.engine, show(&second))
	if len(first) != 1 || len(second) != 1 || first[0].SpanID != second[0].SpanID || first[0].End != 0 {
		t.Fatalf("%+v\n%+v", first, second)
	}
	e.serve(t, c)
	if got := e.mustSpans(t, "BLPOP")[0]; got.SpanID != first[0].SpanID || got.Start != first[0].Start {
		t.Errorf("the exported span is not the one shown: %+v", got)
	}
	e.ShowOpen(e.engine, show(&first))
	if len(first) != 1 {
		t.Error("an ended call is shown as open")
	}
}

func TestNewViewerSeesALimitedNumberOfWaitingCalls(t *testing.T) {
	e := newEngine(t, withRoots(0))
	const waiting = maxShown + 200
	for range waiting {
		e.connect(t).batch("BLPOP list 0")
		e.clock.mono += int64(10 * time.Millisecond)
	}
	e.sink.watched.Store(true)
	shown := map[string]bool{}
	e.ShowOpen(e.engine, func(list []telemetry.Record) {
		for _, r := range list {
			shown[r.SpanID.String()] = true
		}
	})
	if len(shown) != maxShown || e.pending.count.Load() != maxShown {
		t.Errorf("%d of %d waiting calls are shown, %d spans are pending", len(shown), waiting, e.pending.count.Load())
	}
}

// Whether a call gets a span is decided once, whatever the number of viewers that come while
// it waits. A refusal is counted once.
func TestRefusedWaitingCallIsCountedOnce(t *testing.T) {
	const (
		watched = 1 << iota // a viewer is there when the call begins to wait
		viewers             // three come later
		limited             // the rate of spans for viewers is used up
		full                // there are too many pending spans
		dropped             // the client leaves, instead of being served
	)
	f := func(name string, what int, rate, pending uint64) {
		t.Helper()
		e := newEngine(t, func(o *Options) { o.MaxPending, o.MaxSpans = 1, 1e6 })
		c, other := e.connect(t), e.connect(t)
		if what&full != 0 {
			e.pending.reserve(e.connectionOf(other.session), 0)
		} else {
			e.remote = newLimiter(0)
		}
		if what&limited != 0 {
			e.viewers = newLimiter(0)
		}
		e.sink.watched.Store(what&watched != 0)
		c.batch(traced + "BLPOP list 0")
		for range 3 {
			if what&viewers != 0 {
				e.ShowOpen(e.engine, func([]telemetry.Record) {})
			}
		}
		if what&dropped != 0 {
			e.engine.Drop(c.session)
		} else {
			e.connect(t).batch("RPUSH list v")
			e.Flushed(c.completed, e.clock.Mono())
		}
		if e.overRate != rate || e.overPending != pending {
			t.Errorf("%s: counted %d times as over the rate and %d times as over the limit of pending spans, want %d and %d",
				name, e.overRate, e.overPending, rate, pending)
		}
		if what&full != 0 {
			e.pending.release(e.connectionOf(other.session), 1, 0)
		}
		if n := e.pending.count.Load(); n != 0 {
			t.Errorf("%s: %d pending spans are left", name, n)
		}
		if n := len(e.sink.all()); n != 0 {
			t.Errorf("%s: %d spans exported", name, n)
		}
	}
	f("no viewer", 0, 1, 0)
	f("a viewer", watched, 1, 0)
	f("a viewer, its rate used up", watched|limited, 1, 0)
	f("viewers come later", viewers, 1, 0)
	f("a viewer, its rate used up, and viewers come later", watched|limited|viewers, 1, 0)
	f("too many pending spans", full, 0, 1)
	f("too many pending spans, a viewer", full|watched, 0, 1)
	f("too many pending spans, viewers come later", full|viewers, 0, 1)
	f("too many pending spans, a viewer, and viewers come later", full|watched|viewers, 0, 1)
	f("the client leaves", watched|limited|viewers|dropped, 1, 0)
	f("the client leaves without a viewer", dropped, 0, 0)
}
