package observe

import (
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"mini-redis/services/mini-redis/internal/engine"
)

// someFacts are different for each field, so that a mix-up shows.
func someFacts(clock *fakeClock) Facts {
	now := clock.Now()
	return Facts{
		Now: now, Started: now.Add(-90*time.Second - 500*time.Millisecond),
		Version: "1.2.3", Revision: "abc1234", RedisVersion: "7.2.4", RunID: strings.Repeat("5f", 20),
		Executable: "/usr/bin/mini-redis", Multiplexing: "epoll", Port: 6379, Loops: 1, Hz: 10,
		Clients: 11, BlockedClients: 12, PubSubClients: 13, MaxClients: 10000, Accepted: 15, Rejected: 16,
		InputBytes: 1700, OutputBytes: 1800, OutputLimitKills: 19,
		UsedMemory: 2048, MaxMemory: 1 << 20, PubSubChannels: 21, PubSubPatterns: 22,
		Keyspace: Keyspace{
			Databases: []Database{
				{Index: 0, Keys: 31, Expiring: 32, AvgTTL: 33 * time.Second}, {Index: 9, Keys: 34},
			},
			Hits: 35, Misses: 36, Expired: 37, Evicted: 38, Changes: 39,
		},
		Process: Process{
			PID: 41, UserCPU: 4200 * time.Millisecond, SystemCPU: 4300 * time.Millisecond,
			ResidentSize: 4096, HeapSize: 45, SystemMemory: 1 << 30, OS: "Linux 6.1 x86_64",
		},
	}
}

// gather registers the Observer's metrics and reads them, as a scrape does.
func (r *rig) gather(t testing.TB) map[string]*dto.MetricFamily {
	t.Helper()
	var lock sync.Mutex
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(r.Collector(Source{
		Locked: func(f func()) { lock.Lock(); defer lock.Unlock(); f() },
		Facts:  func() Facts { return someFacts(r.clock) },
	}))
	return mustGather(t, registry)
}

func mustGather(t testing.TB, g prometheus.Gatherer) map[string]*dto.MetricFamily {
	t.Helper()
	list, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	families := map[string]*dto.MetricFamily{}
	for _, f := range list {
		families[f.GetName()] = f
	}
	return families
}

// series finds a family's metric with the given label value, or its only one.
func series(t testing.TB, families map[string]*dto.MetricFamily, name, label string) *dto.Metric {
	t.Helper()
	f := families[name]
	if f == nil {
		t.Fatalf("no metric %s", name)
	}
	for _, m := range f.GetMetric() {
		if label == "" || slices.ContainsFunc(m.GetLabel(), func(l *dto.LabelPair) bool { return l.GetValue() == label }) {
			return m
		}
	}
	t.Fatalf("no %s{%s}", name, label)
	return nil
}

func mustValue(t testing.TB, families map[string]*dto.MetricFamily, name, label string, want float64) {
	t.Helper()
	m := series(t, families, name, label)
	got := m.GetCounter().GetValue()
	if m.Gauge != nil {
		got = m.GetGauge().GetValue()
	}
	if math.Abs(got-want) > 1e-9*math.Abs(want) {
		t.Errorf("%s{%s} = %v, want %v", name, label, got, want)
	}
}

func TestMetricsSayWhatTheServerSays(t *testing.T) {
	r := newRig(t)
	families := r.gather(t)
	f := func(name, label string, want float64) { t.Helper(); mustValue(t, families, name, label, want) }
	f("redis_up", "", 1)
	f("redis_uptime_in_seconds", "", 90)
	f("redis_start_time_seconds", "", float64(r.clock.Now().UnixMilli()-90_500)/1e3)
	f("redis_connected_clients", "", 11)
	f("redis_blocked_clients", "", 12)
	f("redis_pubsub_clients", "", 13)
	f("redis_max_clients", "", 10000)
	f("redis_connections_received_total", "", 15)
	f("redis_rejected_connections_total", "", 16)
	f("redis_net_input_bytes_total", "", 1700)
	f("redis_net_output_bytes_total", "", 1800)
	f("mini_redis_output_limit_disconnections_total", "", 19)
	f("redis_memory_used_bytes", "", 2048)
	f("redis_memory_used_peak_bytes", "", 2048)
	f("redis_memory_used_rss_bytes", "", 4096)
	f("redis_memory_max_bytes", "", 1<<20)
	f("redis_pubsub_channels", "", 21)
	f("redis_pubsub_patterns", "", 22)
	f("redis_db_keys", "db0", 31)
	f("redis_db_keys_expiring", "db0", 32)
	f("redis_db_avg_ttl_seconds", "db0", 33)
	f("redis_db_keys", "db9", 34)
	f("redis_keyspace_hits_total", "", 35)
	f("redis_keyspace_misses_total", "", 36)
	f("redis_expired_keys_total", "", 37)
	f("redis_evicted_keys_total", "", 38)
	f("redis_process_id", "", 41)
	f("redis_cpu_user_seconds_total", "", 4.2)
	f("redis_cpu_sys_seconds_total", "", 4.3)
	f("redis_instance_info", "7.2.4", 1)
	f("mini_redis_build_info", "1.2.3", 1)
}

func TestCommandsAreCounted(t *testing.T) {
	r := newRig(t)
	turn := turnAt(1000)
	tell := func(change func(*engine.Call)) {
		call := callIn(turn, specGet)
		change(call)
		r.run(turn, call)
	}
	for range 3 {
		tell(func(*engine.Call) {})
	}
	tell(func(c *engine.Call) { c.Error = "WRONGTYPE" })
	tell(func(c *engine.Call) { c.Error, c.Rejected = "NOAUTH", true })
	tell(func(c *engine.Call) { c.Spec, c.Error, c.Rejected = nil, "ERR", true })
	tell(func(c *engine.Call) { c.Spec, c.End, c.Blocked = specBlpop, c.Start+5_000_000_000, 4_999_998_000 })
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

func TestTurnsAreCounted(t *testing.T) {
	r := newRig(t)
	for i, calls := range []int{1, 1, 16, 128} {
		turn := turnAt(int64(i+1) * 1_000_000)
		for range calls {
			r.run(turn, callIn(turn, specPing))
		}
	}
	// A call that blocked in an earlier turn ends within the last one.
	r.run(turnAt(1_000_000), callIn(turnAt(1_000_000), specBlpop))

	families := r.gather(t)
	h := series(t, families, "mini_redis_batch_size", "").GetHistogram()
	if h.GetSampleCount() != 4 || h.GetSampleSum() != 147 {
		t.Errorf("%d turns of %v commands, want 4 of 147", h.GetSampleCount(), h.GetSampleSum())
	}
	for _, b := range h.GetBucket() {
		want := map[float64]uint64{1: 2, 2: 2, 4: 2, 8: 2, 16: 3, 32: 3, 64: 3, 128: 3}[b.GetUpperBound()]
		if b.GetCumulativeCount() != want {
			t.Errorf("%d turns of at most %v, want %d", b.GetCumulativeCount(), b.GetUpperBound(), want)
		}
	}
	mustValue(t, families, "mini_redis_loop_wait_seconds_total", "", 400e-9)
	mustValue(t, families, "mini_redis_lock_wait_seconds_total", "", 200e-9)
}

// Both forms of the histogram hold the same calls, and the same as the counters.
func TestDurationsAreADualHistogram(t *testing.T) {
	r := newRig(t)
	turn := turnAt(1000)
	took := []int64{0, 1, 400, 500, 501, 1000, 1001, 20_000, 3_000_000, 11_000_000_000, 200_000_000_000}
	var sum int64
	for _, ns := range took {
		call := callIn(turn, specGet)
		call.End = call.Start + ns
		sum += ns
		r.run(turn, call)
	}
	h := series(t, r.gather(t), "mini_redis_command_duration_seconds", "get").GetHistogram()
	if h.GetSampleCount() != uint64(len(took)) || math.Abs(h.GetSampleSum()-float64(sum)/1e9) > 1e-9 {
		t.Errorf("%d calls of %v s", h.GetSampleCount(), h.GetSampleSum())
	}
	for _, b := range h.GetBucket() {
		var want uint64
		for _, ns := range took {
			if float64(ns)/1e9 <= b.GetUpperBound() {
				want++
			}
		}
		if b.GetCumulativeCount() != want {
			t.Errorf("%d calls of at most %v s, want %d", b.GetCumulativeCount(), b.GetUpperBound(), want)
		}
	}
	native := decodeNative(t, h)
	want := map[int]int64{}
	for _, ns := range took {
		switch {
		case ns == 0:
		case ns > nativeBound(nativeHigh):
			want[nativeHigh+1]++
		default:
			want[int(math.Ceil(math.Log2(float64(ns)/1e9)*perOctave))]++
		}
	}
	if len(native) != len(want) {
		t.Errorf("exponential buckets %v, want %v", native, want)
	}
	for bucket, n := range want {
		if native[bucket] != n {
			t.Errorf("exponential bucket %d has %d calls, want %d", bucket, native[bucket], n)
		}
	}
	if h.GetZeroCount() != 1 || h.GetSchema() != 3 {
		t.Errorf("%d in the zero bucket, schema %d", h.GetZeroCount(), h.GetSchema())
	}
}

// decodeNative undoes the encoding of a native histogram's buckets.
func decodeNative(t testing.TB, h *dto.Histogram) map[int]int64 {
	t.Helper()
	buckets := map[int]int64{}
	number, i, count := 0, 0, int64(0)
	for _, span := range h.GetPositiveSpan() {
		number += int(span.GetOffset())
		for range span.GetLength() {
			count += h.GetPositiveDelta()[i]
			if count != 0 {
				buckets[number] = count
			}
			i++
			number++
		}
	}
	if i != len(h.GetPositiveDelta()) {
		t.Fatalf("%d differences for %d buckets", len(h.GetPositiveDelta()), i)
	}
	return buckets
}

func TestExemplarsAreSpansTheSinkAccepted(t *testing.T) {
	r := newRig(t)
	r.sink.bounded, r.sink.room = true, 2
	trace := func(ns int64) {
		turn := turnAt(r.clock.Mono())
		call := callIn(turn, specGet)
		call.End = call.Start + ns
		call.Parent, call.Traced = sampled(), true
		r.run(turn, call)
	}
	trace(600)            // accepted, in the bucket up to 1 µs
	trace(20_000_000_000) // accepted, in the bucket without a bound
	trace(700)            // lost: must not take the first one's place
	trace(3_000_000)      // lost

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

func TestOldExemplarsAreNotShown(t *testing.T) {
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

func TestScrapesRunBesideCommands(t *testing.T) {
	r := newRig(t, withRoots(1e6))
	var lock sync.Mutex
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(r.Collector(Source{
		Locked: func(f func()) { lock.Lock(); defer lock.Unlock(); f() },
		Facts:  func() Facts { return someFacts(r.clock) },
	}))
	var all sync.WaitGroup
	all.Go(func() {
		for i := range int64(3000) {
			turn := turnAt(1 + i*10_000)
			call := callIn(turn, []*engine.Spec{specGet, specSet, specPing}[i%3])
			lock.Lock()
			p := r.Command(turn, call)
			lock.Unlock()
			if p != nil {
				r.Flushed([]engine.Pending{p}, call.End+10)
			}
		}
	})
	for range 2 {
		all.Go(func() {
			for range 20 {
				mustGather(t, registry)
			}
		})
	}
	all.Wait()
	mustValue(t, mustGather(t, registry), "redis_commands_processed_total", "", 3000)
}
