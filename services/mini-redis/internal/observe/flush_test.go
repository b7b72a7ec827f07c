package observe

import (
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	"mini-redis/services/mini-redis/internal/engine"
)

func TestSpansThatTheSinkDoesNotAcceptAreCounted(t *testing.T) {
	r := newRig(t)
	r.sink.bounded, r.sink.room = true, 130
	turn := turnAt(1000)
	var pending []engine.Pending
	for range 200 { // more than one group
		call := callIn(turn, specGet)
		call.Parent, call.Traced = sampled(), true
		pending = append(pending, r.Command(turn, call))
	}
	r.Flushed(pending, 5000)
	if n := len(r.sink.all()); n != 130 {
		t.Errorf("the sink has %d spans, want 130", n)
	}
	if got := r.emitted[fromRemote].Load(); got != 130 {
		t.Errorf("%d spans counted as exported, want 130", got)
	}
	if got := r.overQueue.Load(); got != 70 {
		t.Errorf("%d spans counted as dropped, want 70", got)
	}
}

// A step of the wall clock moves spans and does not change their duration.
func TestWallClockStepMovesSpans(t *testing.T) {
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
		t.Errorf("the span takes %d ns before the step and %d ns after it", before, after)
	}
	if d := start.Sub(r.clock.Now()); d.Abs() > time.Millisecond {
		t.Errorf("after the step a span starts %v from now", d)
	}
}

func TestConcurrentFlushes(t *testing.T) {
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
	if uint64(len(all)) != r.emitted[fromRemote].Load() || r.pending.count.Load() != 0 {
		t.Errorf("%d spans exported, %d counted, %d pending", len(all), r.emitted[fromRemote].Load(), r.pending.count.Load())
	}
	ids := map[trace.SpanID]bool{}
	for _, s := range all {
		if ids[s.SpanID] {
			t.Fatalf("span ID %v occurs twice", s.SpanID)
		}
		ids[s.SpanID] = true
	}
}
