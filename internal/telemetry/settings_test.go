package telemetry

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
)

func TestInvalidSettingIsNamedInTheError(t *testing.T) {
	f := func(setting string, more ...string) {
		t.Helper()
		name, _, _ := strings.Cut(setting, "=")
		tel, err := Start(t.Context(), Options{Getenv: environment(append(more, setting)...), Logger: slog.New(slog.DiscardHandler)})
		if err == nil {
			_ = tel.Shutdown(t.Context())
			t.Errorf("%s was accepted", setting)
			return
		}
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%s: the error does not name the setting: %v", setting, err)
		}
	}
	f("OTEL_SDK_DISABLED=yes")
	f("OTEL_PROPAGATORS=tracecontext,zipkin")
	f("OTEL_PROPAGATORS=zipkin")
	f("OTEL_TRACES_SAMPLER=sometimes")
	f("OTEL_TRACES_SAMPLER_ARG=1.5", "OTEL_TRACES_SAMPLER=traceidratio")
	f("OTEL_TRACES_SAMPLER_ARG=-1", "OTEL_TRACES_SAMPLER=traceidratio")
	f("OTEL_TRACES_SAMPLER_ARG=NaN", "OTEL_TRACES_SAMPLER=parentbased_traceidratio")
	f("OTEL_TRACES_SAMPLER_ARG=half", "OTEL_TRACES_SAMPLER=parentbased_traceidratio")
	f("OTEL_TRACES_EXPORTER=zipkin")
	f("OTEL_METRICS_EXPORTER=statsd")
	f("OTEL_METRICS_EXPORTER=otlp,prometheus")
	f("OTEL_METRICS_EXEMPLAR_FILTER=some")
	f("OTEL_BSP_MAX_QUEUE_SIZE=0")
	f("OTEL_BSP_MAX_QUEUE_SIZE=many")
	f("OTEL_BSP_MAX_EXPORT_BATCH_SIZE=11", "OTEL_BSP_MAX_QUEUE_SIZE=10")
	f("OTEL_BSP_SCHEDULE_DELAY=5s")
	f("OTEL_BSP_EXPORT_TIMEOUT=-1")
	f("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT=-1")
	f("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT=x")
	f("OTEL_METRIC_EXPORT_INTERVAL=0")
	f("OTEL_METRIC_EXPORT_TIMEOUT=1m")
	f("OTEL_RESOURCE_ATTRIBUTES=service.name")
	f("OTEL_RESOURCE_ATTRIBUTES=a=%zz")
	f("OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf")
	f("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/json")
	f("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL=http/json")
	f("OTEL_EXPORTER_OTLP_TIMEOUT=10s")
	f("OTEL_EXPORTER_OTLP_COMPRESSION=zstd")
	f("OTEL_EXPORTER_OTLP_HEADERS=authorization")
	f("OTEL_EXPORTER_OTLP_INSECURE=1")
	f("OTEL_EXPORTER_OTLP_ENDPOINT=ftp://host:4317")
	f("OTEL_EXPORTER_OTLP_ENDPOINT=http://host:4317/v1/traces")
	f("OTEL_EXPORTER_OTLP_ENDPOINT=http://user:secret@host:4317")
	f("OTEL_EXPORTER_OTLP_ENDPOINT=http://")
	f("OTEL_EXPORTER_OTLP_ENDPOINT=host:port")
	f("OTEL_EXPORTER_OTLP_ENDPOINT=host:0")
	f("OTEL_EXPORTER_OTLP_ENDPOINT=a:b:c")
	f("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=unix:relative")
	f("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE=x.pem")
	f("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=sideways")
}

func TestUnreadableCertificatesAreErrors(t *testing.T) {
	for _, name := range []string{"OTEL_EXPORTER_OTLP_CERTIFICATE", "OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE"} {
		if _, err := Start(t.Context(), Options{Getenv: environment(name + "=/does/not/exist.pem"), Logger: slog.New(slog.DiscardHandler)}); err == nil {
			t.Errorf("%s: a missing file was accepted", name)
		}
	}
	_, err := Start(t.Context(), Options{Logger: slog.New(slog.DiscardHandler), Getenv: environment(
		"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE=/does/not/exist.pem", "OTEL_EXPORTER_OTLP_CLIENT_KEY=/does/not/exist.key")})
	if err == nil {
		t.Error("a missing client certificate was accepted")
	}
}

func TestErrorsDoNotContainHeaderValues(t *testing.T) {
	_, err := Start(t.Context(), Options{Getenv: environment("OTEL_EXPORTER_OTLP_HEADERS=authorization=hunter2%zz,hunter3"), Logger: slog.New(slog.DiscardHandler)})
	if err == nil || strings.Contains(err.Error(), "hunter") {
		t.Errorf("error: %v", err)
	}
}

func TestErrorNamesEveryInvalidSetting(t *testing.T) {
	_, err := readSettings(environment("OTEL_BSP_MAX_QUEUE_SIZE=x", "OTEL_TRACES_SAMPLER=y"), slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "OTEL_BSP_MAX_QUEUE_SIZE") || !strings.Contains(err.Error(), "OTEL_TRACES_SAMPLER") {
		t.Errorf("error: %v", err)
	}
}

func mustSettings(t *testing.T, values ...string) settings {
	t.Helper()
	s, err := readSettings(environment(values...), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatalf("%v: %v", values, err)
	}
	return s
}

func TestDefaultsMatchTheSpecification(t *testing.T) {
	s := mustSettings(t)
	if s.traces == nil || s.metrics == nil || s.traces.address != "localhost:4317" || !s.traces.plaintext || s.traces.timeout != 10*time.Second {
		t.Errorf("traces %+v, metrics %+v", s.traces, s.metrics)
	}
	if s.traces.dialConfig != s.metrics.dialConfig {
		t.Error("the two signals have different connection settings")
	}
	if got := s.sampler.Description(); !strings.HasPrefix(got, "ParentBased{root:AlwaysOnSampler") {
		t.Errorf("sampler %s", got)
	}
	if got := s.propagator.Fields(); !slices.Contains(got, "traceparent") || !slices.Contains(got, "baggage") {
		t.Errorf("propagator %v", got)
	}
	q := s.queue.withDefaults()
	if q.MaxQueueSize != 2048 || q.MaxExportBatchSize != 512 || q.ScheduleDelay != 5*time.Second || q.ExportTimeout != 30*time.Second {
		t.Errorf("queue %+v", q)
	}
	if s.pushInterval != time.Minute || s.pushTimeout != 30*time.Second {
		t.Errorf("push every %v, within %v", s.pushInterval, s.pushTimeout)
	}
	if q := mustSettings(t, "OTEL_BSP_MAX_QUEUE_SIZE=10", "OTEL_BSP_EXPORT_TIMEOUT=0").queue.withDefaults(); q.MaxExportBatchSize != 10 || q.ExportTimeout > 0 {
		t.Errorf("small queue %+v", q)
	}
}

func TestSamplersAndPropagatorsByName(t *testing.T) {
	f := func(want string, values ...string) {
		t.Helper()
		if got := mustSettings(t, values...).sampler.Description(); !strings.HasPrefix(got, want) {
			t.Errorf("%v: %s, want %s", values, got, want)
		}
	}
	f("AlwaysOnSampler", "OTEL_TRACES_SAMPLER=always_on")
	f("AlwaysOffSampler", "OTEL_TRACES_SAMPLER=always_off")
	f("TraceIDRatioBased{0.25}", "OTEL_TRACES_SAMPLER=traceidratio", "OTEL_TRACES_SAMPLER_ARG=0.25")
	f("ParentBased{root:AlwaysOffSampler", "OTEL_TRACES_SAMPLER=parentbased_always_off")
	f("ParentBased{root:TraceIDRatioBased{0.5}", "OTEL_TRACES_SAMPLER=PARENTBASED_TRACEIDRATIO", "OTEL_TRACES_SAMPLER_ARG= 0.5 ")
	f("ParentBased{root:AlwaysOnSampler", "OTEL_TRACES_SAMPLER= ") // blank is unset

	p := mustSettings(t, "OTEL_PROPAGATORS=b3multi, xray").propagator.Fields()
	if !slices.Contains(p, "x-b3-traceid") || !slices.Contains(p, "X-Amzn-Trace-Id") {
		t.Errorf("propagator %v", p)
	}
	if p := mustSettings(t, "OTEL_PROPAGATORS=none").propagator.Fields(); len(p) != 0 {
		t.Errorf("propagator none: %v", p)
	}
}

func TestEndpoints(t *testing.T) {
	f := func(wantAddress string, wantPlain bool, values ...string) {
		t.Helper()
		x := mustSettings(t, values...).traces
		if x.address != wantAddress || x.plaintext != wantPlain {
			t.Errorf("%v: %s plaintext %v, want %s plaintext %v", values, x.address, x.plaintext, wantAddress, wantPlain)
		}
	}
	const e = "OTEL_EXPORTER_OTLP_ENDPOINT="
	f("localhost:4317", true)
	f("localhost:4317", true, e)
	f("localhost:4317", true, e+"localhost")
	f("127.0.0.1:5000", true, e+"127.0.0.1:5000")
	f("[::1]:5000", true, e+"[::1]:5000")
	f("[::1]:4317", true, e+"[::1]")
	f("[2001:db8::1]:4317", false, e+"2001:db8::1")
	f("collector:4317", false, e+"collector:4317")
	f("collector:4317", true, e+"collector:4317", "OTEL_EXPORTER_OTLP_INSECURE=true")
	f("collector:4317", true, e+"http://collector")
	f("collector:4317", true, e+"http://collector:4317/")
	f("collector:443", false, e+"https://collector")
	f("localhost:4317", false, e+"https://localhost:4317")
	f("localhost:4317", false, e+"https://localhost:4317", "OTEL_EXPORTER_OTLP_INSECURE=true") // the scheme decides
	f("localhost:4317", false, "OTEL_EXPORTER_OTLP_INSECURE=false")
	f("localhost:4317", false, "OTEL_EXPORTER_OTLP_CERTIFICATE=ca.pem")
	f("unix:///run/otel.sock", true, e+"unix:///run/otel.sock")
	f("traces:1", true, e+"https://both:2", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://traces:1")
	f("both:2", false, e+"https://both:2", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=http://metrics:1")

	m := mustSettings(t, e+"http://both:2", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=http://metrics:1", "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT=7").metrics
	if m.address != "metrics:1" || m.timeout != 7*time.Millisecond {
		t.Errorf("metrics: %+v", m)
	}
	if s := mustSettings(t, e+"nonsense://x", "OTEL_TRACES_EXPORTER=none", "OTEL_METRICS_EXPORTER=none"); s.traces != nil || s.metrics != nil {
		t.Error("there are exporter settings although no exporter is enabled")
	}
}

func TestEnvironmentOverridesOptionsInResource(t *testing.T) {
	o := Options{Service: "mini-redis", Version: "v1", Attributes: []attribute.KeyValue{attribute.String("load.run.id", "theirs")}}
	f := func(want map[string]string, values ...string) {
		t.Helper()
		res, err := newResource(context.Background(), &env{get: environment(values...)}, o)
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range want {
			if got, _ := res.Set().Value(attribute.Key(k)); got.AsString() != v {
				t.Errorf("%v: %s = %q, want %q", values, k, got.AsString(), v)
			}
		}
	}
	f(map[string]string{"service.name": "mini-redis", "service.version": "v1", "load.run.id": "theirs"})
	f(map[string]string{"service.name": "from-list", "service.instance.id": "pod 1", "service.namespace": "ns", "load.run.id": "mine", "service.version": "v1"},
		"OTEL_RESOURCE_ATTRIBUTES=service.name=from-list, service.instance.id=pod%201,service.namespace=ns,load.run.id=mine,")
	f(map[string]string{"service.name": "from-name"},
		"OTEL_RESOURCE_ATTRIBUTES=service.name=from-list", "OTEL_SERVICE_NAME=from-name")
}

func TestDeltaTemporalityIsWarnedAbout(t *testing.T) {
	var logs logBuffer
	if _, err := readSettings(environment("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=delta"), logs.logger()); err != nil {
		t.Fatal(err)
	}
	if logs.count("cumulative") != 1 {
		t.Errorf("log: %s", logs.String())
	}
}
