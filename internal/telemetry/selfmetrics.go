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

// selfMetrics shows what became of the program's spans and pushes, under the names of the OpenTelemetry SDK's own metrics (semantic
// conventions, "OpenTelemetry SDK metrics") as Prometheus spells them. It reads the counts that the sink and the push keep anyway.
type selfMetrics struct {
	sink *Sink
	push *pushStats // nil without a push

	processed, exported, points [2]*prometheus.Desc // without and with error.type: a success must not carry the attribute
	size, capacity, inflight    *prometheus.Desc
	unseen                      *prometheus.Desc
}

// conventional is what otelconv says about an instrument.
type conventional interface {
	Name() string
	Description() string
}

func newSelfMetrics(sink *Sink, push *pushStats, traces, metrics *exporting) *selfMetrics {
	m := &selfMetrics{sink: sink, push: push, unseen: prometheus.NewDesc(
		"mini_redis_telemetry_subscriber_spans_dropped_total",
		"The number of spans that subscribers of the span stream missed because their buffer was full.", nil, nil,
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

// Describe implements prometheus.Collector. It describes nothing: one name comes with and without error_type, which only an
// unchecked collector may do.
func (m *selfMetrics) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (m *selfMetrics) Collect(ch chan<- prometheus.Metric) {
	count := func(desc *prometheus.Desc, n uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(n), labels...)
	}
	gauge := func(desc *prometheus.Desc, n int64) {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, float64(n))
	}
	outcome := func(desc [2]*prometheus.Desc, t *tally) {
		arrived, failed := t.read()
		count(desc[0], arrived)
		for errType, n := range failed {
			count(desc[1], n, errType)
		}
	}
	stats := &m.sink.stats
	count(m.unseen, stats.unseen.Load())
	if q := m.sink.queue; q != nil {
		count(m.processed[0], stats.processed.Load())
		count(m.processed[1], stats.queueFull.Load(), "queue_full")
		count(m.processed[1], stats.late.Load(), "already_shutdown")
		gauge(m.size, int64(q.len()))
		gauge(m.capacity, int64(q.limit))
		gauge(m.inflight, stats.inflight.Load())
		outcome(m.exported, &stats.exported)
	}
	if m.push != nil {
		outcome(m.points, &m.push.points)
	}
}

// component names an OpenTelemetry component; there is one of a type in a program.
func component(kind string) []attribute.KeyValue {
	return []attribute.KeyValue{semconv.OTelComponentName(kind + "/0"), semconv.OTelComponentTypeKey.String(kind)}
}

// server is where an exporter sends to.
func (x *exporting) server() []attribute.KeyValue {
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

// promName is OpenTelemetry's name as Prometheus spells it.
func promName(name string) string { return strings.ReplaceAll(name, ".", "_") }
