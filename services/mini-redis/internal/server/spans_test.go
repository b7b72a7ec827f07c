package server

import (
	"sync/atomic"
	"testing"

	"go.opentelemetry.io/otel/trace"

	"mini-redis/services/mini-redis/internal/engine"
)

// spans is an observer that returns a span for each call and counts what becomes of it.
type spans struct {
	created, flushed, twice atomic.Int64
	most                    atomic.Int64 // largest number that was pending at once
}

// span is a pending span.
type span struct{ ended atomic.Bool }

func (*spans) Extract([][]byte) (trace.SpanContext, bool) { return trace.SpanContext{}, true }

func (o *spans) Command(*engine.Turn, *engine.Call) engine.Pending {
	o.created.Add(1)
	o.most.Store(max(o.most.Load(), o.pending()))
	return new(span)
}

func (o *spans) Flushed(list []engine.Pending, _ int64) {
	for _, p := range list {
		if p.(*span).ended.Swap(true) {
			o.twice.Add(1)
		}
		o.flushed.Add(1)
	}
}

// pending returns the number of spans that have not ended.
func (o *spans) pending() int64 { return o.created.Load() - o.flushed.Load() }

// mustHaveEnded waits until every span has ended, exactly once.
func (o *spans) mustHaveEnded(t testing.TB) {
	t.Helper()
	waitFor(t, "the end of every span", func() bool { return o.pending() == 0 })
	if n := o.twice.Load(); n != 0 {
		t.Errorf("%d spans ended twice", n)
	}
	if o.created.Load() == 0 {
		t.Error("there were no spans")
	}
}
