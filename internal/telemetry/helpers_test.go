package telemetry

import (
	"bytes"
	"context"
	"log/slog"
	"maps"
	"net"
	"strings"
	"sync"
	"testing"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
)

// environment returns a Getenv function for name=value settings.
func environment(settings ...string) func(string) string {
	values := make(map[string]string)
	for _, s := range settings {
		name, value, _ := strings.Cut(s, "=")
		values[name] = value
	}
	return func(name string) string { return values[name] }
}

// logBuffer is a log that can be read while it is written to.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBuffer) logger() *slog.Logger { return slog.New(slog.NewJSONHandler(l, nil)) }

func (l *logBuffer) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.buf.String(), text)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// mustStart starts telemetry and stops it when the test ends.
func mustStart(t testing.TB, o Options) *Telemetry {
	t.Helper()
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	tel, err := Start(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = tel.Shutdown(ctx)
	})
	return tel
}

// mustShutdown shuts tel down and fails the test on an error.
func mustShutdown(t testing.TB, tel *Telemetry) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
	defer cancel()
	if err := tel.Shutdown(ctx); err != nil {
		t.Fatalf("Shutdown: %v", err)
	}
}

// attributes converts OTLP attributes to Go values.
func attributes(kvs []*commonpb.KeyValue) map[string]any {
	out := make(map[string]any, len(kvs))
	for _, kv := range kvs {
		switch v := kv.Value.Value.(type) {
		case *commonpb.AnyValue_StringValue:
			out[kv.Key] = v.StringValue
		case *commonpb.AnyValue_IntValue:
			out[kv.Key] = v.IntValue
		default:
			out[kv.Key] = kv.Value.String()
		}
	}
	return out
}

func wantAttributes(t testing.TB, what string, got []*commonpb.KeyValue, want map[string]any) {
	t.Helper()
	if g := attributes(got); !maps.Equal(g, want) {
		t.Errorf("%s: attributes %v, want %v", what, g, want)
	}
}

// freeAddr returns an address that is not in use at the time of the call.
func freeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// value returns a sample of the registry by name and labels. Labels are a=b pairs, which must all
// match.
func value(t testing.TB, tel *Telemetry, name string, labels ...string) float64 {
	t.Helper()
	families, err := tel.Registry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			have := make(map[string]string)
			for _, l := range m.GetLabel() {
				have[l.GetName()] = l.GetValue()
			}
			if matches(have, labels) {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return 0
}

// matches reports whether the labels match. error_type must be absent unless want contains it.
func matches(have map[string]string, want []string) bool {
	askedForError := false
	for _, w := range want {
		k, v, _ := strings.Cut(w, "=")
		askedForError = askedForError || k == "error_type"
		if have[k] != v {
			return false
		}
	}
	_, isError := have["error_type"]
	return askedForError == isError
}

const (
	metricProcessed = "otel_sdk_processor_span_processed_total"
	metricExported  = "otel_sdk_exporter_span_exported_total"
)

// wantValue checks a sample of the registry.
func wantValue(t testing.TB, tel *Telemetry, want float64, name string, labels ...string) {
	t.Helper()
	if got := value(t, tel, name, labels...); got != want {
		t.Errorf("%s%v = %v, want %v", name, labels, got, want)
	}
}
