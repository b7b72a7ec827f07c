package resptrace

import (
	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// scope is the name of the tracer and of the meter.
const scope = "mini-redis/resptrace"

// Option is an option of Instrument and InstrumentRing.
type Option func(*options)

type options struct {
	tracers    trace.TracerProvider
	meters     metric.MeterProvider
	propagator propagation.TextMapPropagator
	filter     func(redis.Cmder) bool
	keys       bool
}

// WithTracerProvider sets the provider of the tracer. Default: otel.GetTracerProvider().
func WithTracerProvider(p trace.TracerProvider) Option { return func(o *options) { o.tracers = p } }

// WithMeterProvider sets the provider of the meter. Default: otel.GetMeterProvider().
func WithMeterProvider(p metric.MeterProvider) Option { return func(o *options) { o.meters = p } }

// WithPropagator sets the propagator whose fields are sent with commands. Default:
// otel.GetTextMapPropagator(), which injects nothing unless the program sets one.
// If the propagator injects baggage, baggage is sent with sampled commands. Use a
// propagator without baggage for a server that must not receive it.
func WithPropagator(p propagation.TextMapPropagator) Option {
	return func(o *options) { o.propagator = p }
}

// WithFilter sets which commands are traced: those for which the function returns
// true. Other commands have no span and are sent without a context, but they are
// recorded in the metrics. A batch has a span if one of its commands is traced.
// The function is called for each command and must not modify it. Default: all
// commands.
func WithFilter(traced func(cmd redis.Cmder) bool) Option {
	return func(o *options) { o.filter = traced }
}

// WithKeys sets whether spans record the keys of a command, as db.query.text with
// every other argument replaced by "?" ("SET user:42 ?"). Default: false, because
// keys can contain data that must not leave the process.
func WithKeys(on bool) Option { return func(o *options) { o.keys = on } }

// config is the immutable configuration that the hooks of one Instrument call share.
type config struct {
	tracer     trace.Tracer
	propagator propagation.TextMapPropagator
	filter     func(redis.Cmder) bool // nil: all commands
	keys       bool
	duration   metric.Float64Histogram
	pools      *poolMetrics
}

func newConfig(opts []Option) (*config, error) {
	o := options{
		tracers:    otel.GetTracerProvider(),
		meters:     otel.GetMeterProvider(),
		propagator: otel.GetTextMapPropagator(),
	}
	for _, set := range opts {
		set(&o)
	}
	meter := o.meters.Meter(scope, metric.WithSchemaURL(semconv.SchemaURL))
	duration, err := newDuration(meter)
	if err != nil {
		return nil, err
	}
	pools, err := newPoolMetrics(meter)
	if err != nil {
		return nil, err
	}
	return &config{
		tracer:     o.tracers.Tracer(scope, trace.WithSchemaURL(semconv.SchemaURL)),
		propagator: o.propagator,
		filter:     o.filter,
		keys:       o.keys,
		duration:   duration,
		pools:      pools,
	}, nil
}

// traces reports whether the filter of WithFilter selects cmd.
func (cfg *config) traces(cmd redis.Cmder) bool { return cfg.filter == nil || cfg.filter(cmd) }
