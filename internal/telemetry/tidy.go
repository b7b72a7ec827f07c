package telemetry

import (
	"slices"
	"strings"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// A string that is not UTF-8 cannot be marshalled into OTLP, and takes its whole batch with it: 511 good spans lost for one binary
// Redis key. Neither the SDK nor the exporter looks, so the sink does. Bad bytes become U+FFFD.

// valid returns s as UTF-8.
func valid(s string) string { return strings.ToValidUTF8(s, string(utf8.RuneError)) }

// tidy makes a record's attributes fit for export: the limits OTEL_SPAN_ATTRIBUTE_* that the SDK holds its own spans to, and valid
// UTF-8. It copies before it changes: a Describer may share the slice.
func tidy(attrs []attribute.KeyValue, limits sdktrace.SpanLimits) (kept []attribute.KeyValue, dropped int) {
	if n := limits.AttributeCountLimit; n >= 0 && len(attrs) > n {
		attrs, dropped = attrs[:n], len(attrs)-n
	}
	return mapStrings(attrs, func(s string) string { return truncate(valid(s), limits.AttributeValueLengthLimit) }), dropped
}

// validSpan returns s, or, in the rare case that it holds bad bytes, a view of it that does not.
func validSpan(s sdktrace.ReadOnlySpan) sdktrace.ReadOnlySpan {
	name, attrs, status, events := s.Name(), mapStrings(s.Attributes(), valid), s.Status(), validEvents(s.Events())
	if utf8.ValidString(name) && utf8.ValidString(status.Description) && same(attrs, s.Attributes()) && same(events, s.Events()) {
		return s
	}
	status.Description = valid(status.Description)
	return &cleanSpan{ReadOnlySpan: s, name: valid(name), attrs: attrs, status: status, events: events}
}

// cleanSpan is a span of the SDK with its strings made valid.
type cleanSpan struct {
	sdktrace.ReadOnlySpan
	name   string
	attrs  []attribute.KeyValue
	status sdktrace.Status
	events []sdktrace.Event
}

func (s *cleanSpan) Name() string                     { return s.name }
func (s *cleanSpan) Attributes() []attribute.KeyValue { return s.attrs }
func (s *cleanSpan) Status() sdktrace.Status          { return s.status }
func (s *cleanSpan) Events() []sdktrace.Event         { return s.events }

func validEvents(events []sdktrace.Event) []sdktrace.Event {
	out := events
	for i, e := range events {
		attrs := mapStrings(e.Attributes, valid)
		if utf8.ValidString(e.Name) && same(attrs, e.Attributes) {
			continue
		}
		if same(out, events) {
			out = slices.Clone(events)
		}
		out[i].Name, out[i].Attributes = valid(e.Name), attrs
	}
	return out
}

// mapStrings applies f to every string value; it returns attrs itself when nothing changed.
func mapStrings(attrs []attribute.KeyValue, f func(string) string) []attribute.KeyValue {
	out := attrs
	for i, kv := range attrs {
		if kv.Value.Type() != attribute.STRING {
			continue
		}
		old := kv.Value.AsString()
		if now := f(old); now != old {
			if same(out, attrs) {
				out = slices.Clone(attrs)
			}
			out[i] = kv.Key.String(now)
		}
	}
	return out
}

// same reports whether a and b are one slice: the sign that nothing had to be copied.
func same[T any](a, b []T) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// truncate cuts s after n characters; a negative n means no limit.
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
