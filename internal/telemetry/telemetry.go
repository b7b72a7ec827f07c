package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
)

// Options configures Start. The zero value is valid.
type Options struct {
	Service string // service.name, unless OTEL_SERVICE_NAME or OTEL_RESOURCE_ATTRIBUTES sets it
	Version string // service.version, unless OTEL_RESOURCE_ATTRIBUTES sets it

	// Getenv reads the settings; nil means os.Getenv.
	Getenv func(string) string
	// Logger receives the errors of the telemetry itself, at a bounded rate; nil means
	// slog.Default().
	Logger *slog.Logger
	// Registry holds all metrics. StartAdmin serves it, and it is pushed over OTLP. nil means a new
	// registry. Start registers the Go and process collectors.
	Registry *prometheus.Registry
	// Attributes are added to the resource, e.g. load.run.id.
	Attributes []attribute.KeyValue
}

// Telemetry is the running telemetry of a program. Its methods may be called at any time, also
// after Shutdown.
type Telemetry struct {
	tracers    trace.TracerProvider
	meters     metric.MeterProvider
	propagator propagation.TextMapPropagator
	registry   *prometheus.Registry
	sink       *Sink

	log                    *slog.Logger
	now                    func() time.Time
	conns                  map[dialConfig]*collectorConn
	traceConn, metricsConn *collectorConn
	sdkTracers             *sdktrace.TracerProvider // nil when OTEL_SDK_DISABLED
	sdkMeters              *sdkmetric.MeterProvider // likewise
	push                   *sdkmetric.MeterProvider // nil without a push
	pushed                 *pushStats

	shutdown sync.Once
	result   error
}

// Start starts the telemetry of a program, configured by OTEL_* (see the package comment). It does
// not wait for connections, so an unreachable collector neither delays it nor makes it fail. An
// error means that a setting is invalid. Call Shutdown before the program ends.
//
// Start has one effect on the whole process: it redirects messages that the OpenTelemetry libraries
// print to standard error to the Logger. It does not set the global providers: this project passes
// providers as parameters.
func Start(ctx context.Context, o Options) (*Telemetry, error) {
	return start(ctx, o, time.Now)
}

func start(ctx context.Context, o Options, now func() time.Time) (*Telemetry, error) {
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Registry == nil {
		o.Registry = prometheus.NewRegistry()
	}
	s, err := readSettings(o.Getenv, o.Logger)
	res, resErr := newResource(ctx, &env{get: o.Getenv}, o)
	if err := errors.Join(err, resErr); err != nil {
		return nil, fmt.Errorf("telemetry settings: %w", err)
	}
	t := &Telemetry{
		propagator: s.propagator, registry: o.Registry, log: o.Logger, now: now, conns: make(map[dialConfig]*collectorConn),
		tracers: tracenoop.NewTracerProvider(), meters: metricnoop.NewMeterProvider(), sink: new(Sink),
	}
	if err := addRuntime(o.Registry); err != nil {
		return nil, err
	}
	if s.disabled {
		return t, nil
	}
	redirectOTelLogs(o.Logger, now)
	if err := errors.Join(t.startTraces(ctx, s, o, res), t.startMetrics(ctx, s, res)); err != nil {
		_ = t.Shutdown(ctx)
		return nil, fmt.Errorf("telemetry: %w", err)
	}
	if err := o.Registry.Register(newSelfMetrics(t.sink, t.pushed, s.traces, s.metrics)); err != nil {
		_ = t.Shutdown(ctx)
		return nil, fmt.Errorf("telemetry: %w", err)
	}
	return t, nil
}

func (t *Telemetry) startTraces(ctx context.Context, s settings, o Options, res *resource.Resource) error {
	var exporter sdktrace.SpanExporter
	if s.traces != nil {
		l, err := t.collectorConn(s.traces.dialConfig)
		if err != nil {
			return err
		}
		t.traceConn = l
		exporter, err = otlptracegrpc.New(ctx,
			otlptracegrpc.WithGRPCConn(l.conn),
			otlptracegrpc.WithHeaders(s.traces.headers),
			otlptracegrpc.WithTimeout(s.traces.timeout),
			otlptracegrpc.WithRetry(otlptracegrpc.RetryConfig{Enabled: false}), // the sink retries
		)
		if err != nil {
			return fmt.Errorf("trace exporter: %w", err)
		}
	}
	s.queue.Resource = res
	s.queue.Scope = instrumentation.Scope{Name: o.Service, Version: o.Version}
	t.sink = NewSink(exporter, s.queue)
	t.sdkTracers = sdktrace.NewTracerProvider(
		sdktrace.WithResource(res),
		sdktrace.WithSampler(s.sampler),
		sdktrace.WithRawSpanLimits(*s.queue.Limits),
		sdktrace.WithSpanProcessor(t.sink),
	)
	t.tracers = t.sdkTracers
	return nil
}

func (t *Telemetry) startMetrics(ctx context.Context, s settings, res *resource.Resource) (err error) {
	if t.sdkMeters, err = newMeterProvider(t.registry, res, s.exemplars); err != nil {
		return err
	}
	t.meters = t.sdkMeters
	if s.metrics == nil {
		return nil
	}
	if t.metricsConn, err = t.collectorConn(s.metrics.dialConfig); err != nil {
		return err
	}
	source := &producer{gatherer: t.registry, logError: rateLimitedWarn(t.log, &rateLimiter{now: t.now}, "collecting a metric failed")}
	t.pushed = new(pushStats)
	t.push, err = newPush(ctx, t.metricsConn, s, res, source, t.pushed)
	return err
}

// collectorConn returns the connection for d. Signals with the same settings share one connection.
func (t *Telemetry) collectorConn(d dialConfig) (*collectorConn, error) {
	if l := t.conns[d]; l != nil {
		return l, nil
	}
	l, err := connect(d, newExportHealth(t.log, d.address, t.now))
	if err == nil {
		t.conns[d] = l
	}
	return l, err
}

// TracerProvider returns the tracer provider. Its spans go to Sink.
func (t *Telemetry) TracerProvider() trace.TracerProvider { return t.tracers }

// MeterProvider returns the meter provider. Its instruments are exported to Registry.
func (t *Telemetry) MeterProvider() metric.MeterProvider { return t.meters }

// Propagator returns the propagator that OTEL_PROPAGATORS names. It also works with
// OTEL_SDK_DISABLED.
func (t *Telemetry) Propagator() propagation.TextMapPropagator { return t.propagator }

// Registry returns the registry of all the program's metrics.
func (t *Telemetry) Registry() *prometheus.Registry { return t.registry }

// Sink returns the sink of all the program's spans. It is never nil.
func (t *Telemetry) Sink() *Sink { return t.sink }

// connectGrace is how long Shutdown waits for a connection to the collector, for both signals
// together, so that a short program ends within 1 s. connectGraceMin is the minimum for metrics,
// whose collector may be a different one.
const (
	connectGrace    = 800 * time.Millisecond
	connectGraceMin = 100 * time.Millisecond
)

// defaultShutdownTimeout is the timeout of Shutdown if its context has no deadline.
const defaultShutdownTimeout = 10 * time.Second

// Shutdown flushes traces, then metrics (so that the final push includes the final span counts),
// and closes the connections. It waits for a connected collector until ctx ends, or 10 s if ctx has
// no deadline, and for an unreachable one less than 1 s. The error says what was not delivered.
// Later calls return the same error.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	t.shutdown.Do(func() { t.result = t.flushAndClose(ctx) })
	return t.result
}

func (t *Telemetry) flushAndClose(ctx context.Context) error {
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, defaultShutdownTimeout)
		defer cancel()
	}
	deadline := time.Now().Add(connectGrace)
	errs := []error{t.flushTraces(ctx, &deadline), t.flushMetrics(ctx, deadline)}
	for _, l := range t.conns {
		errs = append(errs, l.conn.Close())
	}
	if t.sdkMeters != nil {
		errs = append(errs, t.sdkMeters.Shutdown(ctx))
	}
	return errors.Join(errs...)
}

// flushTraces sets deadline to the time until which the flush of the metrics may wait for a
// connection.
func (t *Telemetry) flushTraces(ctx context.Context, deadline *time.Time) error {
	switch {
	case t.sdkTracers == nil:
		return nil
	case t.traceConn == nil:
		return t.sdkTracers.Shutdown(ctx)
	}
	flushCtx, cancel := t.traceConn.cancelIfUnreachable(ctx, *deadline)
	defer cancel()
	err := t.sdkTracers.Shutdown(flushCtx)
	now := time.Now()
	switch unreachable := errors.Is(context.Cause(flushCtx), errCollectorUnreachable); {
	case !unreachable:
		*deadline = now.Add(connectGrace) // the collector was reachable: metrics get the full time
	case t.traceConn == t.metricsConn:
		*deadline = now // the same connection has just failed
	case deadline.Before(now.Add(connectGraceMin)):
		*deadline = now.Add(connectGraceMin)
	}
	return err
}

func (t *Telemetry) flushMetrics(ctx context.Context, deadline time.Time) error {
	if t.push == nil {
		return nil
	}
	flushCtx, cancel := t.metricsConn.cancelIfUnreachable(ctx, deadline)
	defer cancel()
	t.pushed.last.Store(true)
	err := t.push.Shutdown(flushCtx)
	if err == nil {
		err = t.pushed.lastError()
	}
	if err == nil {
		return nil
	}
	if cause := context.Cause(flushCtx); cause != nil {
		err = cause // the cause says more than "context canceled"
	}
	return fmt.Errorf("telemetry: the final metrics were not pushed: %w", err)
}

// redirectOTelLogs sends the messages and errors of the OpenTelemetry libraries to log instead of
// standard error.
func redirectOTelLogs(log *slog.Logger, now func() time.Time) {
	otel.SetLogger(logr.FromSlogHandler(log.Handler()))
	otel.SetErrorHandler(otel.ErrorHandlerFunc(rateLimitedWarn(log, &rateLimiter{now: now}, "OpenTelemetry error")))
}
