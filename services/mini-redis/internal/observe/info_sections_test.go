package observe

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"mini-redis/services/mini-redis/internal/engine"
)

func TestInfoOfTheServer(t *testing.T) {
	got := newRig(t).info(t, "everything")
	f := func(name, want string) {
		t.Helper()
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	f("redis_version", "7.2.4")
	f("mini_redis_version", "1.2.3")
	f("redis_mode", "standalone")
	f("os", "Linux 6.1 x86_64")
	f("process_id", "41")
	f("tcp_port", "6379")
	f("uptime_in_seconds", "90")
	f("uptime_in_days", "0")
	f("connected_clients", "11")
	f("blocked_clients", "12")
	f("pubsub_clients", "13")
	f("maxclients", "10000")
	f("used_memory", "2048")
	f("used_memory_human", "2.00K")
	f("used_memory_rss", "4096")
	f("used_memory_peak", "2048")
	f("used_memory_peak_perc", "100.00%")
	f("mem_fragmentation_ratio", "2.00")
	f("maxmemory", "1048576")
	f("maxmemory_human", "1.00M")
	f("maxmemory_policy", "noeviction")
	f("total_system_memory_human", "1.00G")
	f("rdb_changes_since_last_save", "39")
	f("total_connections_received", "15")
	f("rejected_connections", "16")
	f("total_net_input_bytes", "1700")
	f("total_net_output_bytes", "1800")
	f("keyspace_hits", "35")
	f("keyspace_misses", "36")
	f("expired_keys", "37")
	f("evicted_keys", "38")
	f("pubsub_channels", "21")
	f("pubsub_patterns", "22")
	f("role", "master")
	f("used_cpu_user", "4.200000")
	f("used_cpu_sys", "4.300000")
	f("cluster_enabled", "0")
	f("db0", "keys=31,expires=32,avg_ttl=33000")
	f("db9", "keys=34,expires=0,avg_ttl=0")
}

func TestInfoCommandstats(t *testing.T) {
	r := newRig(t)
	report := func(spec *engine.Spec, ns int64, change func(*engine.Call)) {
		turn := turnAt(1000)
		call := callIn(turn, spec)
		call.End = call.Start + ns
		change(call)
		r.run(turn, call)
	}
	plain := func(*engine.Call) {}
	for range 3 {
		report(specGet, 2500, plain)
	}
	report(specGet, 500, func(c *engine.Call) { c.Error = "WRONGTYPE" })
	report(specNamed, 1000, plain)
	report(specSet, 0, func(c *engine.Call) { c.Error, c.Rejected = "ERR", true })
	report(nil, 0, func(c *engine.Call) { c.Error, c.Rejected = "ERR", true })
	got := r.info(t, "everything")
	f := func(name, want string) {
		t.Helper()
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	f("cmdstat_get", "calls=4,usec=8,usec_per_call=2.00,rejected_calls=0,failed_calls=1")
	f("cmdstat_client|setname", "calls=1,usec=1,usec_per_call=1.00,rejected_calls=0,failed_calls=0")
	f("cmdstat_set", "calls=0,usec=0,usec_per_call=0.00,rejected_calls=1,failed_calls=0")
	f("errorstat_WRONGTYPE", "count=1")
	f("errorstat_ERR", "count=2")
	f("total_error_replies", "3")
	f("total_commands_processed", "5")
	f("latency_percentiles_usec_get", "p50=2.500,p99=2.500,p99.9=2.500")
	for name := range got {
		if strings.Contains(name, "_OTHER") || strings.HasPrefix(name, "latency_percentiles_usec_set") {
			t.Errorf("INFO has %s", name)
		}
	}
}

func TestResetStatResetsInfoOnly(t *testing.T) {
	r := newRig(t)
	report := func() {
		turn := turnAt(1000)
		call := callIn(turn, specGet)
		call.Error = "ERR"
		r.run(turn, call)
	}
	report()
	report()
	r.ResetStat(someFacts(r.clock))
	got := r.info(t, "everything")
	for _, name := range []string{
		"total_commands_processed", "total_connections_received", "total_net_input_bytes", "total_net_output_bytes",
		"rejected_connections", "expired_keys", "evicted_keys", "keyspace_hits", "keyspace_misses", "total_error_replies",
	} {
		if got[name] != "0" {
			t.Errorf("%s is %s after CONFIG RESETSTAT", name, got[name])
		}
	}
	for _, name := range []string{"cmdstat_get", "errorstat_ERR", "latency_percentiles_usec_get"} {
		if v, ok := got[name]; ok {
			t.Errorf("%s is %s after CONFIG RESETSTAT", name, v)
		}
	}
	report()
	got = r.info(t, "everything")
	if want := "calls=1,usec=1,usec_per_call=1.00,rejected_calls=0,failed_calls=1"; got["cmdstat_get"] != want {
		t.Errorf("cmdstat_get is %s", got["cmdstat_get"])
	}
	if got["errorstat_ERR"] != "count=1" || got["latency_percentiles_usec_get"] == "" {
		t.Errorf("errorstat_ERR is %s, latency %s", got["errorstat_ERR"], got["latency_percentiles_usec_get"])
	}
	families := r.gather(t)
	mustValue(t, families, "redis_commands_total", "get", 3)
	mustValue(t, families, "redis_errors_total", "ERR", 3)
	mustValue(t, families, "redis_keyspace_hits_total", "", 35)
}

// A total that is below its value at CONFIG RESETSTAT has been reset by its owner.
func TestTotalThatItsOwnerResets(t *testing.T) {
	r := newRig(t)
	r.ResetStat(someFacts(r.clock))
	facts := someFacts(r.clock)
	facts.Accepted, facts.Keyspace.Hits = 3, 4
	_, got := parseInfo(t, r.Info(facts, []string{"stats"}))
	if got["total_connections_received"] != "3" || got["keyspace_hits"] != "4" {
		t.Errorf("%s connections, %s hits", got["total_connections_received"], got["keyspace_hits"])
	}
}

func TestInstantaneousRates(t *testing.T) {
	r := newRig(t)
	turn := turnAt(1000)
	input := int64(0)
	second := func(calls int, kib int64) {
		for range 10 {
			for range calls / 10 {
				r.run(turn, callIn(turn, specGet))
			}
			r.clock.advance(100 * time.Millisecond)
			input += kib * 1024 / 10
			r.Tick(r.clock.Mono(), input, 2*input)
		}
	}
	rates := func() (ops, in, out float64) {
		t.Helper()
		facts := someFacts(r.clock)
		facts.InputBytes, facts.OutputBytes = input, 2*input
		_, got := parseInfo(t, r.Info(facts, []string{"stats"}))
		number := func(name string) float64 {
			v, err := strconv.ParseFloat(got[name], 64)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			return v
		}
		return number("instantaneous_ops_per_sec"), number("instantaneous_input_kbps"), number("instantaneous_output_kbps")
	}
	if ops, in, out := rates(); ops != 0 || in != 0 || out != 0 {
		t.Errorf("rates at the start: %v operations/s, %v and %v KiB/s, want 0", ops, in, out)
	}
	second(500, 50)
	second(1000, 100)
	second(1000, 100)
	if ops, in, out := rates(); ops != 1000 || in != 100 || out != 200 {
		t.Errorf("%v operations/s, %v and %v KiB/s, want 1000, 100 and 200", ops, in, out)
	}
	r.clock.advance(time.Minute)
	if ops, in, out := rates(); ops != 0 || in != 0 || out != 0 {
		t.Errorf("rates after an idle minute: %v operations/s, %v and %v KiB/s, want 0", ops, in, out)
	}
}

func TestReadProcess(t *testing.T) {
	p := ReadProcess()
	if p.PID == 0 || p.HeapSize == 0 || p.OS == "" {
		t.Errorf("%+v", p)
	}
	r := newRig(t)
	facts := someFacts(r.clock)
	facts.Process, facts.UsedMemory = Process{}, 0
	_, got := parseInfo(t, r.Info(facts, nil))
	if got["process_id"] != strconv.Itoa(p.PID) || got["used_memory"] == "0" {
		t.Errorf("process %s, memory %s", got["process_id"], got["used_memory"])
	}
}
