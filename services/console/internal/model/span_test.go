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

// stream plays events of a span stream to a target.
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

func TestASpanIsOpenUntilItEnds(t *testing.T) {
	s := newStream()
	s.begin(7, 4*time.Second)
	s.enter(7)
	open := s.t.OpenSpans()
	if len(open) != 1 || !open[0].Open() || open[0].Duration() != 6*time.Second || open[0].Task != 5 || len(s.t.Latest()) != 0 {
		t.Fatalf("%+v", open)
	}
	s.begin(7, 4*time.Second, field(console.SpanStatus, "Error")) // told again as it ends
	s.event(5*time.Second, field(console.SpanParentID, "0000000000000007"), field("n", "1"))
	s.event(5*time.Second, field(console.SpanParentID, "0000000000000007"), field(console.SpanDropped, "3"))
	s.event(5*time.Second, field(console.SpanParentID, "0000000000000099"))
	s.end(7, 6*time.Second)
	got := s.t.FindSpan(7)
	if len(s.t.OpenSpans()) != 0 || got == nil || got.Open() || got.Duration() != 2*time.Second || got.Task != 5 || got.TaskName != "connection" || got.Status != "Error" {
		t.Fatalf("%+v", got)
	}
	if len(got.Events) != 1 || got.EventsDropped != 3 || got.Events[0].Name != "retry" || fmt.Sprint(got.Events[0].Fields) != "[{n 1  1}]" {
		t.Errorf("%+v", got)
	}
	if s.t.Dropped.Spans != 0 {
		t.Error("events of a span are counted as spans")
	}
	s.event(0, field(console.SpanDropped, "4"))
	if s.t.Dropped.Spans != 4 {
		t.Errorf("%d dropped", s.t.Dropped.Spans)
	}
}

// Of a span that is taken back nobody knows whether it has ended.
func TestASpanThatIsTakenBackIsNoLongerOpen(t *testing.T) {
	s := newStream()
	s.begin(7, time.Second)
	s.end(7, 0)
	s.end(8, 0)
	if len(s.t.OpenSpans()) != 0 || s.t.SpanCount != 0 || s.t.FindSpan(7) != nil {
		t.Errorf("%d ended", s.t.SpanCount)
	}
	s.begin(9, time.Second)
	s.t.LoseSpans(2)
	if len(s.t.OpenSpans()) != 0 || s.t.Dropped.Spans != 2 {
		t.Errorf("%+v", s.t.Dropped)
	}
}

func TestSpansAreFoundAsLongAsTheyAreKept(t *testing.T) {
	s := newStream()
	for id := uint64(1); id <= 3*maxSpans; id++ {
		s.begin(id, 0)
		s.end(id, time.Second)
	}
	if s.t.FindSpan(1) != nil || s.t.FindSpan(3*maxSpans) == nil || len(s.t.spans.ended) > 2*maxSpans {
		t.Errorf("%d are found", len(s.t.spans.ended))
	}
}

// batch is a message of events, of metadata 1 that says ERROR at a place.
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

func TestEventsAreReadAndJoinedToTheirTasks(t *testing.T) {
	s := newStream()
	x := s.t
	x.ApplyEvents(batch(2, &eventspb.Event{At: ts(0), Message: "told", Task: 4, Fields: []*commonpb.Field{field("a", "b")}},
		&eventspb.Event{Message: "in a span", TraceId: "0a", SpanId: "0000000000000007"},
		&eventspb.Event{Message: "of nobody"}))
	x.ApplyEvents(&eventspb.Batch{Events: []*eventspb.Event{{Message: "without metadata", MetadataId: &commonpb.MetaId{Id: 9}}}})
	got := x.LatestEvents()
	if len(got) != 3 || x.EventCount != 3 || x.Dropped.Events != 2 {
		t.Fatalf("%d events, %+v", len(got), x.Dropped)
	}
	if e := got[0]; e.Level != Error || e.Module != "mini-redis/server" || e.Location != "server/conn.go:7" || !e.At.Equal(noon) || len(e.Fields) != 1 {
		t.Errorf("%+v", e)
	}
	tasks := func() string { return fmt.Sprint(x.TaskOfEvent(got[0]), x.TaskOfEvent(got[1]), x.TaskOfEvent(got[2])) }
	if tasks() != "4 0 0" {
		t.Errorf("tasks %s", tasks())
	}
	s.begin(7, 0)
	s.enter(7)
	if tasks() != "4 5 0" {
		t.Errorf("tasks %s once the span is known", tasks())
	}
	s.end(7, time.Second)
	if tasks() != "4 5 0" {
		t.Errorf("tasks %s once the span has ended", tasks())
	}
	x.ResetEvents()
	if len(x.LatestEvents()) != 0 || x.Dropped.Events != 0 {
		t.Error("a stream that begins anew tells the latest again")
	}
}

func TestOnlyTheLatestEventsAreKept(t *testing.T) {
	x := target(-1)
	for i := range 3 * maxEvents {
		x.ApplyEvents(batch(0, &eventspb.Event{Message: fmt.Sprint(i)}))
	}
	if l := x.LatestEvents(); len(l) != maxEvents || l[len(l)-1].Message != fmt.Sprint(3*maxEvents-1) || len(x.Events) > 2*maxEvents || x.EventCount != 3*maxEvents {
		t.Errorf("%d events of %d", len(l), x.EventCount)
	}
}
