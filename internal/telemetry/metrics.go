package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/otlptranslator"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	otelprom "go.opentelemetry.io/otel/exporters/prometheus"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/exemplar"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
)

// addRuntime registers the Go and process collectors unless the registry has them.
func addRuntime(registry *prometheus.Registry) error {
	for _, c := range []prometheus.Collector{
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	} {
		var already prometheus.AlreadyRegisteredError
		if err := registry.Register(c); err != nil && !errors.As(err, &already) {
			return fmt.Errorf("metrics: %w", err)
		}
	}
	return nil
}

// newMeterProvider returns the meter provider of the OpenTelemetry API. Its only reader exports to
// the registry, so instruments of libraries and metrics of client_golang are in one place, under
// Prometheus names. There are no scope labels: they would be the same on every series, and an
// instrument from two versions of a library would become two series.
func newMeterProvider(registry *prometheus.Registry, res *resource.Resource, filter exemplar.Filter) (*sdkmetric.MeterProvider, error) {
	reader, err := otelprom.New(
		otelprom.WithRegisterer(registry),
		otelprom.WithTranslationStrategy(otlptranslator.UnderscoreEscapingWithSuffixes),
		otelprom.WithoutScopeInfo(),
	)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	return sdkmetric.NewMeterProvider(
		sdkmetric.WithReader(reader), sdkmetric.WithResource(res), sdkmetric.WithExemplarFilter(filter),
	), nil
}

// newPush returns the provider that pushes the registry over l. It has no instruments; its reader
// only reads the registry's producer.
func newPush(ctx context.Context, l *collectorConn, s settings, res *resource.Resource, p *producer, stats *pushStats) (*sdkmetric.MeterProvider, error) {
	client, err := otlpmetricgrpc.New(ctx,
		otlpmetricgrpc.WithGRPCConn(l.conn),
		otlpmetricgrpc.WithHeaders(s.metrics.headers),
		otlpmetricgrpc.WithTimeout(s.metrics.timeout),
		// No retry: values are cumulative, so the next push contains everything that a failed one
		// did.
		otlpmetricgrpc.WithRetry(otlpmetricgrpc.RetryConfig{Enabled: false}),
		otlpmetricgrpc.WithTemporalitySelector(sdkmetric.DefaultTemporalitySelector),
	)
	if err != nil {
		return nil, fmt.Errorf("metrics push: %w", err)
	}
	reader := sdkmetric.NewPeriodicReader(&pusher{Exporter: client, stats: stats},
		sdkmetric.WithInterval(s.pushInterval),
		sdkmetric.WithTimeout(s.pushTimeout),
		sdkmetric.WithProducer(p),
	)
	return sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader), sdkmetric.WithResource(res)), nil
}

// pusher is the OTLP exporter. It counts the outcome of each push in stats.
type pusher struct {
	*otlpmetricgrpc.Exporter
	stats *pushStats
}

// Export implements sdkmetric.Exporter. It returns nil also for a failed push, because the reader
// would only pass the error to the process-wide error handler. The connection's exportHealth logs
// the failure, and stats counts it.
func (p *pusher) Export(ctx context.Context, rm *metricdata.ResourceMetrics) error {
	c := &exportCall{final: p.stats.last.Load()}
	points := countPoints(rm)
	err := p.Exporter.Export(withExportCall(ctx, c), rm)
	switch {
	case c.accepted:
		p.stats.finish(points, min(int(c.rejected), points), errTypeRejected, nil)
	case err != nil:
		p.stats.finish(points, points, errorType(ctx, err), err)
	default:
		p.stats.finish(points, 0, "", nil)
	}
	return nil
}

func countPoints(rm *metricdata.ResourceMetrics) (n int) {
	for _, scope := range rm.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch d := m.Data.(type) {
			case metricdata.Gauge[float64]:
				n += len(d.DataPoints)
			case metricdata.Sum[float64]:
				n += len(d.DataPoints)
			case metricdata.Histogram[float64]:
				n += len(d.DataPoints)
			case metricdata.ExponentialHistogram[float64]:
				n += len(d.DataPoints)
			case metricdata.Summary:
				n += len(d.DataPoints)
			}
		}
	}
	return n
}

// pushStats counts the outcomes of the pushes.
type pushStats struct {
	points exportCounts
	last   atomic.Bool // the next push is the final one
	mu     sync.Mutex
	err    error // of the last push
}

func (s *pushStats) finish(points, failed int, errType string, err error) {
	s.points.add(points, failed, errType)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *pushStats) lastError() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// rateLimitedWarn returns a function that logs errors as warnings, at most as often as every
// allows.
func rateLimitedWarn(log *slog.Logger, every *rateLimiter, message string) func(error) {
	return func(err error) {
		if ok, suppressed := every.allow(); ok {
			log.Warn(message, "error", err.Error(), "held_back", suppressed)
		}
	}
}
