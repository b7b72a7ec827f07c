package ui

import (
	"testing"

	"mini-redis/console/wire/commonpb"
	"mini-redis/console/wire/instrumentpb"
	"mini-redis/console/wire/tracepb"
	"mini-redis/services/console/internal/source"
)

// Spans that come faster than the screen takes them in are passed over, what
// names them and everything else is not; the loss is told behind all that is kept.
func TestAFloodOfSpansIsPassedOver(t *testing.T) {
	f := &feed{}
	end := source.Event{Target: 1, Trace: &tracepb.TraceEvent{Event: &tracepb.TraceEvent_CloseSpan{CloseSpan: &tracepb.TraceEvent_Close{}}}}
	for range maxWaiting + 11 {
		f.add(end)
	}
	f.add(source.Event{Target: 1, Trace: &tracepb.TraceEvent{Event: &tracepb.TraceEvent_NewSpan{NewSpan: &commonpb.Span{}}}})
	f.add(source.Event{Target: 1, Trace: &tracepb.TraceEvent{Event: &tracepb.TraceEvent_RegisterMetadata{RegisterMetadata: &commonpb.RegisterMetadata{}}}})
	f.add(source.Event{Update: &instrumentpb.Update{}})
	got := f.take()
	last := len(got) - 1
	if len(got) != maxWaiting+1+3 || got[last-1].Update == nil || got[last-2].Trace.GetEvent() == nil || got[last].Target != 1 || got[last].SpansLost != 10 {
		t.Errorf("%d events, the last %+v", len(got), got[last])
	}
	if got := f.take(); len(got) != 0 {
		t.Errorf("%d more", len(got))
	}
}
