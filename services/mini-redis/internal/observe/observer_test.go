package observe

import (
	"fmt"
	"testing"

	"mini-redis/services/mini-redis/internal/engine"
)

func TestCommandsAreCounted(t *testing.T) {
	r := newRig(t)
	turn := turnAt(1000)
	report := func(change func(*engine.Call)) {
		call := callIn(turn, specGet)
		change(call)
		r.run(turn, call)
	}
	for range 3 {
		report(func(*engine.Call) {})
	}
	report(func(c *engine.Call) { c.Error = "WRONGTYPE" })
	report(func(c *engine.Call) { c.Error, c.Rejected = "NOAUTH", true })
	report(func(c *engine.Call) { c.Spec, c.Error, c.Rejected = nil, "ERR", true })
	report(func(c *engine.Call) { c.Spec, c.End, c.Blocked = specBlpop, c.Start+5_000_000_000, 4_999_998_000 })
	r.Extract(bytesOf("traceparent", "nonsense"))

	families := r.gather(t)
	f := func(name, label string, want float64) { t.Helper(); mustValue(t, families, name, label, want) }
	f("redis_commands_total", "get", 4)
	f("redis_commands_duration_seconds_total", "get", 4000e-9)
	f("redis_commands_failed_calls_total", "get", 1)
	f("redis_commands_rejected_calls_total", "get", 1)
	f("redis_commands_rejected_calls_total", "_OTHER", 1)
	f("redis_commands_total", "_OTHER", 0)
	f("redis_commands_duration_seconds_total", "blpop", 2000e-9)
	f("redis_commands_processed_total", "", 5)
	f("redis_errors_total", "WRONGTYPE", 1)
	f("redis_errors_total", "NOAUTH", 1)
	f("redis_errors_total", "ERR", 1)
	f("mini_redis_trace_context_invalid_total", "", 1)
}

func TestBatchesAreCounted(t *testing.T) {
	r := newRig(t)
	for i, calls := range []int{1, 1, 16, 128} {
		turn := turnAt(int64(i+1) * 1_000_000)
		for range calls {
			r.run(turn, callIn(turn, specPing))
		}
	}
	// A call that has waited since an earlier turn ends during the last one.
	r.run(turnAt(1_000_000), callIn(turnAt(1_000_000), specBlpop))

	families := r.gather(t)
	h := series(t, families, "mini_redis_batch_size", "").GetHistogram()
	if h.GetSampleCount() != 4 || h.GetSampleSum() != 147 {
		t.Errorf("%d batches with %v commands, want 4 with 147", h.GetSampleCount(), h.GetSampleSum())
	}
	for _, b := range h.GetBucket() {
		want := map[float64]uint64{1: 2, 2: 2, 4: 2, 8: 2, 16: 3, 32: 3, 64: 3, 128: 3}[b.GetUpperBound()]
		if b.GetCumulativeCount() != want {
			t.Errorf("%d batches of at most %v commands, want %d", b.GetCumulativeCount(), b.GetUpperBound(), want)
		}
	}
	mustValue(t, families, "mini_redis_loop_wait_seconds_total", "", 400e-9)
	mustValue(t, families, "mini_redis_lock_wait_seconds_total", "", 200e-9)
}

func TestErrorCodesAreBounded(t *testing.T) {
	r := newRig(t)
	turn := turnAt(1000)
	for i := range MaxErrorCodes + 40 {
		call := callIn(turn, specGet)
		call.Error = fmt.Sprintf("CODE%d", i)
		r.run(turn, call)
	}
	got := r.info(t, "errorstats")
	if len(got) != MaxErrorCodes+1 || got["errorstat__OTHER"] != "count=40" {
		t.Errorf("%d codes, %s others", len(got), got["errorstat__OTHER"])
	}
	if n := len(r.gather(t)["redis_errors_total"].GetMetric()); n != MaxErrorCodes+1 {
		t.Errorf("%d series, want %d", n, MaxErrorCodes+1)
	}
}

// Spans and the groups they are flushed in come from pools.
func TestCommandsDoNotAllocate(t *testing.T) {
	f := func(name string, change func(*engine.Call)) {
		t.Helper()
		r := newRig(t, withRoots(10))
		turn := turnAt(1000)
		call := callIn(turn, specGet)
		change(call)
		pending := make([]engine.Pending, 0, 1)
		step := func() {
			turn.Wake += 5000
			turn.LockAsk, turn.LockGot = turn.Wake+100, turn.Wake+150
			call.Start, call.End = turn.LockGot, turn.LockGot+700
			pending = pending[:0]
			if p := r.Command(turn, call); p != nil {
				pending = append(pending, p)
			}
			r.Flushed(pending, call.End+300)
			r.sink.records = r.sink.records[:0]
		}
		for range 100 {
			step() // fills the pools
		}
		if n := testing.AllocsPerRun(1000, step); n >= 1 { // the race detector empties pools
			t.Errorf("%s: %g allocations per call", name, n)
		}
	}
	f("untraced", func(*engine.Call) {})
	f("error", func(c *engine.Call) { c.Error = "WRONGTYPE" })
	f("unknown", func(c *engine.Call) { c.Spec, c.Rejected, c.Error = nil, true, "ERR" })
	f("unsampled", func(c *engine.Call) { c.Traced, c.Parent = true, sampled().WithTraceFlags(0) })
	if !raceEnabled {
		f("sampled", func(c *engine.Call) { c.Traced, c.Parent = true, sampled() })
	}
}
