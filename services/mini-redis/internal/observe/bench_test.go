package observe

import (
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"mini-redis/services/mini-redis/internal/engine"
)

// benchCommand reports calls in batches, as a busy server does: each takes 0.5 to 1.5 us, and
// the spans of a batch are flushed together.
func benchCommand(b *testing.B, r *rig, batch int, change func(*engine.Call)) {
	b.Helper()
	session := newSession()
	turn := &engine.Turn{Wake: 1, LockAsk: 100, LockGot: 200}
	call := &engine.Call{Session: session, Spec: specGet, Args: [][]byte{[]byte("GET"), []byte("k")}}
	change(call)
	pending := make([]engine.Pending, 0, batch)
	now, inBatch := int64(200), 0
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if inBatch == batch {
			r.Flushed(pending, now+300)
			r.sink.records = r.sink.records[:0]
			pending, inBatch = pending[:0], 0
			now += 400
			turn.Wake, turn.LockAsk, turn.LockGot = now, now+100, now+150
			now += 150
		}
		inBatch++
		call.Start = now
		now += 500 + int64(i&1023)
		call.End = now
		if p := r.Command(turn, call); p != nil {
			pending = append(pending, p)
		}
	}
}

func BenchmarkCommand(b *testing.B) {
	for _, batch := range []int{1, 16} {
		run := func(name string, roots float64, change func(*engine.Call)) {
			b.Run(fmt.Sprintf("%s/batch=%d", name, batch), func(b *testing.B) {
				benchCommand(b, newRig(b, withRoots(roots)), batch, change)
			})
		}
		run("untraced", 0, func(*engine.Call) {})
		run("untraced-roots10", 10, func(*engine.Call) {})
		run("unsampled-context", 10, func(c *engine.Call) {
			c.Traced, c.Parent = true, sampled().WithTraceFlags(0)
		})
		run("sampled", 10, func(c *engine.Call) {
			c.Traced, c.Parent = true, sampled().WithTraceState(trace.TraceState{})
		})
	}
}

func BenchmarkExtract(b *testing.B) {
	run := func(name string, fields ...string) {
		b.Run(name, func(b *testing.B) {
			r := newRig(b)
			list := bytesOf(fields...)
			b.ReportAllocs()
			for b.Loop() {
				r.Extract(list)
			}
		})
	}
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	run("traceparent", "traceparent", parent)
	run("traceparent+baggage", "traceparent", parent, "baggage", "user=4711")
	run("traceparent+tracestate", "traceparent", parent, "tracestate", "vendor=1")
}

// BenchmarkSnapshot measures what a scrape does under the execution lock, BenchmarkGather a
// whole scrape, for a server on which 40 commands were called.
func BenchmarkSnapshot(b *testing.B) {
	r := busy(b)
	var s snapshot
	b.ReportAllocs()
	for b.Loop() {
		s.take(r.Observer)
	}
}

func BenchmarkGather(b *testing.B) {
	r := busy(b)
	registry := prometheus.NewRegistry()
	registry.MustRegister(r.Collector(Source{
		Locked: func(f func()) { f() }, Facts: func() Facts { return someFacts(r.clock) },
	}))
	b.ReportAllocs()
	for b.Loop() {
		mustGather(b, registry)
	}
}

// busy returns an observer that has seen 40 commands with many execution times.
func busy(b *testing.B) *rig {
	b.Helper()
	r := newRig(b)
	for id := range 40 {
		name := fmt.Sprintf("command%d", id)
		spec := &engine.Spec{ID: id, Name: name, Operation: strings.ToUpper(name)}
		for ns := int64(300); ns < 1e8; ns += ns / 7 {
			turn := turnAt(1000)
			call := callIn(turn, spec)
			call.End = call.Start + ns
			call.Parent, call.Traced = sampled(), true
			r.run(turn, call)
		}
	}
	return r
}
