package observe

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"mini-redis/services/mini-redis/internal/engine"
)

// report reports n calls of a session with a caller's context, and returns their spans.
func (r *rig) report(s *engine.Session, context engine.TraceContext, n int) (pending []engine.Pending) {
	turn := turnAt(1000)
	for range n {
		call := callIn(turn, specGet)
		call.Session, call.TraceContext = s, context
		if p := r.Command(turn, call); p != nil {
			pending = append(pending, p)
		}
	}
	return pending
}

// context returns the context of a caller with a tracestate.
func (r *rig) context(t testing.TB, tracestate string) engine.TraceContext {
	t.Helper()
	sc, ok := r.Extract(bytesOf("traceparent", w3c, "tracestate", tracestate))
	if !ok || sc.TraceState().Len() == 0 {
		t.Fatalf("tracestate of %d bytes: not parsed", len(tracestate))
	}
	return engine.TraceContext{Parent: sc, Traced: true}
}

// mustPend checks the account of the pending spans.
func (r *rig) mustPend(t testing.TB, count int, dropped uint64) {
	t.Helper()
	if n := r.pending.count.Load(); n != int64(count) || r.overPending != dropped {
		t.Errorf("%d pending spans and %d dropped, want %d and %d", n, r.overPending, count, dropped)
	}
	if bytes := r.pending.bytes.Load(); (bytes == 0) != (count == 0) || bytes < int64(count)*spanBytes {
		t.Errorf("%d pending spans hold %d bytes", count, bytes)
	}
}

func TestPendingSpansAreLimited(t *testing.T) {
	r := newRig(t, func(o *Options) { o.MaxPending = 3 })
	var pending []engine.Pending
	for range 5 {
		pending = append(pending, r.report(newSession(), engine.TraceContext{Parent: sampled()}, 1)...)
	}
	r.mustPend(t, 3, 2)
	r.Flushed(pending, 5000)
	r.mustPend(t, 0, 2)
	r.Flushed(r.report(newSession(), engine.TraceContext{Parent: sampled()}, 1), 5000)
	r.mustPend(t, 0, 2)
}

func TestPendingSpansOfAConnectionAreLimited(t *testing.T) {
	const most = 4
	r := newRig(t, func(o *Options) { o.MaxPending = most * connectionShare })
	context := engine.TraceContext{Parent: sampled()}
	greedy, other := newSession(), newSession()
	held := r.report(greedy, context, 100)
	r.mustPend(t, most, 100-most)
	held = append(held, r.report(other, context, most)...)
	r.mustPend(t, 2*most, 100-most)
	r.Flushed(held, 5000)
	r.mustPend(t, 0, 100-most)
	r.Flushed(r.report(greedy, context, most), 5000)
	r.mustPend(t, 0, 100-most)
}

func TestMemoryOfPendingSpansIsLimited(t *testing.T) {
	const limit = 1 << 20
	r := newRig(t, func(o *Options) { o.MaxBytes = limit })
	f := func(tracestate string, least, most int) {
		t.Helper()
		pending := r.report(newSession(), r.context(t, tracestate), 4096)
		if n := len(pending); n < least || n > most {
			t.Errorf("tracestate of %d bytes: %d spans in %d bytes, want %d to %d", len(tracestate), n, limit, least, most)
		}
		if bytes := r.pending.bytes.Load(); bytes > limit {
			t.Errorf("tracestate of %d bytes: the spans hold %d bytes, the limit is %d", len(tracestate), bytes, limit)
		}
		r.Flushed(pending, 5000)
		r.mustPend(t, 0, r.overPending)
	}
	f("a=1", 1000, 4095)
	f(longTracestate, 50, limit/len(longTracestate))
}

// The account is an upper bound of the memory that the spans really hold. A caller may send a
// tracestate that is long only before it is parsed.
func TestMemoryOfPendingSpansIsReal(t *testing.T) {
	const limit = 1 << 20
	f := func(name, tracestate string) {
		t.Helper()
		r := newRig(t, func(o *Options) { o.MaxBytes, o.MaxPending = limit, 1<<30 })
		s := newSession()
		before := heap()
		var pending []engine.Pending
		for range 3000 {
			pending = append(pending, r.report(s, r.context(t, tracestate), 1)...)
		}
		held := heap() - before
		if account := r.pending.bytes.Load(); held > account+account/4+256<<10 {
			t.Errorf("%s: %d spans hold %d bytes, the account says %d", name, len(pending), held, account)
		}
		r.Flushed(pending, 5000)
	}
	f("long tracestate", longTracestate)
	f("tracestate with empty members", "a=1"+strings.Repeat(",", 8000))
	f("tracestate with spaces", "a=1,b=2"+strings.Repeat(" ", 8000))
	f("tracestate with many members", manyMembers)
}

// manyMembers is a tracestate with 32 short members, the largest number.
var manyMembers = func() string {
	var members []string
	for i := range 32 {
		members = append(members, fmt.Sprintf("k%d=v", i))
	}
	return strings.Join(members, ",")
}()

// heap returns the memory of the objects that are in use.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
