package observe

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// singleValue is a metric without labels.
type singleValue struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	read func(*snapshot) float64
}

// singleValues lists the metrics without labels.
func singleValues() []singleValue {
	return append(redisValues(), ownValues()...)
}

func newSingleValue(kind prometheus.ValueType, name, help string, read func(*snapshot) float64) singleValue {
	return singleValue{prometheus.NewDesc(name, help, nil, nil), kind, read}
}

// redisValues lists those with redis_exporter's names.
func redisValues() []singleValue {
	g := func(name, help string, read func(*Facts) float64) singleValue {
		return newSingleValue(prometheus.GaugeValue, name, help, func(s *snapshot) float64 { return read(&s.facts) })
	}
	c := func(name, help string, read func(*Facts) float64) singleValue {
		return newSingleValue(prometheus.CounterValue, name, help, func(s *snapshot) float64 { return read(&s.facts) })
	}
	return []singleValue{
		g("redis_up", "Always 1: the server has answered the scrape.",
			func(*Facts) float64 { return 1 }),
		g("redis_uptime_in_seconds", "Time since the start of the server, in whole seconds.",
			func(f *Facts) float64 { return f.Now.Sub(f.Started).Truncate(time.Second).Seconds() }),
		g("redis_start_time_seconds", "Unix time at which the server started, in seconds.",
			func(f *Facts) float64 { return float64(f.Started.UnixNano()) / 1e9 }),
		g("redis_process_id", "Process ID of the server.",
			func(f *Facts) float64 { return float64(f.Process.PID) }),

		g("redis_connected_clients", "Number of open client connections.",
			func(f *Facts) float64 { return float64(f.Clients) }),
		g("redis_blocked_clients", "Number of clients that wait for a key (BLPOP).",
			func(f *Facts) float64 { return float64(f.BlockedClients) }),
		g("redis_pubsub_clients",
			"Number of clients that are subscribed to a channel or a pattern.",
			func(f *Facts) float64 { return float64(f.PubSubClients) }),
		g("redis_max_clients", "Maximum number of client connections (maxclients).",
			func(f *Facts) float64 { return float64(f.MaxClients) }),
		g("redis_config_maxclients", "Value of the configuration parameter maxclients.",
			func(f *Facts) float64 { return float64(f.MaxClients) }),
		c("redis_connections_received_total", "Number of accepted client connections.",
			func(f *Facts) float64 { return float64(f.Accepted) }),
		c("redis_rejected_connections_total",
			"Number of connections rejected because of maxclients.",
			func(f *Facts) float64 { return float64(f.Rejected) }),
		c("redis_net_input_bytes_total", "Number of bytes read from clients.",
			func(f *Facts) float64 { return float64(f.InputBytes) }),
		c("redis_net_output_bytes_total", "Number of bytes written to clients.",
			func(f *Facts) float64 { return float64(f.OutputBytes) }),

		g("redis_memory_used_bytes", "Memory of the keys and values in bytes.",
			func(f *Facts) float64 { return float64(f.UsedMemory) }),
		g("redis_memory_used_rss_bytes", "Resident memory of the process in bytes.",
			func(f *Facts) float64 { return float64(f.Process.ResidentSize) }),
		g("redis_memory_max_bytes",
			"Memory limit of the keys and values in bytes; 0 means no limit.",
			func(f *Facts) float64 { return float64(f.MaxMemory) }),
		g("redis_config_maxmemory", "Value of the configuration parameter maxmemory in bytes.",
			func(f *Facts) float64 { return float64(f.MaxMemory) }),
		c("redis_cpu_sys_seconds_total", "System CPU time of the process in seconds.",
			func(f *Facts) float64 { return f.Process.SystemCPU.Seconds() }),
		c("redis_cpu_user_seconds_total", "User CPU time of the process in seconds.",
			func(f *Facts) float64 { return f.Process.UserCPU.Seconds() }),

		c("redis_keyspace_hits_total", "Number of reads of keys that exist.",
			func(f *Facts) float64 { return float64(f.Keyspace.Hits) }),
		c("redis_keyspace_misses_total", "Number of reads of keys that do not exist.",
			func(f *Facts) float64 { return float64(f.Keyspace.Misses) }),
		c("redis_expired_keys_total", "Number of keys deleted because they expired.",
			func(f *Facts) float64 { return float64(f.Keyspace.Expired) }),
		c("redis_evicted_keys_total", "Number of keys deleted because of the memory limit.",
			func(f *Facts) float64 { return float64(f.Keyspace.Evicted) }),
		g("redis_pubsub_channels", "Number of channels that have subscribers.",
			func(f *Facts) float64 { return float64(f.PubSubChannels) }),
		g("redis_pubsub_patterns", "Number of patterns that have subscribers.",
			func(f *Facts) float64 { return float64(f.PubSubPatterns) }),
		g("redis_connected_slaves", "Number of replicas; always 0.",
			func(*Facts) float64 { return 0 }),
		newSingleValue(prometheus.CounterValue, "redis_commands_processed_total",
			"Number of executed commands.",
			func(s *snapshot) float64 { return float64(s.processed) }),
	}
}

// ownValues lists those that redis_exporter does not have.
func ownValues() []singleValue {
	g := func(name, help string, read func(*snapshot) float64) singleValue {
		return newSingleValue(prometheus.GaugeValue, name, help, read)
	}
	c := func(name, help string, read func(*snapshot) float64) singleValue {
		return newSingleValue(prometheus.CounterValue, name, help, read)
	}
	return []singleValue{
		c("mini_redis_trace_context_invalid_total",
			"Number of TRACED requests whose trace context could not be parsed.",
			func(s *snapshot) float64 { return float64(s.invalid) }),
		c("mini_redis_loop_wait_seconds_total",
			"Time in seconds from the wake-ups of the event loops until they asked for the execution lock: reading and parsing.",
			func(s *snapshot) float64 { return float64(s.batch.wakes) / 1e9 }),
		c("mini_redis_lock_wait_seconds_total",
			"Time in seconds that event loops waited for the execution lock, once for each batch.",
			func(s *snapshot) float64 { return float64(s.batch.locks) / 1e9 }),
		c("mini_redis_output_limit_disconnections_total",
			"Number of connections closed because their unsent output exceeded its limit.",
			func(s *snapshot) float64 { return float64(s.facts.OutputLimitKills) }),
		g("mini_redis_loops", "Number of event loops; 0 if each connection has its own goroutine.",
			func(s *snapshot) float64 { return float64(s.facts.Loops) }),
	}
}

// descs describes the metrics with labels or with a type of their own.
type descs struct {
	info, build                                           *prometheus.Desc
	keys, expiring, ttl                                   *prometheus.Desc
	commands, seconds, rejected, failed, errors, duration *prometheus.Desc
	batch, spans, dropped, pending, pendingBytes, peak    *prometheus.Desc
}

func newDescs() descs {
	d := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return descs{
		info: d("redis_instance_info",
			"Properties of the server, from INFO; the value is always 1.",
			"role", "redis_version", "redis_build_id", "redis_mode", "os", "maxmemory_policy",
			"tcp_port", "run_id", "process_id", "master_replid"),
		build: d("mini_redis_build_info",
			"Version and revision of mini-redis; the value is always 1.", "version", "revision"),
		peak: d("redis_memory_used_peak_bytes",
			"Largest value of redis_memory_used_bytes at any scrape or INFO."),
		keys: d("redis_db_keys", "Number of keys in the database.", "db"),
		expiring: d("redis_db_keys_expiring",
			"Number of keys in the database that have an expiration time.", "db"),
		ttl: d("redis_db_avg_ttl_seconds",
			"Average time to live of the database's keys that have an expiration time, in seconds.", "db"),
		commands: d("redis_commands_total", "Number of executions of the command.", "cmd"),
		seconds: d("redis_commands_duration_seconds_total",
			"Execution time of the command in seconds, without waiting for keys.", "cmd"),
		rejected: d("redis_commands_rejected_calls_total",
			"Number of calls of the command that were refused before execution.", "cmd"),
		failed: d("redis_commands_failed_calls_total",
			"Number of executions of the command that returned an error.", "cmd"),
		errors: d("redis_errors_total", "Number of error replies by error code.", "err"),
		duration: d("mini_redis_command_duration_seconds",
			"Execution time of a command in seconds, without waiting for keys.", "cmd"),
		batch: d("mini_redis_batch_size",
			"Number of commands executed in one batch, under one hold of the execution lock."),
		spans: d("mini_redis_spans_total",
			"Number of spans passed to the exporter, by where their trace started: remote (at the caller) or root (here).", "origin"),
		dropped: d("mini_redis_spans_dropped_total",
			"Number of spans that were not created or not exported, by reason: rate (-trace-spans-max), "+
				"pending (too many spans whose replies have not been sent) or queue (the exporter's queue is full).", "reason"),
		pending: d("mini_redis_spans_pending",
			"Number of spans whose replies have not been sent."),
		pendingBytes: d("mini_redis_spans_pending_bytes",
			"Memory in bytes of the spans whose replies have not been sent."),
	}
}

// each calls f for every description.
func (d *descs) each(f func(*prometheus.Desc)) {
	for _, desc := range []*prometheus.Desc{
		d.info, d.build, d.keys, d.expiring, d.ttl, d.commands, d.seconds, d.rejected, d.failed, d.errors,
		d.duration, d.batch, d.spans, d.dropped, d.pending, d.pendingBytes, d.peak,
	} {
		f(desc)
	}
}

func (c *collector) instance(ch chan<- prometheus.Metric) {
	f := &c.snap.facts
	gauge(ch, c.descs.info, 1, "master", f.RedisVersion, orZero(f.Revision), "standalone", f.Process.OS,
		f.MaxMemoryPolicy, strconv.Itoa(f.Port), f.RunID, strconv.Itoa(f.Process.PID), f.RunID)
	gauge(ch, c.descs.build, 1, f.Version, f.Revision)
	gauge(ch, c.descs.peak, float64(c.o.peak.Load()))
}

// databases writes the metrics of each database. There are always some of db0.
func (c *collector) databases(ch chan<- prometheus.Metric) {
	list := c.snap.facts.Keyspace.Databases
	if len(list) == 0 || list[0].Index != 0 {
		list = append([]Database{{}}, list...)
	}
	for _, db := range list {
		name := "db" + strconv.Itoa(db.Index)
		gauge(ch, c.descs.keys, float64(db.Keys), name)
		gauge(ch, c.descs.expiring, float64(db.Expiring), name)
		gauge(ch, c.descs.ttl, db.AvgTTL.Seconds(), name)
	}
}
