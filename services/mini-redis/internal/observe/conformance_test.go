package observe

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"mini-redis/internal/docpage"
	"mini-redis/internal/telemetry"
	"mini-redis/services/mini-redis/internal/command"
	"mini-redis/services/mini-redis/internal/engine"
)

// allowed are the attributes that spans may have, with their types, as the
// conventions for databases (redis) and for the ends of a connection define them.
func allowed() map[attribute.Key]attribute.Type {
	return map[attribute.Key]attribute.Type{
		semconv.DBSystemNameKey:         attribute.STRING,
		semconv.DBOperationNameKey:      attribute.STRING,
		semconv.DBNamespaceKey:          attribute.STRING,
		semconv.DBResponseStatusCodeKey: attribute.STRING,
		semconv.ErrorTypeKey:            attribute.STRING,
		semconv.ServerAddressKey:        attribute.STRING,
		semconv.ServerPortKey:           attribute.INT64,
		semconv.ClientAddressKey:        attribute.STRING,
		semconv.ClientPortKey:           attribute.INT64,
		semconv.NetworkPeerAddressKey:   attribute.STRING,
		semconv.NetworkPeerPortKey:      attribute.INT64,

		"mini_redis.phase.queue_ns":   attribute.INT64,
		"mini_redis.phase.lock_ns":    attribute.INT64,
		"mini_redis.phase.blocked_ns": attribute.INT64,
		"mini_redis.phase.exec_ns":    attribute.INT64,
		"mini_redis.phase.flush_ns":   attribute.INT64,
	}
}

// required are those that every span has.
func required() []attribute.Key {
	list := slices.Collect(maps.Keys(allowed()))
	return slices.DeleteFunc(list, func(k attribute.Key) bool {
		return k == semconv.ErrorTypeKey || k == semconv.DBResponseStatusCodeKey
	})
}

// exported sends calls through the program's sink to an exporter, as they leave
// the process.
func exported(t testing.TB, calls ...engine.Call) []sdktrace.ReadOnlySpan {
	t.Helper()
	exporter := tracetest.NewInMemoryExporter()
	sink := telemetry.NewSink(exporter, telemetry.SinkOptions{})
	r := newRig(t, func(o *Options) { o.Sink = sink })
	turn := turnAt(1000)
	var pending []engine.Pending
	for i := range calls {
		c := &calls[i]
		c.Session, c.Parent, c.Traced = newSession(), sampled(), true
		c.Start, c.End = turn.LockGot+int64(i)*1000, turn.LockGot+int64(i+1)*1000
		pending = append(pending, r.Command(turn, c))
	}
	r.Flushed(pending, turn.LockGot+int64(len(calls)+1)*1000)
	if err := sink.ForceFlush(t.Context()); err != nil {
		t.Fatal(err)
	}
	spans := exporter.GetSpans().Snapshots()
	if err := sink.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	return spans
}

const secret = "s3cr3t"

func TestSpansFollowTheConventions(t *testing.T) {
	args := func(words ...string) [][]byte { return bytesOf(words...) }
	spans := exported(t,
		engine.Call{Spec: specGet, Args: args("get", secret)},
		engine.Call{Spec: specSet, Args: args("SET", secret, secret), Error: "WRONGTYPE"},
		engine.Call{Spec: specNamed, Args: args("client", "setname", secret)},
		engine.Call{Spec: nil, Args: args(secret, secret), Error: "ERR", Rejected: true},
		engine.Call{Spec: specSet, Args: args("SET", secret, secret), Nested: true},
		engine.Call{Spec: specExec, Args: args("EXEC")},
	)
	names := []string{"GET", "SET", "CLIENT SETNAME", "_OTHER", "SET", "EXEC"}
	if len(spans) != len(names) {
		t.Fatalf("%d spans, want %d", len(spans), len(names))
	}
	types := allowed()
	for i, span := range spans {
		if span.Name() != names[i] {
			t.Errorf("span %d is %q, want %q", i, span.Name(), names[i])
		}
		if span.SpanKind() != trace.SpanKindServer {
			t.Errorf("%s: kind %v", span.Name(), span.SpanKind())
		}
		if s := span.InstrumentationScope(); s.Name != scopeName || s.Version != "1.2.3" {
			t.Errorf("%s: scope %+v", span.Name(), s)
		}
		got := map[attribute.Key]attribute.Value{}
		for _, kv := range span.Attributes() {
			got[kv.Key] = kv.Value
			if want, ok := types[kv.Key]; !ok || kv.Value.Type() != want {
				t.Errorf("%s: attribute %s of type %v is not in the conventions", span.Name(), kv.Key, kv.Value.Type())
			}
		}
		for _, key := range required() {
			if _, ok := got[key]; !ok {
				t.Errorf("%s: no attribute %s", span.Name(), key)
			}
		}
		if v := got[semconv.DBSystemNameKey]; v.AsString() != "redis" {
			t.Errorf("%s: %s is %v", span.Name(), semconv.DBSystemNameKey, v.AsString())
		}
		if v := got[semconv.DBOperationNameKey]; v.AsString() != span.Name() {
			t.Errorf("%s: operation %v", span.Name(), v.AsString())
		}
		mustStatus(t, span, got)
		mustHideSecrets(t, span)
	}
}

// The command table gives every command its names: upper case and words in
// spans, lower case in metrics.
func TestEveryCommandHasItsNames(t *testing.T) {
	all := engine.NewTable(command.All()).All()
	if len(all) == 0 {
		t.Fatal("no commands")
	}
	ids := map[int]string{}
	for _, spec := range all {
		if want := strings.ToUpper(strings.ReplaceAll(spec.Name, "|", " ")); spec.Operation != want {
			t.Errorf("%s is %q in spans, want %q", spec.Name, spec.Operation, want)
		}
		if spec.Name != strings.ToLower(spec.Name) {
			t.Errorf("%s is not in lower case", spec.Name)
		}
		if other, twice := ids[spec.ID]; twice {
			t.Errorf("%s and %s have the same number", spec.Name, other)
		}
		ids[spec.ID] = spec.Name
	}
	if top := slices.Max(slices.Collect(maps.Keys(ids))); top >= 2*len(all) {
		t.Errorf("the numbers of %d commands go up to %d: statistics are a list", len(all), top)
	}
}

// mustStatus checks what the conventions say of failed and of good operations.
func mustStatus(t testing.TB, span sdktrace.ReadOnlySpan, attrs map[attribute.Key]attribute.Value) {
	t.Helper()
	code, failed := attrs[semconv.DBResponseStatusCodeKey]
	if got := span.Status(); (got.Code == codes.Error) != failed || got.Description != "" {
		t.Errorf("%s: status %+v, response code %q", span.Name(), got, code.AsString())
	}
	if errorType, ok := attrs[semconv.ErrorTypeKey]; ok != failed || errorType.AsString() != code.AsString() {
		t.Errorf("%s: error.type %q, response code %q", span.Name(), errorType.AsString(), code.AsString())
	}
}

// mustHideSecrets checks that nothing of a request's arguments is in the span.
func mustHideSecrets(t testing.TB, span sdktrace.ReadOnlySpan) {
	t.Helper()
	if text := fmt.Sprint(tracetest.SpanStubFromReadOnlySpan(span)); strings.Contains(text, secret) {
		t.Errorf("%s holds an argument: %s", span.Name(), text)
	}
}

// dashboard are the metrics that redis_exporter's dashboards and alerts read,
// with the labels they group by.
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
			t.Errorf("%s is neither redis_exporter's nor ours", name)
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
			t.Errorf("no %s", name)
		}
	}
}

// docs/telemetry.md knows every attribute.
func TestDocsOfAttributes(t *testing.T) {
	page := docpage.Text(t, "telemetry.md")
	for key := range allowed() {
		if !strings.Contains(page, "`"+string(key)+"`") {
			t.Errorf("docs/telemetry.md does not mention %s", key)
		}
	}
}
