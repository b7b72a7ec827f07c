package telemetry

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	colmetricspb "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	_ "google.golang.org/grpc/encoding/gzip" // registers the gzip decompressor
	"google.golang.org/grpc/metadata"
)

// testTimeout is how long a test waits for an expected event. A passing test needs far less.
const testTimeout = 20 * time.Second

// receiver is an OTLP gRPC server that stores the requests it receives.
type receiver struct {
	addr string

	mu      sync.Mutex
	traces  []*coltracepb.ExportTraceServiceRequest
	metrics []*colmetricspb.ExportMetricsServiceRequest
	headers metadata.MD
	answer  func(context.Context, *coltracepb.ExportTraceServiceRequest) (*coltracepb.ExportTraceServiceResponse, error)
	updated chan struct{} // closed and replaced at every request
}

type traceService struct {
	coltracepb.UnimplementedTraceServiceServer
	*receiver
}

type metricsService struct {
	colmetricspb.UnimplementedMetricsServiceServer
	*receiver
}

// newReceiver serves on addr, or on a free port if addr is empty, until the test ends.
func newReceiver(t testing.TB, addr string, options ...grpc.ServerOption) *receiver {
	t.Helper()
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{addr: l.Addr().String(), updated: make(chan struct{})}
	server := grpc.NewServer(options...)
	coltracepb.RegisterTraceServiceServer(server, traceService{receiver: r})
	colmetricspb.RegisterMetricsServiceServer(server, metricsService{receiver: r})
	go func() { _ = server.Serve(l) }()
	t.Cleanup(server.Stop)
	return r
}

func (s traceService) Export(ctx context.Context, req *coltracepb.ExportTraceServiceRequest) (*coltracepb.ExportTraceServiceResponse, error) {
	s.mu.Lock()
	answer := s.answer
	s.mu.Unlock()
	if answer != nil {
		return answer(ctx, req)
	}
	s.arrived(ctx, func() { s.traces = append(s.traces, req) })
	return &coltracepb.ExportTraceServiceResponse{}, nil
}

func (s metricsService) Export(ctx context.Context, req *colmetricspb.ExportMetricsServiceRequest) (*colmetricspb.ExportMetricsServiceResponse, error) {
	s.arrived(ctx, func() { s.metrics = append(s.metrics, req) })
	return &colmetricspb.ExportMetricsServiceResponse{}, nil
}

func (r *receiver) arrived(ctx context.Context, keep func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	keep()
	r.headers, _ = metadata.FromIncomingContext(ctx)
	close(r.updated)
	r.updated = make(chan struct{})
}

// answerTraces makes f answer all further trace exports. The receiver does not store these
// requests.
func (r *receiver) answerTraces(f func(context.Context, *coltracepb.ExportTraceServiceRequest) (*coltracepb.ExportTraceServiceResponse, error)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = f
}

// spans returns the received spans by name, and their resource.
func (r *receiver) spans(t testing.TB) (map[string]*tracepb.Span, *resourcepb.Resource) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	spans := make(map[string]*tracepb.Span)
	var res *resourcepb.Resource
	for _, req := range r.traces {
		for _, rs := range req.ResourceSpans {
			res = rs.Resource
			for _, ss := range rs.ScopeSpans {
				for _, s := range ss.Spans {
					if spans[s.Name] != nil {
						t.Errorf("span %q was received twice", s.Name)
					}
					spans[s.Name] = s
				}
			}
		}
	}
	return spans, res
}

// points returns every metric with the name in the last push that contains it.
func (r *receiver) points(name string) (found []*metricspb.Metric, res *resourcepb.Resource) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := len(r.metrics) - 1; i >= 0 && len(found) == 0; i-- {
		for _, rm := range r.metrics[i].ResourceMetrics {
			for _, sm := range rm.ScopeMetrics {
				for _, m := range sm.Metrics {
					if m.Name == name {
						found, res = append(found, m), rm.Resource
					}
				}
			}
		}
	}
	return found, res
}

// pushes returns the number of received metric pushes.
func (r *receiver) pushes() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.metrics)
}

// header returns a header of the last stored request.
func (r *receiver) header(name string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.headers.Get(name), ",")
}

// await waits until ok returns true. It calls ok after every request.
func (r *receiver) await(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(testTimeout)
	for {
		r.mu.Lock()
		updated := r.updated
		r.mu.Unlock()
		if ok() {
			return
		}
		select {
		case <-updated:
		case <-deadline:
			t.Fatalf("timeout: the receiver did not get %s", what)
		}
	}
}

// environment returns a Getenv function for a program that exports to r, with additional settings.
func (r *receiver) environment(more ...string) func(string) string {
	return environment(append([]string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://" + r.addr}, more...)...)
}
