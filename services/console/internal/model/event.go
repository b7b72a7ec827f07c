package model

import (
	"time"

	"mini-redis/console/wire/commonpb"
	"mini-redis/console/wire/eventspb"
)

// maxEvents is the number of events that a target keeps.
const maxEvents = 2000

// Event is a log record of the program.
type Event struct {
	Target      *Target
	Number      uint64 // position in the target's event stream, from 1
	At          time.Time
	Level       Level
	Message     string
	Fields      []Field
	Trace, Span string // IDs of the span it was logged in, "" if not known
	Task        uint64 // wire ID of the task it was logged in, 0 if not known
	Module      string // package that logged it
	Location    string
	// FieldsDropped is the number of fields that the program did not send.
	FieldsDropped uint32
}

// Level is the severity of an event.
type Level int

// The levels, in increasing order of severity.
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

// ResetEvents prepares for a new event stream, which begins with the events that the program kept.
func (t *Target) ResetEvents() {
	t.Events, t.EventCount, t.eventMetas = nil, 0, map[uint64]*meta{}
	t.Dropped.Events = 0
}

// ApplyEvents applies a message of the event stream. Events with unknown metadata are ignored.
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
			Target: t, Number: t.EventCount, At: timeOf(m.GetAt()), Level: levels[d.level], Message: m.GetMessage(), Fields: fields(m.GetFields(), d),
			Trace: m.GetTraceId(), Span: m.GetSpanId(), Task: m.GetTask(), Module: d.target, Location: d.location, FieldsDropped: m.GetFieldsDropped(),
		})
	}
	if len(t.Events) >= 2*maxEvents {
		t.Events = append([]*Event(nil), t.Events[len(t.Events)-maxEvents:]...)
	}
}

// LatestEvents returns at most maxEvents events, oldest first.
func (t *Target) LatestEvents() []*Event { return t.Events[max(len(t.Events)-maxEvents, 0):] }

// TaskOfEvent returns the wire ID of the task that an event was logged in: the one that the program
// sent, or else the task of the event's span if that span has been received. It returns 0 if
// neither is known.
func (t *Target) TaskOfEvent(e *Event) uint64 {
	if e.Task != 0 || e.Span == "" {
		return e.Task
	}
	if s := t.FindSpan(ParseSpanID(e.Span)); s != nil && s.Trace == e.Trace {
		return s.Task
	}
	return 0
}
