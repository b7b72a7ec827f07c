package measure

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// resultOK is the result label of an operation without an error; with one it is
// the error's type.
const resultOK = "ok"

// metrics are the run's own time series. The hook of package resptrace adds
// db.client.operation.duration, which counts from the call and not from the
// moment the operation was due: the difference is the wait for a free worker.
type metrics struct {
	operations *prometheus.CounterVec
	retries    *prometheus.CounterVec
	duration   *prometheus.HistogramVec
}

func newMetrics(registry prometheus.Registerer, missed func() int64) (*metrics, error) {
	m := &metrics{
		operations: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "client_load_operations_total",
			Help: "Operations that were answered or failed, by command and result (ok, or the type of the error).",
		}, []string{"command", "result"}),
		retries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "client_load_retries_total",
			Help: "Attempts at an operation that failed and were followed by another, by command and type of the error.",
		}, []string{"command", "error_type"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "client_load_operation_duration_seconds",
			Help:    "Time from when an operation was due to its answer or error, in seconds.",
			Buckets: prometheus.ExponentialBucketsRange(50e-6, 10, 20),
			// The sparse form beside the classic one: a growth of 10 % a bucket, bounded.
			NativeHistogramBucketFactor:     1.1,
			NativeHistogramMaxBucketNumber:  160,
			NativeHistogramMinResetDuration: time.Hour,
		}, []string{"command"}),
	}
	lost := prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "client_load_missed_total",
		Help: "Operations that fell due and could not begin in time because every worker was busy.",
	}, func() float64 { return float64(missed()) })
	return m, errors.Join(registry.Register(m.operations), registry.Register(m.retries), registry.Register(m.duration), registry.Register(lost))
}

func (m *metrics) observe(res Result, label string) {
	m.operations.WithLabelValues(res.Command, label).Inc()
	histogram := m.duration.WithLabelValues(res.Command)
	seconds := res.Latency.Seconds()
	if !res.Trace.IsSampled() {
		histogram.Observe(seconds) // an exemplar must lead to a trace that exists
		return
	}
	histogram.(prometheus.ExemplarObserver).ObserveWithExemplar(seconds, prometheus.Labels{
		"trace_id": res.Trace.TraceID().String(),
		"span_id":  res.Trace.SpanID().String(),
	})
}
