package telemetry

import (
	"net"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/semconv/v1.43.0/otelconv"
)

// selfMetrics exports the outcomes of the program's spans and pushes. The names are those of the
// semantic conventions ("OpenTelemetry SDK metrics") in Prometheus spelling. The values are the
// counters of the sink and of the push.
type selfMetrics struct {
	sink *Sink
	push *pushStats // nil without a push

	processed, exported, points [2]*prometheus.Desc // [0] without and [1] with error.type: a success must not have the attribute
	size, capacity, inflight    *prometheus.Desc
	subscriberDropped           *prometheus.Desc
}

// conventional is an instrument of package otelconv.
type conventional interface {
	Name() string
	Description() string
}

func newSelfMetrics(sink *Sink, push *pushStats, traces, metrics *exporterConfig) *selfMetrics {
	m := &selfMetrics{sink: sink, push: push, subscriberDropped: prometheus.NewDesc(
		"mini_redis_telemetry_subscriber_spans_dropped_total",
		"Number of spans that were not delivered to subscribers of the span stream because a subscriber's buffer was full.", nil, nil,
	)}
	processor := labelsOf(component("batching_span_processor")...)
	m.processed = counterDescs(otelconv.SDKProcessorSpanProcessed{}, processor)
	m.size = gaugeDesc(otelconv.SDKProcessorSpanQueueSize{}, processor)
	m.capacity = gaugeDesc(otelconv.SDKProcessorSpanQueueCapacity{}, processor)
	if traces != nil {
		labels := labelsOf(append(component("otlp_grpc_span_exporter"), traces.server()...)...)
		m.exported = counterDescs(otelconv.SDKExporterSpanExported{}, labels)
		m.inflight = gaugeDesc(otelconv.SDKExporterSpanInflight{}, labels)
	}
	if metrics != nil {
		labels := labelsOf(append(component("otlp_grpc_metric_exporter"), metrics.server()...)...)
		m.points = counterDescs(otelconv.SDKExporterMetricDataPointExported{}, labels)
	}
	return m
}

// Describe implements prometheus.Collector. It sends no descriptions, which makes this an unchecked
// collector: series of one name exist with and without the label error_type.
func (m *selfMetrics) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (m *selfMetrics) Collect(ch chan<- prometheus.Metric) {
	count := func(desc *prometheus.Desc, n uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(n), labels...)
	}
	gauge := func(desc *prometheus.Desc, n int64) {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, float64(n))
	}
	outcome := func(desc [2]*prometheus.Desc, t *exportCounts) {
		delivered, failed := t.read()
		count(desc[0], delivered)
		for errType, n := range failed {
			count(desc[1], n, errType)
		}
	}
	stats := &m.sink.stats
	count(m.subscriberDropped, stats.subscriberDropped.Load())
	if q := m.sink.queue; q != nil {
		count(m.processed[0], stats.processed.Load())
		count(m.processed[1], stats.queueFull.Load(), "queue_full")
		count(m.processed[1], stats.afterShutdown.Load(), "already_shutdown")
		gauge(m.size, int64(q.len()))
		gauge(m.capacity, int64(q.limit))
		gauge(m.inflight, stats.inflight.Load())
		outcome(m.exported, &stats.exported)
	}
	if m.push != nil {
		outcome(m.points, &m.push.points)
	}
}

// component returns the attributes of an OpenTelemetry component. A program has one component of
// each type.
func component(kind string) []attribute.KeyValue {
	return []attribute.KeyValue{semconv.OTelComponentName(kind + "/0"), semconv.OTelComponentTypeKey.String(kind)}
}

// server returns the attributes of the exporter's destination.
func (x *exporterConfig) server() []attribute.KeyValue {
	host, port, err := net.SplitHostPort(x.address)
	if err != nil {
		return []attribute.KeyValue{semconv.ServerAddress(x.address)} // a Unix socket
	}
	n, _ := strconv.Atoi(port)
	return []attribute.KeyValue{semconv.ServerAddress(host), semconv.ServerPort(n)}
}

func labelsOf(attrs ...attribute.KeyValue) prometheus.Labels {
	labels := make(prometheus.Labels, len(attrs))
	for _, kv := range attrs {
		labels[promName(string(kv.Key))] = kv.Value.String()
	}
	return labels
}

func counterDescs(c conventional, labels prometheus.Labels) [2]*prometheus.Desc {
	name := promName(c.Name()) + "_total"
	return [2]*prometheus.Desc{
		prometheus.NewDesc(name, c.Description(), nil, labels),
		prometheus.NewDesc(name, c.Description(), []string{promName(string(semconv.ErrorTypeKey))}, labels),
	}
}

func gaugeDesc(c conventional, labels prometheus.Labels) *prometheus.Desc {
	return prometheus.NewDesc(promName(c.Name()), c.Description(), nil, labels)
}

// promName converts an OpenTelemetry name to Prometheus spelling.
func promName(name string) string { return strings.ReplaceAll(name, ".", "_") }
