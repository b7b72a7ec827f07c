package model

import (
	"time"

	"mini-redis/console/wire/commonpb"
	"mini-redis/console/wire/eventspb"
)

// maxEvents is how many of the latest events are kept.
const maxEvents = 2000

// Event is something that the program has logged.
type Event struct {
	Target      *Target
	Number      uint64 // counts the target's events
	At          time.Time
	Level       Level
	Message     string
	Fields      []Field
	Trace, Span string // of the span it came in, "" where that is not known
	Task        uint64 // wire number of the task it came in, 0 where that is not known
	Module      string // the package
	Location    string
	// FieldsDropped counts fields that were not told.
	FieldsDropped uint32
}

// Level is how grave an event is.
type Level int

// The levels, the gravest last.
const (
	Trace Level = iota
	Debug
	Info
	Warn
	Error
)

func (l Level) String() string { return [...]string{"TRACE", "DEBUG", "INFO", "WARN", "ERROR"}[l] }

var levels = map[commonpb.Metadata_Level]Level{
	commonpb.Metadata_TRACE: Trace, commonpb.Metadata_DEBUG: Debug, commonpb.Metadata_INFO: Info,
	commonpb.Metadata_WARN: Warn, commonpb.Metadata_ERROR: Error,
}

// ResetEvents is for a stream that begins anew: it tells the latest again.
func (t *Target) ResetEvents() {
	t.Events, t.EventCount, t.eventMetas = nil, 0, map[uint64]*meta{}
	t.Dropped.Events = 0
}

// ApplyEvents takes a message of the event stream in.
func (t *Target) ApplyEvents(b *eventspb.Batch) {
	if t.eventMetas == nil {
		t.ResetEvents()
	}
	t.Dropped.Events += b.GetDropped()
	for _, m := range b.GetNewMetadata().GetMetadata() {
		t.eventMetas[m.GetId().GetId()] = newMeta(m.GetMetadata())
	}
	for _, m := range b.GetEvents() {
		d := t.eventMetas[m.GetMetadataId().GetId()]
		if d == nil {
			continue
		}
		t.EventCount++
		t.Events = append(t.Events, &Event{
			Target: t, Number: t.EventCount, At: at(m.GetAt()), Level: levels[d.level], Message: m.GetMessage(), Fields: fields(m.GetFields(), d),
			Trace: m.GetTraceId(), Span: m.GetSpanId(), Task: m.GetTask(), Module: d.target, Location: d.location, FieldsDropped: m.GetFieldsDropped(),
		})
	}
	if len(t.Events) >= 2*maxEvents {
		t.Events = append([]*Event(nil), t.Events[len(t.Events)-maxEvents:]...)
	}
}

// LatestEvents returns the latest events, oldest first.
func (t *Target) LatestEvents() []*Event { return t.Events[max(len(t.Events)-maxEvents, 0):] }

// TaskOfEvent is the task that an event came in: as the program says, or that of
// its span, where that has been seen; 0 where neither is known.
func (t *Target) TaskOfEvent(e *Event) uint64 {
	if e.Task != 0 || e.Span == "" {
		return e.Task
	}
	if s := t.FindSpan(SpanNumber(e.Span)); s != nil && s.Trace == e.Trace {
		return s.Task
	}
	return 0
}
