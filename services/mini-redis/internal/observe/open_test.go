package observe

import (
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"mini-redis/internal/telemetry"
)

// shownOf returns what was shown since the last call.
func (s *recordingSink) shownOf() []telemetry.Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.shown
	s.shown = nil
	return list
}

// serve ends the wait of a client for the list, and flushes its reply.
func (e *engineRig) serve(t *testing.T, waiting *client) {
	t.Helper()
	e.clock.mono += int64(time.Second)
	e.connect(t).batch("RPUSH list v")
	if len(waiting.completed) != 1 {
		t.Fatalf("unblocked %d times", len(waiting.completed))
	}
	e.Flushed(waiting.completed, e.clock.Mono())
}

func TestACallThatWaitsIsShownOnlyWhileSomebodyWatches(t *testing.T) {
	e := newEngine(t)
	unseen, seen := e.connect(t), e.connect(t)
	unseen.batch(traced + "BLPOP nothing 0")
	if got := e.sink.shownOf(); len(got) != 0 || e.pending.Load() != 0 {
		t.Errorf("%d shown to nobody, %d pending", len(got), e.pending.Load())
	}
	e.sink.watched.Store(true)
	seen.batch(traced + "BLPOP list 0")
	shown := e.sink.shownOf()
	if len(shown) != 1 || shown[0].End != 0 || shown[0].TraceID.String() != traceHex || shown[0].Parent.String() != spanHex || !shown[0].Flags.IsSampled() {
		t.Fatalf("%+v", shown)
	}
	name, attrs := attributes(t, shown[0])
	if _, over := attrs[keyExec]; name != "BLPOP" || over || attrs[keyQueue] == (attribute.Value{}) {
		t.Errorf("%s %v", name, attrs)
	}
	e.serve(t, seen)
	got := e.mustSpans(t, "BLPOP")[0] // with phases that tile it
	if got.SpanID != shown[0].SpanID || got.Start != shown[0].Start || len(e.sink.shownOf()) != 0 {
		t.Errorf("it ends as another span: %+v", got)
	}
	if e.pending.Load() != 0 {
		t.Errorf("%d pending", e.pending.Load())
	}
}

// A call that nobody samples is shown to those who watch, and not exported.
func TestACallThatIsNotSampledIsShownAndNotExported(t *testing.T) {
	e := newEngine(t, withRoots(0))
	e.sink.watched.Store(true)
	c := e.connect(t)
	c.batch("BLPOP list 0")
	e.serve(t, c)
	shown := e.sink.shownOf()
	if len(shown) != 2 || shown[0].End != 0 || shown[1].End == 0 || shown[0].SpanID != shown[1].SpanID || shown[0].Flags.IsSampled() {
		t.Fatalf("%+v", shown)
	}
	if r := shown[1]; r.Data[dataBlocked] < int64(time.Second) {
		t.Errorf("blocked for %d", r.Data[dataBlocked])
	}
	if n := len(e.sink.all()); n != 0 || e.pending.Load() != 0 {
		t.Errorf("%d exported, %d pending", n, e.pending.Load())
	}
}

func TestSpansForThoseWhoWatchAreBounded(t *testing.T) {
	e := newEngine(t, withRoots(0))
	e.sink.watched.Store(true)
	for range 3 * shownRate {
		e.connect(t).batch("BLPOP list 0")
	}
	if n := len(e.sink.shownOf()); n < shownRate/2 || n > 2*shownRate {
		t.Errorf("%d of %d calls within a moment are shown", n, 3*shownRate)
	}
}

func TestAClientThatLeavesEndsWhatIsShown(t *testing.T) {
	e := newEngine(t)
	e.sink.watched.Store(true)
	c := e.connect(t)
	c.batch(traced + "BLPOP list 0")
	e.clock.mono += int64(time.Second)
	e.engine.Drop(c.session)
	shown := e.sink.shownOf()
	if len(shown) != 2 || shown[1].SpanID != shown[0].SpanID || shown[1].Flags.IsSampled() {
		t.Fatalf("%+v", shown)
	}
	r := shown[1]
	mustPhases(t, r, r.Data[0], r.Data[1], r.Data[2], r.Data[3], 0)
	if r.Data[dataBlocked] < int64(time.Second) || len(e.sink.all()) != 0 || e.pending.Load() != 0 {
		t.Errorf("blocked %d, %d exported, %d pending", r.Data[dataBlocked], len(e.sink.all()), e.pending.Load())
	}
}

// Whoever comes to watch is shown the calls that wait already, each once, and
// as the spans that they will end as.
func TestCallsThatWaitAlreadyAreShown(t *testing.T) {
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
		t.Errorf("it ends as another span: %+v", got)
	}
	e.ShowOpen(e.engine, show(&first))
	if len(first) != 1 {
		t.Error("what has ended is shown as open")
	}
}

// However many wait, a thousand of them are shown to whoever comes.
func TestManyCallsThatWaitAlreadyAreShown(t *testing.T) {
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
	if len(shown) != maxShown || e.pending.Load() != maxShown {
		t.Errorf("%d of %d are shown, %d pending", len(shown), waiting, e.pending.Load())
	}
}
