// Package observe is what the server tells about itself: the spans of its
// commands, its metrics, and the text of INFO.
package observe

import (
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"mini-redis/internal/telemetry"
	"mini-redis/services/mini-redis/internal/command"
)

// Sink takes finished spans; *telemetry.Sink is one.
type Sink interface {
	Emit(records []telemetry.Record) (accepted int)
}

// Options is what an [Observer] is made of.
type Options struct {
	Clock      command.Clock                 // required
	Sink       Sink                          // nil: no spans are made
	Propagator propagation.TextMapPropagator // nil: contexts are not read
	Roots      float64                       // spans a second begun here, 0 none: -trace-roots
	MaxSpans   float64                       // spans a second of sampled callers, 0 unbounded: -trace-spans-max
	Keys       bool                          // record the first key of a command in its span
	MaxPending int                           // spans whose reply has not left yet; 0 means DefaultMaxPending
	Rand       func() uint64                 // makes ids; nil means a generator seeded by the system
}

// Observer implements command.Observer.
type Observer struct{ o Options }

var _ command.Observer = (*Observer)(nil)

// New makes an Observer.
func New(o Options) *Observer { return &Observer{o: o} }

// Extract implements command.Observer.
func (o *Observer) Extract([][]byte) (trace.SpanContext, bool) { return trace.SpanContext{}, true }

// Command implements command.Observer.
func (o *Observer) Command(*command.Turn, *command.Call) command.Pending { return nil }

// Flushed implements command.Observer.
func (o *Observer) Flushed([]command.Pending, int64) {}

// Info writes INFO's sections; no names means the default ones. It is called
// with the execution lock held.
func (o *Observer) Info(f Facts, sections []string) string { return "" }

// ResetStat is CONFIG RESETSTAT: what INFO counts begins anew. The metrics'
// counters go on. It is called with the execution lock held.
func (o *Observer) ResetStat(f Facts) {}

// Tick keeps INFO's instantaneous_* up to date: the server's housekeeping calls
// it about ten times a second with the execution lock held. mono is the clock's.
func (o *Observer) Tick(mono, inputBytes, outputBytes int64) {}

// Source is how a scrape reads the server.
type Source struct {
	Locked func(f func()) // calls f with the execution lock held
	Facts  func() Facts   // called by f: with the lock held
}

// Collector returns the metrics, for one registry.
func (o *Observer) Collector(s Source) prometheus.Collector { return nil }

// ReadProcess reads what the operating system knows of this process.
func ReadProcess() Process { return Process{} }
