package telemetry

import (
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// Record is one finished span in the compact form that hot paths write: numbers and shared pointers only, so that filling and
// emitting one allocates nothing. Its name and attributes come from Describer, later and elsewhere.
type Record struct {
	TraceID trace.TraceID
	SpanID  trace.SpanID
	Parent  trace.SpanID // zero for a root
	// Flags of the span's own context. Without trace.FlagsSampled a record reaches subscribers only, never the exporter.
	Flags        trace.TraceFlags
	ParentRemote bool // the parent lives in another process
	TraceState   trace.TraceState
	Kind         trace.SpanKind
	Start, End   int64 // Unix time in nanoseconds; End is 0 for a span that is open, which Show alone takes
	Status       codes.Code
	// Describer gives the record its meaning. It is shared by many records and outlives them; nil leaves the span without a name.
	Describer Describer
	Data      [8]int64 // private to Describer
	Text      string   // private to Describer
}

// Describer turns a record's Data and Text into a span name and attributes. It is called outside of the hot path, possibly by
// several goroutines at once, and must not keep or change the record. The attributes are not changed after they are returned, so
// a Describer may return a shared slice.
type Describer interface {
	Describe(r *Record) (name string, attrs []attribute.KeyValue)
}

// Scoper is what a Describer implements to name the instrumentation scope of its spans. Without it they are in the scope of the
// sink (the service).
type Scoper interface {
	Scope() (name, version string)
}

// spanContext is the identity of the recorded span.
func (r *Record) spanContext() trace.SpanContext {
	return trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: r.TraceID, SpanID: r.SpanID, TraceFlags: r.Flags, TraceState: r.TraceState,
	})
}

// parentContext is the identity of its parent, invalid for a root.
func (r *Record) parentContext() trace.SpanContext {
	if !r.Parent.IsValid() {
		return trace.SpanContext{}
	}
	return trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: r.TraceID, SpanID: r.Parent, TraceFlags: r.Flags, TraceState: r.TraceState, Remote: r.ParentRemote,
	})
}

// describe asks the Describer.
func (r *Record) describe() (string, []attribute.KeyValue) {
	if r.Describer == nil {
		return "", nil
	}
	return r.Describer.Describe(r)
}
