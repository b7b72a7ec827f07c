package telemetry

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/contrib/propagators/autoprop"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric/exemplar"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// settings holds the validated OTEL_* settings.
type settings struct {
	disabled   bool // OTEL_SDK_DISABLED: no telemetry is recorded or sent; contexts are still propagated
	traces     *exporterConfig
	metrics    *exporterConfig // nil: no push
	sampler    sdktrace.Sampler
	propagator propagation.TextMapPropagator
	queue      SinkOptions

	pushInterval, pushTimeout time.Duration
	exemplars                 exemplar.Filter
}

// The defaults of the OpenTelemetry specification for the periodic metric reader.
const (
	defaultPushInterval = time.Minute
	defaultPushTimeout  = 30 * time.Second
)

// readSettings reads and validates all settings. The error names each invalid one.
func readSettings(get func(string) string, log *slog.Logger) (settings, error) {
	e := &env{get: get}
	var s settings
	s.disabled, _ = e.boolean("OTEL_SDK_DISABLED")
	s.propagator = e.propagator()
	s.sampler = e.sampler()
	s.queue = e.queue()
	s.exemplars = e.exemplars()
	s.pushInterval = e.millis(defaultPushInterval, 1, "OTEL_METRIC_EXPORT_INTERVAL")
	s.pushTimeout = e.millis(defaultPushTimeout, 1, "OTEL_METRIC_EXPORT_TIMEOUT")

	if e.choice("OTEL_TRACES_EXPORTER", "otlp", "none") == "otlp" && !s.disabled {
		x := e.exporterConfig("TRACES")
		s.traces = &x
	}
	if e.metricsExporter() == "otlp" && !s.disabled {
		x := e.exporterConfig("METRICS")
		s.metrics = &x
		if v := e.choice("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "cumulative", "delta", "lowmemory"); v != "cumulative" {
			log.Warn("metrics are pushed with cumulative temporality: a Prometheus registry supports no other",
				"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", v)
		}
	}
	return s, e.err()
}

// metricsExporter returns otlp, none or prometheus. The setting only controls the push; /metrics is
// always available.
func (e *env) metricsExporter() string {
	const name = "OTEL_METRICS_EXPORTER"
	if v := e.text(name, ""); strings.Contains(v, ",") {
		e.invalid(name, v, "one exporter; if metrics are pushed and scraped, every sum counts twice")
		return "none"
	}
	return e.choice(name, "otlp", "none", "prometheus")
}

func (e *env) propagator() propagation.TextMapPropagator {
	const name = "OTEL_PROPAGATORS"
	value := e.text(name, "tracecontext,baggage")
	names := strings.Split(value, ",")
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
	}
	p, err := autoprop.TextMapPropagator(names...)
	if err != nil {
		e.invalid(name, value, "a list of tracecontext, baggage, b3, b3multi, jaeger, xray, ottrace, or none")
	}
	return p
}

func (e *env) sampler() sdktrace.Sampler {
	kind := e.choice("OTEL_TRACES_SAMPLER", "parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio",
		"always_on", "always_off", "traceidratio")
	kind, parent := strings.CutPrefix(kind, "parentbased_")
	var s sdktrace.Sampler
	switch kind {
	case "always_on":
		s = sdktrace.AlwaysSample()
	case "always_off":
		s = sdktrace.NeverSample()
	case "traceidratio":
		s = sdktrace.TraceIDRatioBased(e.ratio("OTEL_TRACES_SAMPLER_ARG"))
	}
	if parent {
		return sdktrace.ParentBased(s)
	}
	return s
}

func (e *env) ratio(name string) float64 {
	v := e.text(name, "1")
	r, err := strconv.ParseFloat(v, 64)
	if err != nil || !(r >= 0 && r <= 1) { // written so that NaN is invalid too
		e.invalid(name, v, "a number from 0 to 1")
		return 1
	}
	return r
}

// queue reads OTEL_BSP_* and the span limits.
func (e *env) queue() SinkOptions {
	o := SinkOptions{
		MaxQueueSize:       e.number(defaultQueueSize, 1, "OTEL_BSP_MAX_QUEUE_SIZE"),
		MaxExportBatchSize: e.number(0, 1, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"),
		ScheduleDelay:      e.millis(defaultScheduleDelay, 1, "OTEL_BSP_SCHEDULE_DELAY"),
		ExportTimeout:      e.millis(defaultExportTimeout, 0, "OTEL_BSP_EXPORT_TIMEOUT"),
		Limits: &sdktrace.SpanLimits{
			AttributeValueLengthLimit: e.number(sdktrace.DefaultAttributeValueLengthLimit, 0,
				"OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"),
			AttributeCountLimit: e.number(sdktrace.DefaultAttributeCountLimit, 0,
				"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT"),
			EventCountLimit:             e.number(sdktrace.DefaultEventCountLimit, 0, "OTEL_SPAN_EVENT_COUNT_LIMIT"),
			LinkCountLimit:              e.number(sdktrace.DefaultLinkCountLimit, 0, "OTEL_SPAN_LINK_COUNT_LIMIT"),
			AttributePerEventCountLimit: e.number(sdktrace.DefaultAttributePerEventCountLimit, 0, "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT"),
			AttributePerLinkCountLimit:  e.number(sdktrace.DefaultAttributePerLinkCountLimit, 0, "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT"),
		},
	}
	if o.ExportTimeout == 0 {
		o.ExportTimeout = -1 // 0 means no limit in the environment, but the default in SinkOptions
	}
	if o.MaxExportBatchSize > o.MaxQueueSize {
		e.errs = append(e.errs, fmt.Errorf("OTEL_BSP_MAX_EXPORT_BATCH_SIZE=%d: must not exceed the queue size, OTEL_BSP_MAX_QUEUE_SIZE=%d",
			o.MaxExportBatchSize, o.MaxQueueSize))
	}
	return o
}

func (e *env) exemplars() exemplar.Filter {
	switch e.choice("OTEL_METRICS_EXEMPLAR_FILTER", "trace_based", "always_on", "always_off") {
	case "always_on":
		return exemplar.AlwaysOnFilter
	case "always_off":
		return exemplar.AlwaysOffFilter
	}
	return exemplar.TraceBasedFilter
}
