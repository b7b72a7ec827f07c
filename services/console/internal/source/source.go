// Package source is where the console's knowledge comes from: programs that are
// watched over gRPC or by their profiles (Live), or a recording of that (package
// record). Either yields events, which package model puts together.
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

// Event is one thing heard of a target. Exactly one of the fields below At is
// set.
type Event struct {
	Target int
	At     time.Time

	Update     *instrumentpb.Update
	Details    *taskspb.TaskDetails
	Trace      *tracepb.TraceEvent
	Events     *eventspb.Batch
	Goroutines *goroutinespb.Snapshot
	Link       *Link
	Paused     *bool
	// SpansLost counts ends of spans that were not taken in before this.
	SpansLost uint64
}

// Link is a change in how a target can be reached.
type Link struct {
	Kind      LinkKind
	Connected bool
	Text      string
}

// LinkKind says which of a target's streams a Link is about.
type LinkKind int

// The kinds of links.
const (
	LinkConsole LinkKind = iota // of updates; connected: all that was known is void
	LinkSpans                   // connected: the stream begins anew
	LinkPprof
	LinkEvents // as LinkSpans
)

// Apply takes an event into the world.
func Apply(w *model.World, e Event) {
	if e.Target < 0 || e.Target >= len(w.Targets) {
		return
	}
	t := w.Targets[e.Target]
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
		t.LoseSpans(e.SpansLost)
	case e.Paused != nil:
		t.Paused = *e.Paused
	case e.Link != nil:
		applyLink(t, *e.Link)
	}
}

func applyLink(t *model.Target, l Link) {
	s := model.Status{Connected: l.Connected, Text: l.Text}
	switch l.Kind {
	case LinkConsole:
		if l.Connected {
			t.Reset()
		}
		t.Status = s
	case LinkSpans:
		if l.Connected {
			t.ResetSpans()
		}
		t.SpanStatus = s
	case LinkPprof:
		t.Pprof = s
	case LinkEvents:
		if l.Connected {
			t.ResetEvents()
		}
		t.EventStatus = s
	}
}
