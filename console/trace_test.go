package console

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"

	"mini-redis/console/wire/commonpb"
	"mini-redis/console/wire/instrumentpb"
	"mini-redis/console/wire/taskspb"
	"mini-redis/console/wire/tracepb"
)

type taskDetails = taskspb.TaskDetails

// fixedSpans is a source that delivers a list of spans and then ends.
type fixedSpans struct {
	spans  []Span
	missed uint64
	after  func(n int) // called before each read with the number of spans read so far
}

func (f *fixedSpans) Subscribe(int) SpanStream { return &fixedStream{f, 0} }

type fixedStream struct {
	*fixedSpans
	read int
}

// Next returns one span at a time if after is set, and otherwise as many as fit.
func (f *fixedStream) Next(_ context.Context, dst []Span) (int, uint64, error) {
	if f.after != nil {
		f.after(f.read)
		dst = dst[:1]
	}
	n, missed := copy(dst, f.spans[f.read:]), f.missed
	f.read, f.missed = f.read+n, 0
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

// events returns all messages of a Trace/Watch stream until the source ends.
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

func TestSpanCarriesTraceAndTask(t *testing.T) {
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

// summarize describes each message in a few words. It identifies spans by ID and events by name.
func summarize(list []*tracepb.TraceEvent) (words []string) {
	metas := map[uint64]*commonpb.Metadata{}
	add := func(format string, args ...any) { words = append(words, fmt.Sprintf(format, args...)) }
	for _, e := range list {
		switch e := e.GetEvent().(type) {
		case *tracepb.TraceEvent_RegisterMetadata:
			for _, m := range e.RegisterMetadata.Metadata {
				metas[m.Id.Id] = m.Metadata
			}
		case *tracepb.TraceEvent_NewSpan:
			s := e.NewSpan
			m := metas[s.MetadataId.Id]
			if m.Kind == commonpb.Metadata_SPAN {
				add("new %d", s.Id.Id)
				continue
			}
			add("event %s in %v dropped %v", m.Name, value(s.Fields, SpanParentID), value(s.Fields, SpanDropped))
		case *tracepb.TraceEvent_EnterSpan:
			add("enter %d task %d", e.EnterSpan.SpanId.Id, e.EnterSpan.ThreadId)
		case *tracepb.TraceEvent_ExitSpan:
			add("exit %d task %d", e.ExitSpan.SpanId.Id, e.ExitSpan.ThreadId)
		case *tracepb.TraceEvent_CloseSpan:
			if e.CloseSpan.At == nil {
				add("retract %d", e.CloseSpan.SpanId.Id)
			} else {
				add("close %d", e.CloseSpan.SpanId.Id)
			}
		}
	}
	return words
}

func wantEvents(t *testing.T, list []*tracepb.TraceEvent, want ...string) {
	t.Helper()
	if got := summarize(list); !slices.Equal(got, want) {
		t.Errorf("sent:\n  %s\nwant:\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

func openSpan(s Span) Span {
	s.Open, s.End = true, time.Time{}
	return s
}

// A span that was sent as open is sent again when it ends, with the task in which it began, even if
// that task has ended since.
func TestOpenSpanIsSentAgainWhenItEnds(t *testing.T) {
	peer := []attribute.KeyValue{attribute.String("network.peer.address", "::1"), attribute.Int("network.peer.port", 5000)}
	s := span("BLPOP", 2, 0, peer...)
	var task *Task
	source := &fixedSpans{spans: []Span{openSpan(s), openSpan(s), s}, after: func(read int) {
		if read == 2 {
			task.Drop()
		}
	}}
	got := events(t, source, "", func(c *Console) { task = c.NewTask(TaskOptions{Name: "connection", Key: "[::1]:5000"}) })
	wantEvents(t, got, "new 2", fmt.Sprintf("enter 2 task %d", task.ID()), "new 2", fmt.Sprintf("exit 2 task %d", task.ID()), "close 2")
}

func TestSpanEventsAreSent(t *testing.T) {
	s := span("GET", 2, 0)
	s.Events = []SpanEvent{{Name: "cache miss", Time: time.Unix(10, 7), Attributes: []attribute.KeyValue{attribute.String("cache", "L2")}}, {Name: "GET"}}
	got := events(t, &fixedSpans{spans: []Span{s}}, "", nil)
	const in = "0000000000000002"
	wantEvents(t, got, "new 2", "event cache miss in "+in+" dropped <nil>", "event GET in "+in+" dropped <nil>", "close 2")
	if e := got[3].GetNewSpan(); value(e.Fields, "cache") != "L2" || value(e.Fields, SpanTraceID) != "00000000000000000000000000000007" || !e.At.AsTime().Equal(time.Unix(10, 7)) {
		t.Errorf("%v", e)
	}
	s.Events = make([]SpanEvent, maxSpanEvents+3)
	s.DroppedEvents = 4
	got = events(t, &fixedSpans{spans: []Span{s}}, "", nil)
	words := summarize(got)
	if len(words) != maxSpanEvents+3 || words[len(words)-2] != "event events dropped in "+in+" dropped 7" {
		t.Errorf("%d: %s", len(words), strings.Join(words[len(words)-3:], "\n"))
	}
}

// After a loss it is unknown which spans are still open. The open spans are retracted, and those
// that the source still knows are sent again.
func TestOpenSpansAreRetractedAfterLoss(t *testing.T) {
	source := &fixedSpans{spans: []Span{openSpan(span("BLPOP", 2, 0)), openSpan(span("BLPOP", 3, 0)), span("BLPOP", 3, 0)}}
	source.after = func(read int) {
		if read == 1 {
			source.missed = 42
		}
	}
	wantEvents(t, events(t, source, "", nil),
		"new 2", "new 3", "retract 2", "retract 3", "event spans dropped in <nil> dropped 42", "new 3", "close 3")
}

func TestSpansAreFilteredByName(t *testing.T) {
	got := events(t, &fixedSpans{spans: []Span{span("GET", 1, 0), span("SET", 2, 0)}}, "SE", nil)
	wantEvents(t, got, "new 2", "close 2")
}

func TestLostSpansAreReported(t *testing.T) {
	got := events(t, &fixedSpans{spans: []Span{span("GET", 1, 0)}, missed: 42}, "", nil)
	wantEvents(t, got, "new 1", "close 1", "event spans dropped in <nil> dropped 42")
}

// openSource delivers one open span to each subscriber.
type openSource struct{ subscribers, ended chan bool }

func (o *openSource) Subscribe(int) SpanStream {
	o.subscribers <- true
	return &openStream{source: o}
}

type openStream struct {
	source *openSource
	sent   bool
}

func (o *openStream) Close() { o.source.ended <- true }

func (o *openStream) Next(ctx context.Context, dst []Span) (int, uint64, error) {
	if !o.sent {
		o.sent = true
		dst[0] = openSpan(span("BLPOP", 2, 0))
		return 1, 0, nil
	}
	<-ctx.Done()
	return 0, 0, ctx.Err()
}

// A pause ends the subscription of a viewer, and the resume starts a new one.
func TestPauseEndsSpanSubscription(t *testing.T) {
	source := &openSource{make(chan bool, 9), make(chan bool, 9)}
	_, s := serve(t, Options{Spans: source}, ServeOptions{})
	conn := dial(t, s, nil)
	stream := must[grpc.ServerStreamingClient[tracepb.TraceEvent]](t)(tracepb.NewTraceClient(conn).Watch(t.Context(), &tracepb.WatchRequest{}))
	next := func() string {
		t.Helper()
		words := summarize([]*tracepb.TraceEvent{
			{Event: &tracepb.TraceEvent_RegisterMetadata{RegisterMetadata: &commonpb.RegisterMetadata{Metadata: []*commonpb.RegisterMetadata_NewMetadata{
				{Id: &commonpb.MetaId{Id: 1}, Metadata: &commonpb.Metadata{Name: "BLPOP"}},
			}}}},
			must[*tracepb.TraceEvent](t)(stream.Recv()),
		})
		return strings.Join(words, "")
	}
	if meta, first := next(), next(); meta != "" || first != "new 2" {
		t.Fatalf("%q %q", meta, first)
	}
	client := instrumentpb.NewInstrumentClient(conn)
	must[*instrumentpb.PauseResponse](t)(client.Pause(t.Context(), &instrumentpb.PauseRequest{}))
	<-source.ended
	<-source.subscribers
	if len(source.subscribers) != 0 {
		t.Error("subscribed during a pause")
	}
	must[*instrumentpb.ResumeResponse](t)(client.Resume(t.Context(), &instrumentpb.ResumeRequest{}))
	if back, again := next(), next(); back != "retract 2" || again != "new 2" {
		t.Errorf("%q %q", back, again)
	}
}

func TestSpanNamesAreBounded(t *testing.T) {
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
		t.Errorf("%d names registered, want %d", metas, maxSpanNames+1)
	}
}
