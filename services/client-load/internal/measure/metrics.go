package measure

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// resultOK is the value of the label result for an operation without an error.
// For an operation with an error the value is the error's type.
const resultOK = "ok"

// metrics holds the metrics of the run. In addition, the hook of package resptrace
// records db.client.operation.duration. That metric counts from the call and not
// from the scheduled time; the difference is the wait for a free worker.
type metrics struct {
	operations *prometheus.CounterVec
	retries    *prometheus.CounterVec
	duration   *prometheus.HistogramVec
}

func newMetrics(registry prometheus.Registerer, missed func() int64) (*metrics, error) {
	m := &metrics{
		operations: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "client_load_operations_total",
			Help: "Number of finished operations, by command and result (ok, or the type of the error).",
		}, []string{"command", "result"}),
		retries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "client_load_retries_total",
			Help: "Number of failed attempts that were followed by another attempt, by command and type of the error.",
		}, []string{"command", "error_type"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "client_load_operation_duration_seconds",
			Help:    "Time from the scheduled start of an operation to its reply or error, in seconds.",
			Buckets: prometheus.ExponentialBucketsRange(50e-6, 10, 20),
			// A native histogram in addition to the classic buckets: each bucket is at most
			// 10 % wider than the previous one.
			NativeHistogramBucketFactor:     1.1,
			NativeHistogramMaxBucketNumber:  160,
			NativeHistogramMinResetDuration: time.Hour,
		}, []string{"command"}),
	}
	missedTotal := prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "client_load_missed_total",
		Help: "Number of scheduled operations that could not start in time because every worker was busy.",
	}, func() float64 { return float64(missed()) })
	return m, errors.Join(registry.Register(m.operations), registry.Register(m.retries), registry.Register(m.duration), registry.Register(missedTotal))
}

func (m *metrics) observe(res Result, label string) {
	m.operations.WithLabelValues(res.Command, label).Inc()
	histogram := m.duration.WithLabelValues(res.Command)
	seconds := res.Latency.Seconds()
	if !res.Trace.IsSampled() {
		histogram.Observe(seconds) // no exemplar: the trace is not exported
		return
	}
	histogram.(prometheus.ExemplarObserver).ObserveWithExemplar(seconds, prometheus.Labels{
		"trace_id": res.Trace.TraceID().String(),
		"span_id":  res.Trace.SpanID().String(),
	})
}
