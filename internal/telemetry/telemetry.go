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

// Options is what a program says about itself, and what it lends, when it starts its telemetry. The zero value works.
type Options struct {
	Service string // service.name, unless OTEL_SERVICE_NAME or OTEL_RESOURCE_ATTRIBUTES says otherwise
	Version string // service.version, likewise

	// Getenv reads the settings; nil means os.Getenv.
	Getenv func(string) string
	// Logger takes telemetry's own complaints, at a bounded rate; nil means slog.Default().
	Logger *slog.Logger
	// Registry is the one place of all metrics, served by StartAdmin and pushed over OTLP; nil means a new one. The Go and
	// process collectors are added.
	Registry *prometheus.Registry
	// Attributes go into the resource, e.g. load.run.id.
	Attributes []attribute.KeyValue
}

// Telemetry is a program's running telemetry. Its methods may be called at any time, also after Shutdown.
type Telemetry struct {
	tracers    trace.TracerProvider
	meters     metric.MeterProvider
	propagator propagation.TextMapPropagator
	registry   *prometheus.Registry
	sink       *Sink

	log                    *slog.Logger
	now                    func() time.Time
	links                  map[dialing]*link
	traceLink, metricsLink *link
	sdkTracers             *sdktrace.TracerProvider // nil when OTEL_SDK_DISABLED
	sdkMeters              *sdkmetric.MeterProvider // likewise
	push                   *sdkmetric.MeterProvider // nil without a push
	pushed                 *pushStats

	shutdown sync.Once
	result   error
}

// Start starts the telemetry of a program as OTEL_* says (see the package comment). It only prepares connections, so a dead
// collector neither delays nor fails it; an error is always a setting that cannot be used. Call Shutdown before the program ends.
//
// Start has one effect on the whole process: what the OpenTelemetry libraries would print to standard error goes to the Logger.
// The global providers are left alone: this project hands providers over as parameters.
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
		propagator: s.propagator, registry: o.Registry, log: o.Logger, now: now, links: make(map[dialing]*link),
		tracers: tracenoop.NewTracerProvider(), meters: metricnoop.NewMeterProvider(), sink: new(Sink),
	}
	if err := addRuntime(o.Registry); err != nil {
		return nil, err
	}
	if s.disabled {
		return t, nil
	}
	adoptComplaints(o.Logger, now)
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
		l, err := t.link(s.traces.dialing)
		if err != nil {
			return err
		}
		t.traceLink = l
		exporter, err = otlptracegrpc.New(ctx,
			otlptracegrpc.WithGRPCConn(l.conn),
			otlptracegrpc.WithHeaders(s.traces.headers),
			otlptracegrpc.WithTimeout(s.traces.timeout),
			otlptracegrpc.WithRetry(otlptracegrpc.RetryConfig{Enabled: false}), // the sink does it
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
	if t.metricsLink, err = t.link(s.metrics.dialing); err != nil {
		return err
	}
	source := &producer{gatherer: t.registry, complain: complainer(t.log, &seldom{now: t.now}, "a metric cannot be collected")}
	t.pushed = new(pushStats)
	t.push, err = newPush(ctx, t.metricsLink, s, res, source, t.pushed)
	return err
}

// link returns the connection for d; signals with the same settings share one.
func (t *Telemetry) link(d dialing) (*link, error) {
	if l := t.links[d]; l != nil {
		return l, nil
	}
	l, err := connect(d, newHealth(t.log, d.address, t.now))
	if err == nil {
		t.links[d] = l
	}
	return l, err
}

// TracerProvider is what tracers come from. Its spans end in Sink.
func (t *Telemetry) TracerProvider() trace.TracerProvider { return t.tracers }

// MeterProvider is what meters come from. Its instruments end in Registry.
func (t *Telemetry) MeterProvider() metric.MeterProvider { return t.meters }

// Propagator is what OTEL_PROPAGATORS names; it works with OTEL_SDK_DISABLED too.
func (t *Telemetry) Propagator() propagation.TextMapPropagator { return t.propagator }

// Registry is the one truth about the program's metrics.
func (t *Telemetry) Registry() *prometheus.Registry { return t.registry }

// Sink is the one way of the program's spans, never nil.
func (t *Telemetry) Sink() *Sink { return t.sink }

// How long Shutdown waits for a collector it has no connection to, for both signals together, so that a short program ends within
// a second; and what the second signal gets at least, whose collector may be another one.
const (
	awayGrace    = 800 * time.Millisecond
	awayGraceMin = 100 * time.Millisecond
)

// longestFlush bounds a Shutdown whose context has no deadline.
const longestFlush = 10 * time.Second

// Shutdown flushes traces, then metrics (so that the last push tells the last losses), and closes the connections. It waits for a
// collector that answers until ctx ends, and for one that cannot be reached less than a second; give ctx a deadline for one that
// hangs (without one it is ten seconds). The error says what was not delivered, and later calls return the same.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	t.shutdown.Do(func() { t.result = t.flushAndClose(ctx) })
	return t.result
}

func (t *Telemetry) flushAndClose(ctx context.Context) error {
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, longestFlush)
		defer cancel()
	}
	deadline := time.Now().Add(awayGrace)
	errs := []error{t.flushTraces(ctx, &deadline), t.flushMetrics(ctx, deadline)}
	for _, l := range t.links {
		errs = append(errs, l.conn.Close())
	}
	if t.sdkMeters != nil {
		errs = append(errs, t.sdkMeters.Shutdown(ctx))
	}
	return errors.Join(errs...)
}

// flushTraces leaves in deadline how long the next signal may wait for its collector.
func (t *Telemetry) flushTraces(ctx context.Context, deadline *time.Time) error {
	switch {
	case t.sdkTracers == nil:
		return nil
	case t.traceLink == nil:
		return t.sdkTracers.Shutdown(ctx)
	}
	watched, cancel := t.traceLink.unlessAway(ctx, *deadline)
	defer cancel()
	err := t.sdkTracers.Shutdown(watched)
	now := time.Now()
	switch away := errors.Is(context.Cause(watched), errCollectorAway); {
	case !away:
		*deadline = now.Add(awayGrace) // the time went to a collector that is there
	case t.traceLink == t.metricsLink:
		*deadline = now // asked and answered
	case deadline.Before(now.Add(awayGraceMin)):
		*deadline = now.Add(awayGraceMin)
	}
	return err
}

func (t *Telemetry) flushMetrics(ctx context.Context, deadline time.Time) error {
	if t.push == nil {
		return nil
	}
	watched, cancel := t.metricsLink.unlessAway(ctx, deadline)
	defer cancel()
	t.pushed.last.Store(true)
	err := t.push.Shutdown(watched)
	if err == nil {
		err = t.pushed.lastError()
	}
	if err == nil {
		return nil
	}
	if cause := context.Cause(watched); cause != nil {
		err = cause // rather than the cancellation it led to
	}
	return fmt.Errorf("telemetry: the last metrics were not pushed: %w", err)
}

// adoptComplaints sends what the OpenTelemetry libraries have to say to the log instead of to standard error.
func adoptComplaints(log *slog.Logger, now func() time.Time) {
	otel.SetLogger(logr.FromSlogHandler(log.Handler()))
	otel.SetErrorHandler(otel.ErrorHandlerFunc(complainer(log, &seldom{now: now}, "OpenTelemetry reports an error")))
}
