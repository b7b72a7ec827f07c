package model

import (
	"fmt"
	"testing"
	"time"

	"mini-redis/console"
	"mini-redis/console/wire/commonpb"
	"mini-redis/console/wire/eventspb"
	"mini-redis/console/wire/tracepb"
)

// stream sends events of a span stream to a target.
type stream struct{ t *Target }

func newStream() stream {
	s := stream{target(-1)}
	s.t.Now = noon.Add(10 * time.Second)
	for id, m := range map[uint64]*commonpb.Metadata{1: {Name: "BLPOP"}, 2: {Name: "retry", Kind: commonpb.Metadata_EVENT}} {
		s.t.ApplyTrace(&tracepb.TraceEvent{Event: &tracepb.TraceEvent_RegisterMetadata{RegisterMetadata: &commonpb.RegisterMetadata{
			Metadata: []*commonpb.RegisterMetadata_NewMetadata{{Id: &commonpb.MetaId{Id: id}, Metadata: m}},
		}}})
	}
	s.t.ApplyTrace(&tracepb.TraceEvent{Event: &tracepb.TraceEvent_RegisterThread{RegisterThread: &tracepb.TraceEvent_RegisterThreads{Names: map[uint64]string{5: "connection"}}}})
	return s
}

func field(name, value string) *commonpb.Field {
	return &commonpb.Field{Name: &commonpb.Field_StrName{StrName: name}, Value: &commonpb.Field_StrVal{StrVal: value}}
}

func (s stream) begin(id uint64, at time.Duration, fields ...*commonpb.Field) {
	s.t.ApplyTrace(&tracepb.TraceEvent{Event: &tracepb.TraceEvent_NewSpan{NewSpan: &commonpb.Span{
		Id: &commonpb.SpanId{Id: id}, MetadataId: &commonpb.MetaId{Id: 1}, At: ts(at), Fields: append(fields, field(console.SpanTraceID, "0a")),
	}}})
}

func (s stream) enter(id uint64) {
	s.t.ApplyTrace(&tracepb.TraceEvent{Event: &tracepb.TraceEvent_EnterSpan{EnterSpan: &tracepb.TraceEvent_Enter{SpanId: &commonpb.SpanId{Id: id}, ThreadId: 5}}})
}

func (s stream) event(at time.Duration, fields ...*commonpb.Field) {
	s.t.ApplyTrace(&tracepb.TraceEvent{Event: &tracepb.TraceEvent_NewSpan{NewSpan: &commonpb.Span{
		Id: &commonpb.SpanId{Id: 1}, MetadataId: &commonpb.MetaId{Id: 2}, At: ts(at), Fields: fields,
	}}})
}

func (s stream) end(id uint64, at time.Duration) {
	e := &tracepb.TraceEvent_Close{SpanId: &commonpb.SpanId{Id: id}}
	if at != 0 {
		e.At = ts(at)
	}
	s.t.ApplyTrace(&tracepb.TraceEvent{Event: &tracepb.TraceEvent_CloseSpan{CloseSpan: e}})
}

func TestOpenSpanUntilEnd(t *testing.T) {
	s := newStream()
	s.begin(7, 4*time.Second)
	s.enter(7)
	open := s.t.OpenSpans()
	if len(open) != 1 || !open[0].Open() || open[0].Duration() != 6*time.Second || open[0].Task != 5 || len(s.t.LatestSpans()) != 0 {
		t.Fatalf("unexpected open spans: %+v", open)
	}
	s.begin(7, 4*time.Second, field(console.SpanStatus, "Error")) // an open span is sent again when it ends
	s.event(5*time.Second, field(console.SpanParentID, "0000000000000007"), field("n", "1"))
	s.event(5*time.Second, field(console.SpanParentID, "0000000000000007"), field(console.SpanDropped, "3"))
	s.event(5*time.Second, field(console.SpanParentID, "0000000000000099"))
	s.end(7, 6*time.Second)
	got := s.t.FindSpan(7)
	if len(s.t.OpenSpans()) != 0 || got == nil || got.Open() || got.Duration() != 2*time.Second || got.Task != 5 || got.TaskName != "connection" || got.Status != "Error" {
		t.Fatalf("unexpected ended span: %+v", got)
	}
	if len(got.Events) != 1 || got.EventsDropped != 3 || got.Events[0].Name != "retry" || fmt.Sprint(got.Events[0].Fields) != "[{n 1  1}]" {
		t.Errorf("unexpected events of the span: %+v", got)
	}
	if s.t.Dropped.Spans != 0 {
		t.Error("dropped events of a span are counted as dropped spans")
	}
	s.event(0, field(console.SpanDropped, "4"))
	if s.t.Dropped.Spans != 4 {
		t.Errorf("%d dropped spans, want 4", s.t.Dropped.Spans)
	}
}

// A span end without a time retracts the span: whether it has ended is not known.
func TestRetractedSpanIsNotOpen(t *testing.T) {
	s := newStream()
	s.begin(7, time.Second)
	s.end(7, 0)
	s.end(8, 0)
	if len(s.t.OpenSpans()) != 0 || s.t.SpanCount != 0 || s.t.FindSpan(7) != nil {
		t.Errorf("%d open and %d ended spans after a retraction, want none", len(s.t.OpenSpans()), s.t.SpanCount)
	}
	s.begin(9, time.Second)
	s.t.AddLostSpans(2)
	if len(s.t.OpenSpans()) != 0 || s.t.Dropped.Spans != 2 {
		t.Errorf("after a loss of 2 span ends: %d open spans, dropped %+v", len(s.t.OpenSpans()), s.t.Dropped)
	}
}

func TestFindSpanFindsKeptSpans(t *testing.T) {
	s := newStream()
	for id := uint64(1); id <= 3*maxSpans; id++ {
		s.begin(id, 0)
		s.end(id, time.Second)
	}
	if s.t.FindSpan(1) != nil || s.t.FindSpan(3*maxSpans) == nil || len(s.t.spans.ended) > 2*maxSpans {
		t.Errorf("%d spans in the index; the first must be removed and the last present", len(s.t.spans.ended))
	}
}

// batch returns a message with these events. Their metadata has severity ERROR and a location.
func batch(dropped uint64, events ...*eventspb.Event) *eventspb.Batch {
	file, line := "server/conn.go", uint32(7)
	for _, e := range events {
		e.MetadataId = &commonpb.MetaId{Id: 1}
	}
	return &eventspb.Batch{Dropped: dropped, Events: events, NewMetadata: &commonpb.RegisterMetadata{Metadata: []*commonpb.RegisterMetadata_NewMetadata{
		{Id: &commonpb.MetaId{Id: 1}, Metadata: &commonpb.Metadata{
			Target: "mini-redis/server", Kind: commonpb.Metadata_EVENT, Level: commonpb.Metadata_ERROR, Location: &commonpb.Location{File: &file, Line: &line}}},
	}}}
}

func TestEventsAndTheirTasks(t *testing.T) {
	s := newStream()
	x := s.t
	x.ApplyEvents(batch(2, &eventspb.Event{At: ts(0), Message: "with a task", Task: 4, Fields: []*commonpb.Field{field("a", "b")}},
		&eventspb.Event{Message: "in a span", TraceId: "0a", SpanId: "0000000000000007"},
		&eventspb.Event{Message: "without a task"}))
	x.ApplyEvents(&eventspb.Batch{Events: []*eventspb.Event{{Message: "without metadata", MetadataId: &commonpb.MetaId{Id: 9}}}})
	got := x.LatestEvents()
	if len(got) != 3 || x.EventCount != 3 || x.Dropped.Events != 2 {
		t.Fatalf("%d events, dropped %+v", len(got), x.Dropped)
	}
	if e := got[0]; e.Level != Error || e.Module != "mini-redis/server" || e.Location != "server/conn.go:7" || !e.At.Equal(noon) || len(e.Fields) != 1 {
		t.Errorf("unexpected event: %+v", e)
	}
	tasks := func() string { return fmt.Sprint(x.TaskOfEvent(got[0]), x.TaskOfEvent(got[1]), x.TaskOfEvent(got[2])) }
	if tasks() != "4 0 0" {
		t.Errorf("tasks %s before the span is known", tasks())
	}
	s.begin(7, 0)
	s.enter(7)
	if tasks() != "4 5 0" {
		t.Errorf("tasks %s while the span is open", tasks())
	}
	s.end(7, time.Second)
	if tasks() != "4 5 0" {
		t.Errorf("tasks %s after the span has ended", tasks())
	}
	x.ResetEvents()
	if len(x.LatestEvents()) != 0 || x.Dropped.Events != 0 {
		t.Error("ResetEvents has not removed the events and the count of dropped events")
	}
}

func TestLatestEventsAreKept(t *testing.T) {
	x := target(-1)
	for i := range 3 * maxEvents {
		x.ApplyEvents(batch(0, &eventspb.Event{Message: fmt.Sprint(i)}))
	}
	if l := x.LatestEvents(); len(l) != maxEvents || l[len(l)-1].Message != fmt.Sprint(3*maxEvents-1) || len(x.Events) > 2*maxEvents || x.EventCount != 3*maxEvents {
		t.Errorf("%d of %d events kept, want the latest %d", len(l), x.EventCount, maxEvents)
	}
}
