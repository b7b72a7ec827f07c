package observe

import (
	"context"
	"encoding/hex"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	colmetricspb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	_ "google.golang.org/grpc/encoding/gzip" // registers the decompressor

	"mini-redis/internal/telemetry"
	"mini-redis/services/mini-redis/internal/engine"
)

// collectorStub is an OTLP receiver that keeps the spans and the last metrics.
type collectorStub struct {
	coltracepb.UnimplementedTraceServiceServer
	mu      sync.Mutex
	spans   []*tracepb.Span
	metrics map[string][]*metricspb.Metric
}

// metricsStub is its metrics service: both services have a method Export.
type metricsStub struct {
	colmetricspb.UnimplementedMetricsServiceServer
	*collectorStub
}

func (c *collectorStub) Export(_ context.Context, r *coltracepb.ExportTraceServiceRequest) (*coltracepb.ExportTraceServiceResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, resource := range r.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			c.spans = append(c.spans, scope.Spans...)
		}
	}
	return &coltracepb.ExportTraceServiceResponse{}, nil
}

func (m metricsStub) Export(_ context.Context, r *colmetricspb.ExportMetricsServiceRequest) (*colmetricspb.ExportMetricsServiceResponse, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.metrics = map[string][]*metricspb.Metric{}
	for _, resource := range r.ResourceMetrics {
		for _, scope := range resource.ScopeMetrics {
			for _, metric := range scope.Metrics {
				m.metrics[metric.Name] = append(m.metrics[metric.Name], metric)
			}
		}
	}
	return &colmetricspb.ExportMetricsServiceResponse{}, nil
}

func startCollector(t *testing.T) (*collectorStub, string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stub := &collectorStub{}
	server := grpc.NewServer()
	coltracepb.RegisterTraceServiceServer(server, stub)
	colmetricspb.RegisterMetricsServiceServer(server, metricsStub{collectorStub: stub})
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return stub, listener.Addr().String()
}

// Spans and metrics go through internal/telemetry to an OTLP receiver. The span of every
// exemplar must have arrived there.
func TestSpansAndExemplarsReachTheCollector(t *testing.T) {
	stub, addr := startCollector(t)
	tel, err := telemetry.Start(t.Context(), telemetry.Options{
		Service: "mini-redis", Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Getenv: func(name string) string {
			return map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + addr}[name]
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, func(o *Options) { o.Sink, o.Propagator = tel.Sink(), tel.Propagator() })
	tel.Registry().MustRegister(r.Collector(Source{
		Locked: func(f func()) { f() }, Facts: func() Facts { return someFacts(r.clock) },
	}))
	report := func(spec *engine.Spec, ns int64, parent string) {
		turn := turnAt(r.clock.Mono())
		call := callIn(turn, spec)
		call.End = call.Start + ns
		if parent != "" {
			call.Parent, _ = r.Extract(bytesOf("traceparent", parent))
			call.Traced = true
		}
		r.run(turn, call)
	}
	report(specGet, 700, w3c)
	report(specGet, 30_000_000, w3c)
	report(specSet, 900, w3c)
	report(specPing, 900, "")

	page := scrape(t, tel)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := tel.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	stub.mu.Lock()
	defer stub.mu.Unlock()
	spans := map[string]bool{} // by hexadecimal ID
	for _, s := range stub.spans {
		spans[hex.EncodeToString(s.SpanId)] = true
		if hex.EncodeToString(s.TraceId) != traceHex || hex.EncodeToString(s.ParentSpanId) != spanHex {
			t.Errorf("%s is not a child of the caller's span", s.Name)
		}
	}
	if len(spans) != 3 {
		t.Errorf("%d spans arrived, want 3", len(spans))
	}
	mustExemplars(t, stub.metrics["mini_redis_command_duration_seconds"], spans)
	for id := range spans {
		if !strings.Contains(page, `# {trace_id="`+traceHex+`",span_id="`+id+`"}`) {
			t.Errorf("the scrape has no exemplar of span %s", id)
		}
	}
}

// mustExemplars checks the exemplars of both forms of the histogram that was pushed.
func mustExemplars(t testing.TB, forms []*metricspb.Metric, spans map[string]bool) {
	t.Helper()
	fixed, exponential := 0, 0
	check := func(list []*metricspb.Exemplar) {
		t.Helper()
		for _, e := range list {
			if !spans[hex.EncodeToString(e.SpanId)] || hex.EncodeToString(e.TraceId) != traceHex {
				t.Errorf("the span %x of an exemplar, in trace %x, did not arrive", e.SpanId, e.TraceId)
			}
		}
	}
	for _, form := range forms {
		for _, p := range form.GetHistogram().GetDataPoints() {
			check(p.Exemplars)
			fixed += len(p.Exemplars)
			if p.Attributes[0].Key != "cmd" {
				t.Errorf("attribute %s", p.Attributes[0].Key)
			}
		}
		for _, p := range form.GetExponentialHistogram().GetDataPoints() {
			check(p.Exemplars)
			exponential += len(p.Exemplars)
			var sum uint64
			for _, n := range p.Positive.BucketCounts {
				sum += n
			}
			if sum != p.Count || p.Scale != nativeSchema {
				t.Errorf("%d of %d calls are in the exponential buckets, scale %d", sum, p.Count, p.Scale)
			}
		}
	}
	if fixed != 3 || exponential != 3 {
		t.Errorf("%d exemplars in fixed and %d in exponential buckets, want 3 and 3", fixed, exponential)
	}
}

// scrape reads the registry as OpenMetrics.
func scrape(t testing.TB, tel *telemetry.Telemetry) string {
	t.Helper()
	handler := promhttp.HandlerFor(tel.Registry(), promhttp.HandlerOpts{EnableOpenMetrics: true})
	request := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	request.Header.Set("Accept", "application/openmetrics-text;version=1.0.0")
	response := httptest.NewRecorder()
	handler.ServeHTTP(response, request)
	if response.Code != http.StatusOK {
		t.Fatalf("status %d: %s", response.Code, response.Body)
	}
	return response.Body.String()
}
