package observe

import (
	"fmt"
	"strconv"
	"time"
)

func (t *infoText) server() {
	f := t.f
	uptime := int64(f.Now.Sub(f.Started) / time.Second)
	t.text("redis_version", f.RedisVersion)
	t.text("mini_redis_version", f.Version)
	t.text("redis_git_sha1", orZero(f.Revision))
	t.text("redis_git_dirty", "0")
	t.text("redis_build_id", orZero(f.Revision))
	t.text("redis_mode", "standalone")
	t.text("os", f.Process.OS)
	t.number("arch_bits", strconv.IntSize)
	t.text("multiplexing_api", f.Multiplexing)
	t.number("process_id", int64(f.Process.PID))
	t.text("process_supervised", "no")
	t.text("run_id", f.RunID)
	t.number("tcp_port", int64(f.Port))
	t.number("server_time_usec", f.Now.UnixMicro())
	t.number("uptime_in_seconds", uptime)
	t.number("uptime_in_days", uptime/(24*60*60))
	t.number("hz", int64(f.Hz))
	t.number("configured_hz", int64(f.Hz))
	t.number("lru_clock", f.Now.Unix()&(1<<24-1))
	t.text("executable", f.Executable)
	t.text("config_file", "")
	t.number("io_threads_active", int64(min(max(f.Loops-1, 0), 1)))
	t.number("mini_redis_loops", int64(f.Loops))
}

// orZero returns the revision of the build, or redis-server's value for an unknown one.
func orZero(revision string) string {
	if revision == "" {
		return "00000000"
	}
	return revision
}

func (t *infoText) clients() {
	t.number("connected_clients", t.f.Clients)
	t.number("cluster_connections", 0)
	t.number("maxclients", t.f.MaxClients)
	t.number("blocked_clients", t.f.BlockedClients)
	t.number("tracking_clients", 0)
	t.number("pubsub_clients", t.f.PubSubClients)
}

func (t *infoText) memory() {
	f := t.f
	peak := t.o.peak.Load()
	t.size("used_memory", f.UsedMemory)
	t.size("used_memory_rss", f.Process.ResidentSize)
	t.size("used_memory_peak", peak)
	t.text("used_memory_peak_perc", fmt.Sprintf("%.2f%%", 100*ratio(f.UsedMemory, peak)))
	t.number("used_memory_dataset", f.UsedMemory)
	t.size("total_system_memory", f.Process.SystemMemory)
	t.size("used_memory_lua", 0)
	t.size("maxmemory", f.MaxMemory)
	t.text("maxmemory_policy", f.MaxMemoryPolicy)
	// The data is a part of the heap, which is what the allocator has handed out.
	heap := max(f.Process.HeapSize, f.UsedMemory)
	t.text("mem_fragmentation_ratio", fmt.Sprintf("%.2f", ratio(f.Process.ResidentSize, heap)))
	t.number("mem_fragmentation_bytes", f.Process.ResidentSize-heap)
	t.text("mem_allocator", "go")
	t.number("active_defrag_running", 0)
	t.number("lazyfree_pending_objects", 0)
}

func (t *infoText) persistence() {
	t.number("loading", 0)
	t.number("async_loading", 0)
	t.number("rdb_changes_since_last_save", t.f.Keyspace.Changes)
	t.number("rdb_bgsave_in_progress", 0)
	t.number("rdb_last_save_time", t.f.Started.Unix())
	t.text("rdb_last_bgsave_status", "ok")
	t.number("rdb_last_bgsave_time_sec", -1)
	t.number("rdb_current_bgsave_time_sec", -1)
	t.number("aof_enabled", 0)
	t.number("aof_rewrite_in_progress", 0)
	t.number("aof_rewrite_scheduled", 0)
	t.number("aof_last_rewrite_time_sec", -1)
	t.number("aof_current_rewrite_time_sec", -1)
	t.text("aof_last_bgrewrite_status", "ok")
	t.text("aof_last_write_status", "ok")
}

func (t *infoText) stats() {
	f, base := t.f, t.base
	t.total("total_connections_received", f.Accepted, base.Accepted)
	t.total("total_commands_processed", int64(t.o.processed), int64(t.o.base.processed))
	perSecond := t.rates()
	t.number("instantaneous_ops_per_sec", int64(perSecond.calls))
	t.total("total_net_input_bytes", f.InputBytes, base.InputBytes)
	t.total("total_net_output_bytes", f.OutputBytes, base.OutputBytes)
	t.text("instantaneous_input_kbps", fmt.Sprintf("%.2f", perSecond.input/1024))
	t.text("instantaneous_output_kbps", fmt.Sprintf("%.2f", perSecond.sent/1024))
	t.total("rejected_connections", f.Rejected, base.Rejected)
	t.number("sync_full", 0)
	t.number("sync_partial_ok", 0)
	t.number("sync_partial_err", 0)
	t.total("expired_keys", f.Keyspace.Expired, base.Keyspace.Expired)
	t.total("evicted_keys", f.Keyspace.Evicted, base.Keyspace.Evicted)
	t.number("evicted_clients", 0)
	t.total("keyspace_hits", f.Keyspace.Hits, base.Keyspace.Hits)
	t.total("keyspace_misses", f.Keyspace.Misses, base.Keyspace.Misses)
	t.number("pubsub_channels", f.PubSubChannels)
	t.number("pubsub_patterns", f.PubSubPatterns)
	t.number("latest_fork_usec", 0)
	t.number("total_forks", 0)
	t.number("total_error_replies", int64(t.o.errors.total()))
	t.total("client_output_buffer_limit_disconnections", f.OutputLimitKills, base.OutputLimitKills)
}

// rates returns the rates up to now. It also takes a sample, so that there are rates
// between two INFO commands if Tick is not called.
func (t *infoText) rates() sample {
	o := t.o
	now := sample{o.clock.Mono(), float64(o.processed), float64(t.f.InputBytes), float64(t.f.OutputBytes)}
	perSecond := o.rates.since(now)
	o.Tick(now.mono, t.f.InputBytes, t.f.OutputBytes)
	return perSecond
}

func (t *infoText) replication() {
	t.text("role", "master")
	t.number("connected_slaves", 0)
	t.text("master_failover_state", "no-failover")
	t.text("master_replid", t.f.RunID)
	t.text("master_replid2", "0000000000000000000000000000000000000000")
	t.number("master_repl_offset", 0)
	t.number("second_repl_offset", -1)
	t.number("repl_backlog_active", 0)
	t.number("repl_backlog_size", 0)
	t.number("repl_backlog_first_byte_offset", 0)
	t.number("repl_backlog_histlen", 0)
}

func (t *infoText) cpu() {
	t.text("used_cpu_sys", fmt.Sprintf("%.6f", t.f.Process.SystemCPU.Seconds()))
	t.text("used_cpu_user", fmt.Sprintf("%.6f", t.f.Process.UserCPU.Seconds()))
	t.text("used_cpu_sys_children", "0.000000")
	t.text("used_cpu_user_children", "0.000000")
}

func (t *infoText) commandstats() {
	t.o.each(func(c *commandStats) {
		n := c.minus(c.base)
		if !n.used() {
			return
		}
		calls, usec := n.calls(), n.ns/1000
		perCall := 0.0
		if calls > 0 {
			perCall = float64(n.ns) / 1000 / float64(calls)
		}
		t.text("cmdstat_"+c.label, fmt.Sprintf("calls=%d,usec=%d,usec_per_call=%.2f,rejected_calls=%d,failed_calls=%d",
			calls, usec, perCall, n.rejected, n.failed))
	})
}

func (t *infoText) errorstats() {
	e := &t.o.errors
	for id := range e.count {
		if n := e.since(id); n > 0 {
			t.text("errorstat_"+e.names.text(id), fmt.Sprintf("count=%d", n))
		}
	}
}

func (t *infoText) latencystats() {
	t.o.each(func(c *commandStats) {
		n := c.minus(c.base)
		if n.calls() == 0 {
			return
		}
		usec := func(q float64) float64 { return float64(t.o.partition.quantile(q, &n.cells)) / 1000 }
		t.text("latency_percentiles_usec_"+c.label,
			fmt.Sprintf("p50=%.3f,p99=%.3f,p99.9=%.3f", usec(0.5), usec(0.99), usec(0.999)))
	})
}

func (t *infoText) cluster() { t.number("cluster_enabled", 0) }

func (t *infoText) keyspace() {
	for _, db := range t.f.Keyspace.Databases {
		if db.Keys > 0 {
			t.text(fmt.Sprintf("db%d", db.Index),
				fmt.Sprintf("keys=%d,expires=%d,avg_ttl=%d", db.Keys, db.Expiring, db.AvgTTL.Milliseconds()))
		}
	}
}

// tracing writes a section that redis-server does not have.
func (t *infoText) tracing() {
	o := t.o
	t.number("spans_remote", int64(o.emitted[fromRemote].Load()))
	t.number("spans_root", int64(o.emitted[fromRoot].Load()))
	t.number("spans_pending", o.pending.count.Load())
	t.number("spans_pending_bytes", o.pending.bytes.Load())
	t.number("spans_dropped_rate", int64(o.overRate))
	t.number("spans_dropped_pending", int64(o.overPending))
	t.number("spans_dropped_queue", int64(o.overQueue.Load()))
	t.number("contexts_invalid", int64(o.invalid))
}
