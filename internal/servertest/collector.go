package servertest

import (
	"context"
	"encoding/hex"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	pb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	_ "google.golang.org/grpc/encoding/gzip" // registers the gzip decompressor
)

// Span is a received span.
type Span struct {
	Service, Name, Kind string // Kind is INTERNAL, CLIENT, SERVER or CONSUMER
	TraceID, ID, Parent string // hexadecimal; Parent is empty for a root span
	Attributes          map[string]string
	Resource            map[string]string
	Failed              bool
}

// Collector is an OTLP receiver that stores the spans it receives.
type Collector struct {
	collector.UnimplementedTraceServiceServer
	addr string

	mu    sync.Mutex // guards spans
	spans []Span
}

// NewCollector starts an OTLP receiver on a free port until the test ends.
func NewCollector(t testing.TB) *Collector {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &Collector{addr: l.Addr().String()}
	server := grpc.NewServer()
	collector.RegisterTraceServiceServer(server, c)
	go func() { _ = server.Serve(l) }()
	t.Cleanup(server.Stop)
	return c
}

// Env returns environment variables (NAME=value) that make a program export its
// traces to the collector every 50 ms and no metrics.
func (c *Collector) Env() []string {
	return []string{
		"OTEL_EXPORTER_OTLP_ENDPOINT=http://" + c.addr,
		"OTEL_METRICS_EXPORTER=none",
		"OTEL_BSP_SCHEDULE_DELAY=50",
	}
}

// Export implements the OTLP service.
func (c *Collector) Export(_ context.Context, request *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, resource := range request.GetResourceSpans() {
		resourceAttrs := attributes(resource.GetResource().GetAttributes())
		for _, scope := range resource.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				c.spans = append(c.spans, Span{
					Service: resourceAttrs["service.name"], Name: s.GetName(), Kind: s.GetKind().String()[len("SPAN_KIND_"):],
					TraceID: hex.EncodeToString(s.GetTraceId()), ID: hex.EncodeToString(s.GetSpanId()),
					Parent:     hex.EncodeToString(s.GetParentSpanId()),
					Attributes: attributes(s.GetAttributes()), Resource: resourceAttrs,
					Failed: s.GetStatus().GetCode() == pb.Status_STATUS_CODE_ERROR,
				})
			}
		}
	}
	return &collector.ExportTraceServiceResponse{}, nil
}

func attributes(pairs []*common.KeyValue) map[string]string {
	m := map[string]string{}
	for _, p := range pairs {
		m[p.GetKey()] = p.GetValue().String()
		if s, ok := p.GetValue().GetValue().(*common.AnyValue_StringValue); ok {
			m[p.GetKey()] = s.StringValue
		}
	}
	return m
}

// Spans returns all spans received so far.
func (c *Collector) Spans() []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.spans)
}

// Trace waits for n spans of a trace, and then 200 ms more to detect unexpected
// ones. It returns the spans as lines "service: KIND name", indented under their
// parents. The subtrees of siblings are in alphabetical order.
func (c *Collector) Trace(t testing.TB, traceID string, n int) string {
	t.Helper()
	var spans []Span
	for deadline := time.Now().Add(testTimeout); ; time.Sleep(10 * time.Millisecond) {
		spans = slices.DeleteFunc(c.Spans(), func(s Span) bool { return s.TraceID != traceID })
		if len(spans) >= n {
			break
		}
		if time.Now().After(deadline) {
			t.Errorf("received %d spans of trace %s, want %d", len(spans), traceID, n)
			break
		}
	}
	time.Sleep(200 * time.Millisecond)
	spans = slices.DeleteFunc(c.Spans(), func(s Span) bool { return s.TraceID != traceID })
	return formatTree(spans, "", "")
}

func formatTree(spans []Span, parent, indent string) (text string) {
	var lines []string
	for _, s := range spans {
		if s.Parent == parent {
			lines = append(lines, indent+s.Service+": "+s.Kind+" "+s.Name+"\n"+formatTree(spans, s.ID, indent+"  "))
		}
	}
	slices.Sort(lines)
	for _, l := range lines {
		text += l
	}
	return text
}
