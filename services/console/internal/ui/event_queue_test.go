package ui

import (
	"testing"

	"mini-redis/console/wire/commonpb"
	"mini-redis/console/wire/instrumentpb"
	"mini-redis/console/wire/tracepb"
	"mini-redis/services/console/internal/source"
)

// A full queue discards events of spans. It keeps their registrations and all other events, and
// reports the loss after the kept events.
func TestFullQueueDiscardsSpans(t *testing.T) {
	f := &eventQueue{}
	end := source.Event{Target: 1, Trace: &tracepb.TraceEvent{Event: &tracepb.TraceEvent_CloseSpan{CloseSpan: &tracepb.TraceEvent_Close{}}}}
	for range maxPending + 11 {
		f.add(end)
	}
	f.add(source.Event{Target: 1, Trace: &tracepb.TraceEvent{Event: &tracepb.TraceEvent_NewSpan{NewSpan: &commonpb.Span{}}}})
	f.add(source.Event{Target: 1, Trace: &tracepb.TraceEvent{Event: &tracepb.TraceEvent_RegisterMetadata{RegisterMetadata: &commonpb.RegisterMetadata{}}}})
	f.add(source.Event{Update: &instrumentpb.Update{}})
	got := f.take()
	last := len(got) - 1
	if len(got) != maxPending+1+3 || got[last-1].Update == nil || got[last-2].Trace.GetEvent() == nil || got[last].Target != 1 || got[last].SpansLost != 10 {
		t.Errorf("unexpected queue: %d events, the last %+v", len(got), got[last])
	}
	if got := f.take(); len(got) != 0 {
		t.Errorf("%d events after take, want none", len(got))
	}
}
