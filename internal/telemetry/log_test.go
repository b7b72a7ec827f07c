package telemetry

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/trace"
)

// logLine calls write with a logger and returns the logged line as a JSON object.
func logLine(t *testing.T, write func(*slog.Logger)) map[string]any {
	t.Helper()
	var buf bytes.Buffer
	log, err := NewLogger(&buf, environment())
	if err != nil {
		t.Fatal(err)
	}
	write(log)
	var line map[string]any
	if err := json.Unmarshal(buf.Bytes(), &line); err != nil {
		t.Fatalf("%q: %v", buf.String(), err)
	}
	return line
}

func TestLogLineHasTraceAndSpanID(t *testing.T) {
	ctx := trace.ContextWithSpanContext(t.Context(), sampled())
	trace, span := sampled().TraceID().String(), sampled().SpanID().String()

	line := logLine(t, func(l *slog.Logger) { l.InfoContext(ctx, "hello", "k", "v") })
	if line["trace_id"] != trace || line["span_id"] != span || line["k"] != "v" || line["msg"] != "hello" {
		t.Errorf("line: %v", line)
	}
	line = logLine(t, func(l *slog.Logger) { l.With("a", 1).WithGroup("g").With("b", 2).InfoContext(ctx, "hello", "c", 3) })
	group, _ := line["g"].(map[string]any)
	if line["trace_id"] != trace || line["span_id"] != span || line["a"] != 1.0 || group["b"] != 2.0 || group["c"] != 3.0 || len(group) != 2 {
		t.Errorf("with a group: %v", line)
	}
	line = logLine(t, func(l *slog.Logger) { l.WithGroup("").Info("hello", "k", "v") })
	if _, found := line["trace_id"]; found || line["k"] != "v" {
		t.Errorf("without a span: %v", line)
	}
}

func TestSiblingLoggersDoNotShareAttributes(t *testing.T) {
	ctx := trace.ContextWithSpanContext(t.Context(), sampled())
	var buf bytes.Buffer
	log, _ := NewLogger(&buf, environment())
	parent := log.WithGroup("g").With("x", 0)
	first, second := parent.With("first", 1), parent.With("second", 2)
	first.InfoContext(ctx, "one")
	second.InfoContext(ctx, "two")
	lines := strings.Split(strings.TrimSpace(buf.String()), "\n")
	if strings.Contains(lines[0], "second") || strings.Contains(lines[1], "first") {
		t.Errorf("log:\n%s", buf.String())
	}
}

func TestLogSettings(t *testing.T) {
	f := func(wantLines int, wantPrefix string, settings ...string) {
		t.Helper()
		var buf bytes.Buffer
		log, err := NewLogger(&buf, environment(settings...))
		if err != nil {
			t.Fatal(err)
		}
		log.Debug("m")
		log.Info("m")
		log.Warn("m")
		log.Error("m")
		if got := strings.Count(buf.String(), "\n"); got != wantLines || !strings.HasPrefix(buf.String(), wantPrefix) {
			t.Errorf("%v: %d lines, want %d:\n%s", settings, got, wantLines, buf.String())
		}
	}
	f(3, `{"time":`)
	f(4, `{"time":`, "LOG_LEVEL=DEBUG", "LOG_FORMAT=json")
	f(2, `time=`, "LOG_LEVEL=warn", "LOG_FORMAT=text")
	f(1, `time=`, "LOG_LEVEL=error", "LOG_FORMAT=Text")

	for _, bad := range []string{"LOG_LEVEL=loud", "LOG_FORMAT=xml"} {
		name, _, _ := strings.Cut(bad, "=")
		if _, err := NewLogger(&bytes.Buffer{}, environment(bad)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
