// Package source provides the events that package model applies. [Live] receives them from programs
// over gRPC or from their pprof profiles. Package record reads them from a recording.
package source

import (
	"time"

	"mini-redis/console/wire/eventspb"
	"mini-redis/console/wire/goroutinespb"
	"mini-redis/console/wire/instrumentpb"
	"mini-redis/console/wire/taskspb"
	"mini-redis/console/wire/tracepb"
	"mini-redis/services/console/internal/model"
)

// Event is a message or a status change of one target. Exactly one of the fields below At is set.
type Event struct {
	Target int
	At     time.Time

	Update     *instrumentpb.Update
	Details    *taskspb.TaskDetails
	Trace      *tracepb.TraceEvent
	Events     *eventspb.Batch
	Goroutines *goroutinespb.Snapshot
	Status     *StreamStatus
	Paused     *bool
	// SpansLost is the number of span ends that were discarded before this event.
	SpansLost uint64
}

// StreamStatus is a change in the status of one of a target's streams. It is recorded as JSON.
type StreamStatus struct {
	Kind      StreamKind
	Connected bool
	Text      string
}

// StreamKind identifies one of a target's streams.
type StreamKind int

// The kinds of streams.
const (
	ConsoleStream StreamKind = iota // updates; connected means that the previous state is invalid
	SpanStream                      // connected means that a new stream begins
	PprofStream
	EventStream // connected means that a new stream begins
)

// Apply applies an event to its target. Events of unknown targets are ignored.
func Apply(store *model.Store, e Event) {
	if e.Target < 0 || e.Target >= len(store.Targets) {
		return
	}
	t := store.Targets[e.Target]
	switch {
	case e.Update != nil:
		t.Apply(e.Update)
	case e.Details != nil:
		t.ApplyDetails(e.Details)
	case e.Trace != nil:
		t.ApplyTrace(e.Trace)
	case e.Events != nil:
		t.ApplyEvents(e.Events)
	case e.Goroutines != nil:
		t.ApplyGoroutines(e.Goroutines)
	case e.SpansLost > 0:
		t.AddLostSpans(e.SpansLost)
	case e.Paused != nil:
		t.Paused = *e.Paused
	case e.Status != nil:
		applyStatus(t, *e.Status)
	}
}

func applyStatus(t *model.Target, l StreamStatus) {
	s := model.Status{Connected: l.Connected, Text: l.Text}
	switch l.Kind {
	case ConsoleStream:
		if l.Connected {
			t.Reset()
		}
		t.Status = s
	case SpanStream:
		if l.Connected {
			t.ResetSpans()
		}
		t.SpanStatus = s
	case PprofStream:
		t.Pprof = s
	case EventStream:
		if l.Connected {
			t.ResetEvents()
		}
		t.EventStatus = s
	}
}
