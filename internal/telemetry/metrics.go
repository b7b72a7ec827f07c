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

// addRuntime adds the Go and process collectors to a registry that may have them already.
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

// newMeterProvider returns the provider of the OpenTelemetry API, whose only reader is the registry: an instrument of a library and a
// metric of client_golang end up side by side, under Prometheus names. Scope labels are left out: they would tell the same on
// every series, and the same instrument from two versions of a library would be two series.
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

// newPush returns the provider that pushes the registry over l. It has no instruments: its reader only carries the registry's producer.
func newPush(ctx context.Context, l *link, s settings, res *resource.Resource, p *producer, stats *pushStats) (*sdkmetric.MeterProvider, error) {
	client, err := otlpmetricgrpc.New(ctx,
		otlpmetricgrpc.WithGRPCConn(l.conn),
		otlpmetricgrpc.WithHeaders(s.metrics.headers),
		otlpmetricgrpc.WithTimeout(s.metrics.timeout),
		// The values are cumulative: the next push carries all a failed one did.
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

// pusher is the OTLP exporter with an account of what became of each push.
type pusher struct {
	*otlpmetricgrpc.Exporter
	stats *pushStats
}

// Export implements sdkmetric.Exporter. A failed push is no error to the reader, which would only hand it to the process-wide error
// handler: the connection's health has told it, and stats counts it.
func (p *pusher) Export(ctx context.Context, rm *metricdata.ResourceMetrics) error {
	c := &call{last: p.stats.last.Load()}
	points := countPoints(rm)
	err := p.Exporter.Export(withCall(ctx, c), rm)
	switch {
	case c.answered:
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

// pushStats is the account of the push.
type pushStats struct {
	points tally
	last   atomic.Bool // from here on it is the final push
	mu     sync.Mutex
	err    error // of the newest push
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

// complainer returns a function that logs what goes wrong again and again, at a bounded rate.
func complainer(log *slog.Logger, every *seldom, message string) func(error) {
	return func(err error) {
		if ok, held := every.ask(); ok {
			log.Warn(message, "error", err.Error(), "held_back", held)
		}
	}
}
