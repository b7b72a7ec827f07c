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

// Option changes what Instrument does.
type Option func(*options)

type options struct {
	tracers    trace.TracerProvider
	meters     metric.MeterProvider
	propagator propagation.TextMapPropagator
	filter     func(redis.Cmder) bool
	keys       bool
}

// WithTracerProvider sets where spans go. Default: otel.GetTracerProvider().
func WithTracerProvider(p trace.TracerProvider) Option { return func(o *options) { o.tracers = p } }

// WithMeterProvider sets where metrics go. Default: otel.GetMeterProvider().
func WithMeterProvider(p metric.MeterProvider) Option { return func(o *options) { o.meters = p } }

// WithPropagator sets what is put on the wire. Default:
// otel.GetTextMapPropagator(), which injects nothing unless the program sets
// one. Baggage travels with sampled commands if the propagator injects it:
// leave it out for a server that should not see it.
func WithPropagator(p propagation.TextMapPropagator) Option {
	return func(o *options) { o.propagator = p }
}

// WithFilter sets which commands are traced: those for which the function
// returns true. Others have no span and go plain; they still count in the
// metrics. A batch has a span if one of its commands is traced. The function
// is called for each command and must not change it. Default: all.
func WithFilter(traced func(cmd redis.Cmder) bool) Option {
	return func(o *options) { o.filter = traced }
}

// WithKeys sets whether spans say which keys a command names, as db.query.text
// with every other argument replaced by "?" ("SET user:42 ?"). Default: false,
// since keys can hold what must not leave the process.
func WithKeys(on bool) Option { return func(o *options) { o.keys = on } }

// config is what the hooks of one Instrument share. It does not change.
type config struct {
	tracer     trace.Tracer
	propagator propagation.TextMapPropagator
	filter     func(redis.Cmder) bool // nil: all
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

// traces says whether the user's filter lets cmd be traced.
func (cfg *config) traces(cmd redis.Cmder) bool { return cfg.filter == nil || cfg.filter(cmd) }
