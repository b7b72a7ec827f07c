package observe

import (
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"

	"mini-redis/services/mini-redis/internal/engine"
)

// someFacts has a different value in each field, so that a mix-up is visible.
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

// gather registers the observer's metrics and reads them, as a scrape does.
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

// series returns a family's metric with a label value, or its only one.
func series(t testing.TB, families map[string]*dto.MetricFamily, name, label string) *dto.Metric {
	t.Helper()
	f := families[name]
	if f == nil {
		t.Fatalf("metric %s is missing", name)
	}
	for _, m := range f.GetMetric() {
		if label == "" || slices.ContainsFunc(m.GetLabel(), func(l *dto.LabelPair) bool { return l.GetValue() == label }) {
			return m
		}
	}
	t.Fatalf("series %s{%s} is missing", name, label)
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

func TestMetricsOfTheServer(t *testing.T) {
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

// dashboard returns the metrics that redis_exporter's dashboards and alerts read, with the
// labels that they group by.
func dashboard() map[string][]string {
	none := []string(nil)
	return map[string][]string{
		"redis_up": none, "redis_uptime_in_seconds": none, "redis_start_time_seconds": none,
		"redis_connected_clients": none, "redis_blocked_clients": none, "redis_connected_slaves": none,
		"redis_memory_used_bytes": none, "redis_memory_max_bytes": none, "redis_memory_used_rss_bytes": none,
		"redis_memory_used_peak_bytes": none,
		"redis_commands_total":         {"cmd"}, "redis_commands_duration_seconds_total": {"cmd"},
		"redis_commands_failed_calls_total": {"cmd"}, "redis_commands_rejected_calls_total": {"cmd"},
		"redis_commands_processed_total": none, "redis_errors_total": {"err"},
		"redis_connections_received_total": none, "redis_rejected_connections_total": none,
		"redis_keyspace_hits_total": none, "redis_keyspace_misses_total": none,
		"redis_expired_keys_total": none, "redis_evicted_keys_total": none,
		"redis_net_input_bytes_total": none, "redis_net_output_bytes_total": none,
		"redis_cpu_sys_seconds_total": none, "redis_cpu_user_seconds_total": none,
		"redis_pubsub_channels": none, "redis_pubsub_patterns": none, "redis_pubsub_clients": none,
		"redis_db_keys": {"db"}, "redis_db_keys_expiring": {"db"}, "redis_db_avg_ttl_seconds": {"db"},
		"redis_config_maxclients": none, "redis_config_maxmemory": none, "redis_max_clients": none,
		"redis_process_id": none,
		"redis_instance_info": {
			"master_replid", "maxmemory_policy", "os", "process_id", "redis_build_id", "redis_mode",
			"redis_version", "role", "run_id", "tcp_port",
		},
	}
}

func TestMetricsFollowTheConventions(t *testing.T) {
	r := newRig(t, withRoots(10))
	turn := turnAt(1000)
	call := callIn(turn, specGet)
	call.Error = "ERR"
	r.run(turn, call)

	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(r.Collector(Source{
		Locked: func(f func()) { f() }, Facts: func() Facts { return someFacts(r.clock) },
	}))
	list, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(list).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	families := mustGather(t, registry)
	known := dashboard()
	for name, f := range families {
		labels, ok := known[name]
		if !ok && !strings.HasPrefix(name, "mini_redis_") {
			t.Errorf("%s is neither a name of redis_exporter nor mini_redis_*", name)
		}
		if !ok {
			continue
		}
		var got []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			got = append(got, l.GetName())
		}
		if !slices.Equal(got, labels) {
			t.Errorf("%s has the labels %v, want %v", name, got, labels)
		}
	}
	for name := range known {
		if families[name] == nil {
			t.Errorf("%s is missing", name)
		}
	}
}

func TestScrapesAreConcurrentWithCommands(t *testing.T) {
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
