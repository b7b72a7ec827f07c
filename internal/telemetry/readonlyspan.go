package telemetry

import (
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// recordSpan adapts a Record to sdktrace.ReadOnlySpan, for exporters. The interface has a private
// method, so it must be embedded. The embedded value is nil, so recordSpan must implement EVERY
// public method (TestRecordSpanImplementsReadOnlySpan calls them all).
type recordSpan struct {
	sdktrace.ReadOnlySpan
	record   *Record
	name     string
	attrs    []attribute.KeyValue
	dropped  int // attributes over the limit
	scope    instrumentation.Scope
	resource *resource.Resource
}

func (s *recordSpan) Name() string                     { return s.name }
func (s *recordSpan) SpanContext() trace.SpanContext   { return s.record.spanContext() }
func (s *recordSpan) Parent() trace.SpanContext        { return s.record.parentContext() }
func (s *recordSpan) SpanKind() trace.SpanKind         { return s.record.Kind }
func (s *recordSpan) StartTime() time.Time             { return time.Unix(0, s.record.Start) }
func (s *recordSpan) EndTime() time.Time               { return time.Unix(0, s.record.End) }
func (s *recordSpan) Attributes() []attribute.KeyValue { return s.attrs }
func (s *recordSpan) Links() []sdktrace.Link           { return nil }
func (s *recordSpan) Events() []sdktrace.Event         { return nil }
func (s *recordSpan) Status() sdktrace.Status          { return sdktrace.Status{Code: s.record.Status} }
func (s *recordSpan) Resource() *resource.Resource     { return s.resource }
func (s *recordSpan) DroppedAttributes() int           { return s.dropped }
func (s *recordSpan) DroppedLinks() int                { return 0 }
func (s *recordSpan) DroppedEvents() int               { return 0 }
func (s *recordSpan) ChildSpanCount() int              { return 0 }

func (s *recordSpan) InstrumentationScope() instrumentation.Scope { return s.scope }

// InstrumentationLibrary is the deprecated name of InstrumentationScope. The interface still
// requires it, with an alias of this type.
func (s *recordSpan) InstrumentationLibrary() instrumentation.Scope { return s.scope }

// converter converts items to spans for an exporter. It reuses its buffers for every batch: an
// exporter must not retain spans after ExportSpans returns.
type converter struct {
	resource *resource.Resource
	scope    instrumentation.Scope
	limits   sdktrace.SpanLimits
	records  []recordSpan
	spans    []sdktrace.ReadOnlySpan
}

// convert returns the sampled spans among items, valid until the next call.
func (c *converter) convert(items []item) []sdktrace.ReadOnlySpan {
	if cap(c.records) < len(items) {
		c.records = make([]recordSpan, 0, len(items)) // must not grow below: c.spans points into it
	}
	c.records, c.spans = c.records[:0], c.spans[:0]
	for i := range items {
		if items[i].span != nil {
			c.spans = append(c.spans, sanitizeSpan(items[i].span))
			continue
		}
		record := &items[i].record
		if !record.Flags.IsSampled() {
			continue
		}
		name, attrs := record.describe()
		attrs, dropped := sanitizeAttributes(attrs, c.limits)
		c.records = append(c.records, recordSpan{
			record: record, name: validUTF8(name), attrs: attrs, dropped: dropped, scope: c.scopeOf(record), resource: c.resource,
		})
		c.spans = append(c.spans, &c.records[len(c.records)-1])
	}
	return c.spans
}

// release drops the references to the last batch.
func (c *converter) release() {
	clear(c.records)
	clear(c.spans)
}

func (c *converter) scopeOf(r *Record) instrumentation.Scope {
	if s, ok := r.Describer.(Scoper); ok {
		name, version := s.Scope()
		return instrumentation.Scope{Name: name, Version: version}
	}
	return c.scope
}
