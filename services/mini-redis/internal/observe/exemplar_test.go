package observe

import (
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
)

func TestExemplarsAreExportedSpans(t *testing.T) {
	r := newRig(t)
	r.sink.bounded, r.sink.room = true, 2
	trace := func(ns int64) {
		turn := turnAt(r.clock.Mono())
		call := callIn(turn, specGet)
		call.End = call.Start + ns
		call.Parent, call.Traced = sampled(), true
		r.run(turn, call)
	}
	trace(600)            // accepted, in the bucket up to 1 us
	trace(20_000_000_000) // accepted, in the bucket without a bound
	trace(700)            // not accepted: must not replace the first one
	trace(3_000_000)      // not accepted

	h := series(t, r.gather(t), "mini_redis_command_duration_seconds", "get").GetHistogram()
	kept := r.sink.all()
	var shown []*dto.Exemplar
	for _, b := range h.GetBucket() {
		if e := b.GetExemplar(); e != nil {
			shown = append(shown, e)
			if e.GetValue() > b.GetUpperBound() {
				t.Errorf("an exemplar of %v in the bucket up to %v", e.GetValue(), b.GetUpperBound())
			}
		}
	}
	if len(shown) != 2 || len(h.GetExemplars()) != 2 {
		t.Fatalf("%d exemplars in fixed buckets, %d for the exponential ones, want 2", len(shown), len(h.GetExemplars()))
	}
	for i, e := range shown {
		labels := map[string]string{}
		for _, l := range e.GetLabel() {
			labels[l.GetName()] = l.GetValue()
		}
		if labels["trace_id"] != kept[i].TraceID.String() || labels["span_id"] != kept[i].SpanID.String() {
			t.Errorf("exemplar %d is %v, the sink has %v %v", i, labels, kept[i].TraceID, kept[i].SpanID)
		}
		if got := e.GetTimestamp().AsTime().UnixNano(); got != kept[i].End {
			t.Errorf("exemplar %d is of %v, its span ended %v", i, got, kept[i].End)
		}
	}
}

func TestOldExemplarsAreNotExposed(t *testing.T) {
	r := newRig(t)
	turn := turnAt(r.clock.Mono())
	call := callIn(turn, specGet)
	call.Parent, call.Traced = sampled(), true
	r.run(turn, call)
	count := func() int {
		t.Helper()
		return len(series(t, r.gather(t), "mini_redis_command_duration_seconds", "get").GetHistogram().GetExemplars())
	}
	r.clock.advance(4 * time.Minute)
	if n := count(); n != 1 {
		t.Errorf("%d after four minutes", n)
	}
	r.clock.advance(2 * time.Minute)
	if n := count(); n != 0 {
		t.Errorf("%d after six minutes", n)
	}
}
