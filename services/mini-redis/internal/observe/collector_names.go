package observe

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// figure is a metric of one series: a name, and where its value is.
type figure struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*snapshot) float64
}

func newFigure(kind prometheus.ValueType, name, help string, value func(*snapshot) float64) figure {
	return figure{prometheus.NewDesc(name, help, nil, nil), kind, value}
}

// figures lists the metrics of one series. The redis_* names are redis_exporter's.
func figures() []figure {
	return append(redisFigures(), ownFigures()...)
}

func redisFigures() []figure {
	g := func(name, help string, value func(*Facts) float64) figure {
		return newFigure(prometheus.GaugeValue, name, help, func(s *snapshot) float64 { return value(&s.facts) })
	}
	c := func(name, help string, value func(*Facts) float64) figure {
		return newFigure(prometheus.CounterValue, name, help, func(s *snapshot) float64 { return value(&s.facts) })
	}
	return []figure{
		g("redis_up", "Whether the server answers.", func(*Facts) float64 { return 1 }),
		g("redis_uptime_in_seconds", "Time since the server started.",
			func(f *Facts) float64 { return f.Now.Sub(f.Started).Truncate(time.Second).Seconds() }),
		g("redis_start_time_seconds", "When the server started, in Unix time.",
			func(f *Facts) float64 { return float64(f.Started.UnixNano()) / 1e9 }),
		g("redis_process_id", "Process id of the server.", func(f *Facts) float64 { return float64(f.Process.PID) }),

		g("redis_connected_clients", "Connections now.", func(f *Facts) float64 { return float64(f.Clients) }),
		g("redis_blocked_clients", "Connections that wait for a key.", func(f *Facts) float64 { return float64(f.BlockedClients) }),
		g("redis_pubsub_clients", "Connections that subscribe.", func(f *Facts) float64 { return float64(f.PubSubClients) }),
		g("redis_max_clients", "Most connections allowed.", func(f *Facts) float64 { return float64(f.MaxClients) }),
		g("redis_config_maxclients", "Most connections allowed, as CONFIG has it.", func(f *Facts) float64 { return float64(f.MaxClients) }),
		c("redis_connections_received_total", "Connections accepted.", func(f *Facts) float64 { return float64(f.Accepted) }),
		c("redis_rejected_connections_total", "Connections over the limit.", func(f *Facts) float64 { return float64(f.Rejected) }),
		c("redis_net_input_bytes_total", "Bytes read from clients.", func(f *Facts) float64 { return float64(f.InputBytes) }),
		c("redis_net_output_bytes_total", "Bytes written to clients.", func(f *Facts) float64 { return float64(f.OutputBytes) }),

		g("redis_memory_used_bytes", "Memory used by the data.", func(f *Facts) float64 { return float64(f.UsedMemory) }),
		g("redis_memory_used_rss_bytes", "Memory of the process in RAM.", func(f *Facts) float64 { return float64(f.Process.ResidentSize) }),
		g("redis_memory_max_bytes", "Memory limit of the data, 0 without one.", func(f *Facts) float64 { return float64(f.MaxMemory) }),
		g("redis_config_maxmemory", "Memory limit of the data, as CONFIG has it.", func(f *Facts) float64 { return float64(f.MaxMemory) }),
		c("redis_cpu_sys_seconds_total", "Processor time in the kernel.", func(f *Facts) float64 { return f.Process.SystemCPU.Seconds() }),
		c("redis_cpu_user_seconds_total", "Processor time outside of the kernel.", func(f *Facts) float64 { return f.Process.UserCPU.Seconds() }),

		c("redis_keyspace_hits_total", "Reads that found their key.", func(f *Facts) float64 { return float64(f.Keyspace.Hits) }),
		c("redis_keyspace_misses_total", "Reads that did not.", func(f *Facts) float64 { return float64(f.Keyspace.Misses) }),
		c("redis_expired_keys_total", "Keys removed when their time was over.", func(f *Facts) float64 { return float64(f.Keyspace.Expired) }),
		c("redis_evicted_keys_total", "Keys removed to make room.", func(f *Facts) float64 { return float64(f.Keyspace.Evicted) }),
		g("redis_pubsub_channels", "Channels with subscribers.", func(f *Facts) float64 { return float64(f.PubSubChannels) }),
		g("redis_pubsub_patterns", "Patterns with subscribers.", func(f *Facts) float64 { return float64(f.PubSubPatterns) }),
		g("redis_connected_slaves", "Replicas.", func(*Facts) float64 { return 0 }),
		newFigure(prometheus.CounterValue, "redis_commands_processed_total", "Commands executed.",
			func(s *snapshot) float64 { return float64(s.processed) }),
	}
}

func ownFigures() []figure {
	g := func(name, help string, value func(*snapshot) float64) figure {
		return newFigure(prometheus.GaugeValue, name, help, value)
	}
	c := func(name, help string, value func(*snapshot) float64) figure {
		return newFigure(prometheus.CounterValue, name, help, value)
	}
	return []figure{
		c("mini_redis_trace_context_invalid_total", "Contexts that came with TRACED and could not be understood.",
			func(s *snapshot) float64 { return float64(s.invalid) }),
		c("mini_redis_loop_wait_seconds_total", "Time from waking up to asking for the execution lock: reading and parsing.",
			func(s *snapshot) float64 { return float64(s.batch.wakes) / 1e9 }),
		c("mini_redis_lock_wait_seconds_total", "Time spent waiting for the execution lock, once for each batch.",
			func(s *snapshot) float64 { return float64(s.batch.locks) / 1e9 }),
		c("mini_redis_output_limit_disconnections_total", "Clients closed because they did not read their replies.",
			func(s *snapshot) float64 { return float64(s.facts.OutputLimitKills) }),
		g("mini_redis_loops", "Loops that read and write connections.",
			func(s *snapshot) float64 { return float64(s.facts.Loops) }),
	}
}

// descs are the metrics of several series.
type descs struct {
	info, build                                           *prometheus.Desc
	keys, expiring, ttl                                   *prometheus.Desc
	commands, seconds, rejected, failed, errors, duration *prometheus.Desc
	batch, spans, dropped, pending, peak                  *prometheus.Desc
}

func newDescs() descs {
	d := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return descs{
		info: d("redis_instance_info", "What the server says of itself in INFO; the value is 1.",
			"role", "redis_version", "redis_build_id", "redis_mode", "os", "maxmemory_policy",
			"tcp_port", "run_id", "process_id", "master_replid"),
		build:    d("mini_redis_build_info", "Version of mini-redis; the value is 1.", "version", "revision"),
		peak:     d("redis_memory_used_peak_bytes", "Most memory that was seen in use."),
		keys:     d("redis_db_keys", "Keys of a database.", "db"),
		expiring: d("redis_db_keys_expiring", "Keys of a database that have a time to live.", "db"),
		ttl:      d("redis_db_avg_ttl_seconds", "Average time to live of those that have one.", "db"),
		commands: d("redis_commands_total", "Executions of a command.", "cmd"),
		seconds:  d("redis_commands_duration_seconds_total", "Time spent executing a command, without waiting for keys.", "cmd"),
		rejected: d("redis_commands_rejected_calls_total", "Calls of a command refused before it ran.", "cmd"),
		failed:   d("redis_commands_failed_calls_total", "Executions of a command answered with an error.", "cmd"),
		errors:   d("redis_errors_total", "Error replies by their code.", "err"),
		duration: d("mini_redis_command_duration_seconds", "Time of executing a command, without waiting for keys.", "cmd"),
		batch:    d("mini_redis_batch_size", "Commands that were executed under one hold of the execution lock."),
		spans:    d("mini_redis_spans_total", "Spans handed to the exporter, by who began their trace.", "origin"),
		dropped:  d("mini_redis_spans_dropped_total", "Spans of sampled callers that were not made or not taken.", "reason"),
		pending:  d("mini_redis_spans_pending", "Spans whose reply has not left yet."),
	}
}

// each calls f for every one of them.
func (d *descs) each(f func(*prometheus.Desc)) {
	for _, desc := range []*prometheus.Desc{
		d.info, d.build, d.keys, d.expiring, d.ttl, d.commands, d.seconds, d.rejected, d.failed, d.errors,
		d.duration, d.batch, d.spans, d.dropped, d.pending, d.peak,
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

// databases writes the figures of the databases; db0 always has some.
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
