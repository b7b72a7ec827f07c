package telemetry

import (
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// Record is the compact form of a finished span, for hot paths. It holds only numbers and shared
// pointers, so filling and emitting it does not allocate. Its Describer provides the name and the
// attributes later, on another goroutine.
type Record struct {
	TraceID trace.TraceID
	SpanID  trace.SpanID
	Parent  trace.SpanID // zero for a root span
	// Flags of the span's context. A record without trace.FlagsSampled is sent to subscribers but
	// not to the exporter.
	Flags        trace.TraceFlags
	ParentRemote bool // the parent span is in another process
	TraceState   trace.TraceState
	Kind         trace.SpanKind
	Start, End   int64 // Unix time in nanoseconds; End is 0 for an open span, which only Show accepts
	Status       codes.Code
	// Describer provides the name and the attributes. Many records share it. If it is nil, the span
	// has no name.
	Describer Describer
	Data      [8]int64 // private to Describer
	Text      string   // private to Describer
}

// Describer converts a record's Data and Text to a span name and attributes. Describe is called
// outside the hot path, possibly by several goroutines at once. It must not retain or modify the
// record. The caller does not modify the returned attributes, so a Describer may return a shared
// slice.
type Describer interface {
	Describe(r *Record) (name string, attrs []attribute.KeyValue)
}

// Scoper is an optional interface of a Describer. Scope returns the instrumentation scope of its
// spans. Spans of other Describers have the scope of the sink: the service's name and version.
type Scoper interface {
	Scope() (name, version string)
}

// spanContext returns the context of the recorded span.
func (r *Record) spanContext() trace.SpanContext {
	return trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: r.TraceID, SpanID: r.SpanID, TraceFlags: r.Flags, TraceState: r.TraceState,
	})
}

// parentContext returns the context of the parent span. It is invalid for a root span.
func (r *Record) parentContext() trace.SpanContext {
	if !r.Parent.IsValid() {
		return trace.SpanContext{}
	}
	return trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: r.TraceID, SpanID: r.Parent, TraceFlags: r.Flags, TraceState: r.TraceState, Remote: r.ParentRemote,
	})
}

// describe calls the Describer, if there is one.
func (r *Record) describe() (string, []attribute.KeyValue) {
	if r.Describer == nil {
		return "", nil
	}
	return r.Describer.Describe(r)
}
