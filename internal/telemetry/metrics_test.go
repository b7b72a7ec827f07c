package telemetry

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/semconv/v1.43.0/otelconv"
	"go.opentelemetry.io/otel/trace"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
)

const (
	hexTrace = "0af7651916cd43dd8448eb211c80319c"
	hexSpan  = "b7ad6b7169203331"
)

// registerDualHistogram registers a histogram like the server's: classic and native buckets, with
// an exemplar.
func registerDualHistogram(registry *prometheus.Registry) {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "command_duration_seconds", Help: "h", Buckets: []float64{0.001, 1}, NativeHistogramBucketFactor: 1.1,
	}, []string{"cmd"})
	registry.MustRegister(h)
	h.WithLabelValues("get").(prometheus.ExemplarObserver).ObserveWithExemplar(0.5, prometheus.Labels{"trace_id": hexTrace, "span_id": hexSpan, "x": "y"})
	h.WithLabelValues("get").Observe(0.0001)
	h.WithLabelValues("set").Observe(2)
}

func TestPushContainsTheWholeRegistry(t *testing.T) {
	r := newReceiver(t, "")
	registry := prometheus.NewRegistry()
	registerDualHistogram(registry)
	counter := prometheus.NewCounter(prometheus.CounterOpts{Name: "commands_total", Help: "c"})
	registry.MustRegister(counter)
	counter.(prometheus.ExemplarAdder).AddWithExemplar(3, prometheus.Labels{"trace_id": hexTrace, "span_id": hexSpan})
	tel := mustStart(t, Options{Service: "mini-redis", Getenv: r.environment(), Registry: registry})
	duration, err := tel.MeterProvider().Meter("resptrace").Float64Histogram("db.client.operation.duration",
		metric.WithUnit("s"), metric.WithExplicitBucketBoundaries(0.001, 1))
	if err != nil {
		t.Fatal(err)
	}
	ctx := trace.ContextWithSpanContext(t.Context(), sampled())
	duration.Record(ctx, 0.5, metric.WithAttributes(attribute.String("db.system.name", "redis")))
	mustShutdown(t, tel)

	commands, res := r.points("commands_total")
	if len(commands) != 1 {
		t.Fatalf("%d metrics named commands_total, want 1", len(commands))
	}
	sum := commands[0].GetSum()
	if !sum.IsMonotonic || sum.DataPoints[0].GetAsDouble() != 3 || sum.AggregationTemporality != metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE {
		t.Errorf("commands_total: %v", sum)
	}
	wantExemplar(t, "counter", sum.DataPoints[0].Exemplars, hexTrace, hexSpan)
	if got := attributes(res.Attributes)["service.name"]; got != "mini-redis" {
		t.Errorf("pushed as service %v", got)
	}
	wantBothForms(t, r)

	client, _ := r.points("db_client_operation_duration_seconds")
	if len(client) != 1 || client[0].GetHistogram().GetDataPoints()[0].Count != 1 {
		t.Fatalf("db_client_operation_duration_seconds: %v", client)
	}
	point := client[0].GetHistogram().DataPoints[0]
	wantAttributes(t, "the OTel histogram", point.Attributes, map[string]any{"db_system_name": "redis"}) // no scope labels
	wantExemplar(t, "OTel histogram", point.Exemplars, sampled().TraceID().String(), sampled().SpanID().String())

	if info, _ := r.points("target_info"); len(info) != 0 {
		t.Errorf("target_info was pushed: %v", info)
	}
	for _, name := range []string{"go_goroutines", "process_cpu_seconds_total", metricProcessed} {
		if found, _ := r.points(name); len(found) != 1 {
			t.Errorf("%d metrics named %s, want 1", len(found), name)
		}
	}
}

// wantBothForms checks the classic and the native form of command_duration_seconds.
func wantBothForms(t *testing.T, r *receiver) {
	t.Helper()
	forms, _ := r.points("command_duration_seconds")
	if len(forms) != 2 {
		t.Fatalf("%d metrics named command_duration_seconds, want 2: native and classic", len(forms))
	}
	native, classic := forms[0].GetExponentialHistogram(), forms[1].GetHistogram()
	if native == nil || classic == nil || len(native.DataPoints) != 2 || len(classic.DataPoints) != 2 {
		t.Fatalf("forms: %v", forms)
	}
	get, getNative := classic.DataPoints[0], native.DataPoints[0]
	if !slices.Equal(get.ExplicitBounds, []float64{0.001, 1}) || !slices.Equal(get.BucketCounts, []uint64{1, 1, 0}) || get.Count != 2 {
		t.Errorf("classic: %v", get)
	}
	var counts uint64
	for _, c := range getNative.Positive.BucketCounts {
		counts += c
	}
	if getNative.Count != 2 || counts != 2 || getNative.GetSum() != get.GetSum() {
		t.Errorf("native: %v", getNative)
	}
	wantExemplar(t, "classic", get.Exemplars, hexTrace, hexSpan)
	wantExemplar(t, "native", getNative.Exemplars, hexTrace, hexSpan)
	for what, x := range map[string]*metricspb.Exemplar{"classic": get.Exemplars[0], "native": getNative.Exemplars[0]} {
		wantAttributes(t, what+" exemplar", x.FilteredAttributes, map[string]any{"x": "y"})
		if x.GetAsDouble() != 0.5 {
			t.Errorf("%s exemplar: value %v", what, x.GetAsDouble())
		}
	}
}

func wantExemplar(t *testing.T, what string, got []*metricspb.Exemplar, traceID, spanID string) {
	t.Helper()
	if len(got) != 1 || fmt.Sprintf("%x", got[0].TraceId) != traceID || fmt.Sprintf("%x", got[0].SpanId) != spanID {
		t.Errorf("%s: exemplars %v, want one with trace %s span %s", what, got, traceID, spanID)
	}
}

func TestPushIsPeriodic(t *testing.T) {
	r := newReceiver(t, "")
	tel := mustStart(t, Options{Getenv: r.environment("OTEL_METRIC_EXPORT_INTERVAL=1")})
	r.await(t, "three pushes", func() bool { return r.pushes() >= 3 })
	mustShutdown(t, tel)
}

func TestNoPushIfDisabled(t *testing.T) {
	for _, setting := range []string{"OTEL_METRICS_EXPORTER=none", "OTEL_METRICS_EXPORTER=prometheus", "OTEL_SDK_DISABLED=true"} {
		r := newReceiver(t, "")
		tel := mustStart(t, Options{Getenv: r.environment(setting)})
		mustShutdown(t, tel)
		if n := r.pushes(); n != 0 {
			t.Errorf("%s: %d pushes", setting, n)
		}
		if value(t, tel, "go_goroutines") == 0 {
			t.Errorf("%s: the registry is empty", setting)
		}
	}
}

func TestFailingCollectorDoesNotStopThePush(t *testing.T) {
	r := newReceiver(t, "")
	var logs logBuffer
	registry := prometheus.NewRegistry()
	registry.MustRegister(badCollector{})
	tel := mustStart(t, Options{Getenv: r.environment("OTEL_METRIC_EXPORT_INTERVAL=1"), Registry: registry, Logger: logs.logger()})
	r.await(t, "pushes", func() bool {
		found, _ := r.points("go_goroutines")
		return len(found) == 1 && r.pushes() > 2
	})
	mustShutdown(t, tel)
	if n := logs.count("collecting a metric failed"); n != 1 {
		t.Errorf("logged %d times, want 1:\n%s", n, logs.String())
	}
}

type badCollector struct{}

func (badCollector) Describe(chan<- *prometheus.Desc) {}
func (badCollector) Collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.NewInvalidMetric(prometheus.NewInvalidDesc(errors.New("broken")), errors.New("broken"))
}

func TestProducerEdgeCases(t *testing.T) {
	registry := prometheus.NewRegistry()
	native := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "a_native", NativeHistogramBucketFactor: 1.1})
	registry.MustRegister(native)
	native.(prometheus.ExemplarObserver).ObserveWithExemplar(1, prometheus.Labels{"trace_id": "no hex", "span_id": hexSpan})
	registry.MustRegister(prometheus.NewHistogram(prometheus.HistogramOpts{Name: "b_classic", Buckets: []float64{1}}))
	gaugeHistogram := &dto.MetricFamily{Name: new("c"), Type: dto.MetricType_GAUGE_HISTOGRAM.Enum(), Metric: []*dto.Metric{{}}}
	empty := &dto.MetricFamily{Name: new("d"), Type: dto.MetricType_COUNTER.Enum()}
	source := prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		families, err := registry.Gather()
		return append([]*dto.MetricFamily{gaugeHistogram, empty}, families...), err
	})
	p := &producer{gatherer: source, logError: func(err error) { t.Error(err) }}
	scopes, err := p.Produce(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range scopes[0].Metrics {
		got = append(got, fmt.Sprintf("%s %T", m.Name, m.Data))
	}
	want := []string{"a_native metricdata.ExponentialHistogram[float64]", "b_classic metricdata.Histogram[float64]"}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v: no classic form of a native histogram, and a histogram without observations is exported", got, want)
	}
	if trace, span := ids("no hex", hexSpan); trace != nil || span != nil {
		t.Errorf("ids: %x %x", trace, span)
	}
	if trace, span := ids(hexTrace, hexSpan); len(trace) != 16 || len(span) != 8 {
		t.Errorf("ids: %x %x", trace, span)
	}
}

// The expected names, types and help texts come from package otelconv and OpenTelemetry's
// Prometheus exporter.
func TestSelfMetricsMatchTheConventions(t *testing.T) {
	r := newReceiver(t, "")
	tel := mustStart(t, Options{Getenv: r.environment()})
	tel.Sink().Emit([]Record{serverRecord("a", sampled(), 1)})
	theirs := mustStart(t, Options{Getenv: environment("OTEL_METRICS_EXPORTER=none", "OTEL_TRACES_EXPORTER=none")})
	meter := theirs.MeterProvider().Meter("x")
	ctx := t.Context()
	processed, err1 := otelconv.NewSDKProcessorSpanProcessed(meter)
	exported, err2 := otelconv.NewSDKExporterSpanExported(meter)
	size, err3 := otelconv.NewSDKProcessorSpanQueueSize(meter)
	capacity, err4 := otelconv.NewSDKProcessorSpanQueueCapacity(meter)
	inflight, err5 := otelconv.NewSDKExporterSpanInflight(meter)
	points, err6 := otelconv.NewSDKExporterMetricDataPointExported(meter)
	if err := errors.Join(err1, err2, err3, err4, err5, err6); err != nil {
		t.Fatal(err)
	}
	processed.Add(ctx, 1)
	exported.Add(ctx, 1)
	if _, err := meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		o.ObserveInt64(size.Inst(), 1)
		o.ObserveInt64(capacity.Inst(), 1)
		return nil
	}, size.Inst(), capacity.Inst()); err != nil {
		t.Fatal(err)
	}
	inflight.Add(ctx, 1)
	points.Add(ctx, 1)

	ours, want := otelFamilies(t, tel), otelFamilies(t, theirs)
	for name, f := range want {
		if ours[name] == nil {
			t.Errorf("%s is missing", name)
		} else if ours[name].GetType() != f.GetType() || ours[name].GetHelp() != f.GetHelp() {
			t.Errorf("%s: %v %q, want %v %q", name, ours[name].GetType(), ours[name].GetHelp(), f.GetType(), f.GetHelp())
		}
	}
	if len(ours) != len(want) {
		t.Errorf("families %v, want %v", slices.Sorted(maps.Keys(ours)), slices.Sorted(maps.Keys(want)))
	}
}

func otelFamilies(t *testing.T, tel *Telemetry) map[string]*dto.MetricFamily {
	t.Helper()
	families, err := tel.Registry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]*dto.MetricFamily)
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), "otel_sdk") {
			found[f.GetName()] = f
		}
	}
	return found
}

func TestFailedPushIsCountedAndLogged(t *testing.T) {
	var logs logBuffer
	tel := mustStart(t, Options{Logger: logs.logger(), Getenv: environment(
		"OTEL_EXPORTER_OTLP_ENDPOINT="+freeAddr(t), "OTEL_METRIC_EXPORT_INTERVAL=1", "OTEL_TRACES_EXPORTER=none",
	)})
	const name = "otel_sdk_exporter_metric_data_point_exported_total"
	for begin := time.Now(); value(t, tel, name, "error_type=UNAVAILABLE") == 0; time.Sleep(time.Millisecond) {
		if time.Since(begin) > testTimeout {
			t.Fatal("no failed data point was counted")
		}
	}
	if err := tel.Shutdown(context.Background()); err == nil {
		t.Error("Shutdown returned nil although the final push failed")
	}
	if n := logs.count("telemetry export failed"); n != 1 {
		t.Errorf("logged %d times, want 1:\n%s", n, logs.String())
	}
}
