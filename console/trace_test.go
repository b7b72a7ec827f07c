package console

import (
	"context"
	"io"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"

	"mini-redis/console/wire/commonpb"
	"mini-redis/console/wire/taskspb"
	"mini-redis/console/wire/tracepb"
)

type taskDetails = taskspb.TaskDetails

// fixedSpans is a source that has some spans, then ends.
type fixedSpans struct {
	spans  []Span
	missed uint64
}

func (f *fixedSpans) Subscribe(int) SpanStream { return &fixedStream{f.spans, f.missed} }

type fixedStream struct {
	spans  []Span
	missed uint64
}

func (f *fixedStream) Next(_ context.Context, dst []Span) (int, uint64, error) {
	n, missed := copy(dst, f.spans), f.missed
	f.spans, f.missed = f.spans[n:], 0
	if n == 0 {
		return 0, missed, io.EOF
	}
	return n, missed, nil
}

func (f *fixedStream) Close() {}

func span(name string, id byte, parent byte, attrs ...attribute.KeyValue) Span {
	context := func(id byte) trace.SpanContext {
		return trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{15: 7}, SpanID: trace.SpanID{7: id}})
	}
	s := Span{Name: name, Context: context(id), Kind: trace.SpanKindServer, Start: time.Unix(10, 0), End: time.Unix(10, 5000), Attributes: attrs, Scope: "scope"}
	if parent != 0 {
		s.Parent = context(parent)
	}
	return s
}

// events watches the spans of a source to their end.
func events(t *testing.T, source *fixedSpans, filter string, before func(c *Console)) []*tracepb.TraceEvent {
	t.Helper()
	c, s := serve(t, Options{Spans: source}, ServeOptions{})
	if before != nil {
		before(c)
	}
	stream := must[grpc.ServerStreamingClient[tracepb.TraceEvent]](t)(tracepb.NewTraceClient(dial(t, s, nil)).Watch(t.Context(), &tracepb.WatchRequest{Filter: filter}))
	var list []*tracepb.TraceEvent
	for {
		e, err := stream.Recv()
		if err == io.EOF {
			return list
		}
		list = append(list, must[*tracepb.TraceEvent](t)(e, err))
	}
}

func TestASpanIsToldWithItsTraceAndItsTask(t *testing.T) {
	failed := span("GET", 2, 1, attribute.String("network.peer.address", "::1"), attribute.Int("network.peer.port", 5000), attribute.Bool("hit", true))
	failed.Status = otelcodes.Error
	var task *Task
	got := events(t, &fixedSpans{spans: []Span{failed, span("GET", 3, 0)}}, "", func(c *Console) {
		task = c.NewTask(TaskOptions{Name: "connection", Key: "[::1]:5000"})
	})
	if len(got) != 8 { // metadata, span, thread, enter, exit, close; span, close
		t.Fatalf("%d events: %v", len(got), got)
	}
	meta := got[0].GetRegisterMetadata().Metadata[0]
	if meta.Metadata.Name != "GET" || meta.Metadata.Target != "scope" || meta.Metadata.Kind != commonpb.Metadata_SPAN {
		t.Errorf("%v", meta)
	}
	s := got[1].GetNewSpan()
	for name, want := range map[string]any{
		SpanTraceID: "00000000000000000000000000000007", SpanParentID: "0000000000000001", SpanKind: "server", SpanStatus: "Error",
		"hit": true, "network.peer.port": int64(5000),
	} {
		if got := value(s.Fields, name); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	if s.Id.Id != 2 || s.MetadataId.Id != meta.Id.Id || !s.At.AsTime().Equal(failed.Start) {
		t.Errorf("%v", s)
	}
	if got[2].GetRegisterThread().Names[task.ID()] != "connection" || got[3].GetEnterSpan().ThreadId != task.ID() ||
		!got[4].GetExitSpan().At.AsTime().Equal(failed.End) || !got[5].GetCloseSpan().At.AsTime().Equal(failed.End) {
		t.Errorf("%v", got[2:6])
	}
	if got[6].GetNewSpan().Id.Id != 3 || got[7].GetCloseSpan() == nil {
		t.Errorf("%v", got[6:])
	}
}

func TestSpansAreFilteredByName(t *testing.T) {
	got := events(t, &fixedSpans{spans: []Span{span("GET", 1, 0), span("SET", 2, 0)}}, "SE", nil)
	if len(got) != 3 || got[1].GetNewSpan().Id.Id != 2 {
		t.Errorf("%v", got)
	}
}

func TestLostSpansAreTold(t *testing.T) {
	got := events(t, &fixedSpans{spans: []Span{span("GET", 1, 0)}, missed: 42}, "", nil)
	meta := got[0].GetRegisterMetadata().Metadata[0].Metadata
	if meta.Kind != commonpb.Metadata_EVENT || value(got[1].GetNewSpan().Fields, SpanDropped) != uint64(42) {
		t.Errorf("%v", got)
	}
}

func TestNamesOfSpansAreBounded(t *testing.T) {
	source := &fixedSpans{}
	for i := range maxSpanNames + 50 {
		source.spans = append(source.spans, span(string(rune('a'+i)), 1, 0))
	}
	metas := 0
	for _, e := range events(t, source, "", nil) {
		if e.GetRegisterMetadata() != nil {
			metas++
		}
	}
	if metas != maxSpanNames+1 {
		t.Errorf("%d names", metas)
	}
}
