package model

import (
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"time"

	"mini-redis/console"
	"mini-redis/console/wire/tracepb"
)

// maxSpans is how many of the latest spans are kept.
const maxSpans = 2000

// Span is a finished span.
type Span struct {
	Target     *Target
	ID         uint64
	Name       string
	Scope      string
	Trace      string // the trace's id
	Parent     string // the parent's span id, "" for a root
	Kind       string
	Status     string
	Start, End time.Time
	Task       uint64 // wire number of the task it ran in, 0 where that is not known
	TaskName   string
	Fields     []Field
}

// Duration is how long it took.
func (s *Span) Duration() time.Duration { return max(s.End.Sub(s.Start), 0) }

// SpanID is the span's id as other tools write it.
func (s *Span) SpanID() string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], s.ID)
	return hex.EncodeToString(b[:])
}

// spanReader puts the events of one stream together.
type spanReader struct {
	metas   map[uint64]*meta
	threads map[uint64]string
	open    map[uint64]*Span
}

// ResetSpans is for a stream that begins anew: its metadata does, too.
func (t *Target) ResetSpans() { t.spans = spanReader{} }

// ApplyTrace takes an event of the span stream in.
func (t *Target) ApplyTrace(e *tracepb.TraceEvent) {
	r := &t.spans
	if r.metas == nil {
		*r = spanReader{metas: map[uint64]*meta{}, threads: map[uint64]string{}, open: map[uint64]*Span{}}
	}
	switch e := e.GetEvent().(type) {
	case *tracepb.TraceEvent_RegisterThread:
		for id, name := range e.RegisterThread.GetNames() {
			r.threads[id] = name
		}
	case *tracepb.TraceEvent_RegisterMetadata:
		keep := t.metas
		t.metas = r.metas
		for _, m := range e.RegisterMetadata.GetMetadata() {
			t.register(m)
		}
		t.metas = keep
	case *tracepb.TraceEvent_NewSpan:
		t.newSpan(e)
	case *tracepb.TraceEvent_EnterSpan:
		if s := r.open[e.EnterSpan.GetSpanId().GetId()]; s != nil {
			s.Task, s.TaskName = e.EnterSpan.GetThreadId(), r.threads[e.EnterSpan.GetThreadId()]
		}
	case *tracepb.TraceEvent_CloseSpan:
		id := e.CloseSpan.GetSpanId().GetId()
		if s := r.open[id]; s != nil {
			delete(r.open, id)
			s.End = at(e.CloseSpan.GetAt())
			t.keep(s)
		}
	}
}

func (t *Target) newSpan(e *tracepb.TraceEvent_NewSpan) {
	m := t.spans.metas[e.NewSpan.GetMetadataId().GetId()]
	if m == nil || len(t.spans.open) > maxSpans {
		return
	}
	if m.event {
		for _, f := range fields(e.NewSpan.GetFields(), m) {
			if f.Name == console.SpanDropped {
				t.Dropped.Spans += f.Number
			}
		}
		return
	}
	s := &Span{Target: t, ID: e.NewSpan.GetId().GetId(), Name: m.name, Scope: m.target, Start: at(e.NewSpan.GetAt())}
	for _, f := range fields(e.NewSpan.GetFields(), m) {
		switch f.Name {
		case console.SpanTraceID:
			s.Trace = f.Value
		case console.SpanParentID:
			s.Parent = f.Value
		case console.SpanKind:
			s.Kind = f.Value
		case console.SpanStatus:
			s.Status = f.Value
		default:
			s.Fields = append(s.Fields, f)
		}
	}
	t.spans.open[s.ID] = s
}

func (t *Target) keep(s *Span) {
	t.SpanCount++
	t.Spans = append(t.Spans, s)
	if len(t.Spans) >= 2*maxSpans {
		t.Spans = append([]*Span(nil), t.Spans[len(t.Spans)-maxSpans:]...)
	}
}

// Latest returns the latest spans, oldest first.
func (t *Target) Latest() []*Span { return t.Spans[max(len(t.Spans)-maxSpans, 0):] }

// ResourceNumber and OpNumber are the numbers shown of what has these numbers on
// the wire.
func (t *Target) ResourceNumber(wire uint64) uint64 { return t.resourceIDs.get(wire) }

// OpNumber is ResourceNumber for async operations.
func (t *Target) OpNumber(wire uint64) uint64 { return t.opIDs.get(wire) }

// TaskOf finds the task with the wire number, for a reader: its number and name.
func (t *Target) TaskOf(wire uint64) string {
	if wire == 0 {
		return ""
	}
	x := t.Tasks[wire]
	if x == nil {
		return strconv.FormatUint(wire, 10)
	}
	if x.Name == "" {
		return strconv.FormatUint(x.ID, 10)
	}
	return strconv.FormatUint(x.ID, 10) + " (" + x.Name + ")"
}
