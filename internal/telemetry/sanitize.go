package telemetry

import (
	"slices"
	"strings"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// OTLP cannot marshal a string that is not valid UTF-8, and one such string makes the export of its
// whole batch fail: up to 511 other spans are lost because of one binary Redis key. Neither the SDK
// nor the exporter validates strings, so the sink does. It replaces invalid bytes by U+FFFD.

// validUTF8 returns s with invalid bytes replaced.
func validUTF8(s string) string { return strings.ToValidUTF8(s, string(utf8.RuneError)) }

// sanitizeAttributes prepares a record's attributes for export. It applies the limits
// OTEL_SPAN_ATTRIBUTE_*, which the SDK applies to its own spans, and replaces invalid UTF-8. It
// copies the slice before a change, because a Describer may share it.
func sanitizeAttributes(attrs []attribute.KeyValue, limits sdktrace.SpanLimits) (kept []attribute.KeyValue, dropped int) {
	if n := limits.AttributeCountLimit; n >= 0 && len(attrs) > n {
		attrs, dropped = attrs[:n], len(attrs)-n
	}
	return mapStrings(attrs, func(s string) string { return truncate(validUTF8(s), limits.AttributeValueLengthLimit) }), dropped
}

// sanitizeSpan returns s, or a sanitizedSpan if s contains invalid UTF-8, which is rare.
func sanitizeSpan(s sdktrace.ReadOnlySpan) sdktrace.ReadOnlySpan {
	name, attrs, status, events := s.Name(), mapStrings(s.Attributes(), validUTF8), s.Status(), sanitizeEvents(s.Events())
	if utf8.ValidString(name) && utf8.ValidString(status.Description) && sameSlice(attrs, s.Attributes()) && sameSlice(events, s.Events()) {
		return s
	}
	status.Description = validUTF8(status.Description)
	return &sanitizedSpan{ReadOnlySpan: s, name: validUTF8(name), attrs: attrs, status: status, events: events}
}

// sanitizedSpan is a span of the SDK with invalid UTF-8 replaced.
type sanitizedSpan struct {
	sdktrace.ReadOnlySpan
	name   string
	attrs  []attribute.KeyValue
	status sdktrace.Status
	events []sdktrace.Event
}

func (s *sanitizedSpan) Name() string                     { return s.name }
func (s *sanitizedSpan) Attributes() []attribute.KeyValue { return s.attrs }
func (s *sanitizedSpan) Status() sdktrace.Status          { return s.status }
func (s *sanitizedSpan) Events() []sdktrace.Event         { return s.events }

func sanitizeEvents(events []sdktrace.Event) []sdktrace.Event {
	out := events
	for i, e := range events {
		attrs := mapStrings(e.Attributes, validUTF8)
		if utf8.ValidString(e.Name) && sameSlice(attrs, e.Attributes) {
			continue
		}
		if sameSlice(out, events) {
			out = slices.Clone(events)
		}
		out[i].Name, out[i].Attributes = validUTF8(e.Name), attrs
	}
	return out
}

// mapStrings applies f to every string value. It returns attrs itself if nothing changed.
func mapStrings(attrs []attribute.KeyValue, f func(string) string) []attribute.KeyValue {
	out := attrs
	for i, kv := range attrs {
		if kv.Value.Type() != attribute.STRING {
			continue
		}
		old := kv.Value.AsString()
		if now := f(old); now != old {
			if sameSlice(out, attrs) {
				out = slices.Clone(attrs)
			}
			out[i] = kv.Key.String(now)
		}
	}
	return out
}

// sameSlice reports whether a and b are the same slice, which means that nothing was copied.
func sameSlice[T any](a, b []T) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// truncate cuts s after n characters. A negative n means no limit.
func truncate(s string, n int) string {
	if n < 0 || len(s) <= n {
		return s
	}
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}
