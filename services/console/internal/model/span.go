package model

import (
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strconv"
	"time"

	"mini-redis/console"
	"mini-redis/console/wire/commonpb"
	"mini-redis/console/wire/tracepb"
)

// maxSpans is how many of the latest spans are kept.
const maxSpans = 2000

// Span is a span that has ended, or one that is open.
type Span struct {
	Target     *Target
	ID         uint64
	Name       string
	Scope      string
	Trace      string // the trace's id
	Parent     string // the parent's span id, "" for a root
	Kind       string
	Status     string
	Start, End time.Time // End is zero while it is open
	Task       uint64    // wire number of the task it ran in, 0 where that is not known
	TaskName   string
	Fields     []Field
	Events     []SpanEvent // oldest first
	// EventsDropped counts those that were not told.
	EventsDropped uint64
}

// SpanEvent is something that happened in a span.
type SpanEvent struct {
	At     time.Time
	Name   string
	Fields []Field
}

// Open reports whether it has not ended.
func (s *Span) Open() bool { return s.End.IsZero() }

// Duration is how long it took, or takes so far.
func (s *Span) Duration() time.Duration { return since(s.Start, s.End, s.Target.Now) }

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
	ended   map[uint64]*Span // those that are kept
}

// ResetSpans is for a stream that begins anew: its metadata does, too.
func (t *Target) ResetSpans() { t.spans = spanReader{} }

// LoseSpans is for events of the stream that were lost on the way, among them
// the ends of that many spans: what is open is not known any more.
func (t *Target) LoseSpans(n uint64) {
	t.Dropped.Spans += n
	clear(t.spans.open)
}

// ApplyTrace takes an event of the span stream in.
func (t *Target) ApplyTrace(e *tracepb.TraceEvent) {
	r := &t.spans
	if r.metas == nil {
		*r = spanReader{metas: map[uint64]*meta{}, threads: map[uint64]string{}, open: map[uint64]*Span{}, ended: map[uint64]*Span{}}
	}
	switch e := e.GetEvent().(type) {
	case *tracepb.TraceEvent_RegisterThread:
		for id, name := range e.RegisterThread.GetNames() {
			r.threads[id] = name
		}
	case *tracepb.TraceEvent_RegisterMetadata:
		for _, m := range e.RegisterMetadata.GetMetadata() {
			r.metas[m.GetId().GetId()] = newMeta(m.GetMetadata())
		}
	case *tracepb.TraceEvent_NewSpan:
		t.newSpan(e)
	case *tracepb.TraceEvent_EnterSpan:
		if s := r.open[e.EnterSpan.GetSpanId().GetId()]; s != nil {
			s.Task, s.TaskName = e.EnterSpan.GetThreadId(), r.threads[e.EnterSpan.GetThreadId()]
		}
	case *tracepb.TraceEvent_CloseSpan:
		id := e.CloseSpan.GetSpanId().GetId()
		s := r.open[id]
		delete(r.open, id)
		if s != nil && e.CloseSpan.GetAt() != nil { // else nobody knows whether it has ended
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
		t.spanEvent(e.NewSpan, m)
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
	if was := t.spans.open[s.ID]; was != nil { // told again, as it ends
		s.Task, s.TaskName = was.Task, was.TaskName
	}
	t.spans.open[s.ID] = s
}

// spanEvent takes an event in: of a span, or about the stream.
func (t *Target) spanEvent(m *commonpb.Span, d *meta) {
	e := SpanEvent{At: at(m.GetAt()), Name: d.name}
	parent, dropped := "", uint64(0)
	for _, f := range fields(m.GetFields(), d) {
		switch f.Name {
		case console.SpanTraceID:
		case console.SpanParentID:
			parent = f.Value
		case console.SpanDropped:
			dropped = f.Number
		default:
			e.Fields = append(e.Fields, f)
		}
	}
	switch s := t.spans.open[SpanNumber(parent)]; {
	case parent == "":
		t.Dropped.Spans += dropped
	case s == nil:
	case dropped > 0:
		s.EventsDropped += dropped
	default:
		s.Events = append(s.Events, e)
	}
}

// SpanNumber reads a span's id, 0 where it is none.
func SpanNumber(text string) uint64 {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(b)
}

func (t *Target) keep(s *Span) {
	t.SpanCount++
	t.Spans = append(t.Spans, s)
	t.spans.ended[s.ID] = s
	if len(t.Spans) < 2*maxSpans {
		return
	}
	old := len(t.Spans) - maxSpans
	for _, s := range t.Spans[:old] {
		if t.spans.ended[s.ID] == s {
			delete(t.spans.ended, s.ID)
		}
	}
	t.Spans = append([]*Span(nil), t.Spans[old:]...)
}

// Latest returns the latest spans that have ended, oldest first.
func (t *Target) Latest() []*Span { return t.Spans[max(len(t.Spans)-maxSpans, 0):] }

// OpenSpans returns the spans that have not ended, oldest first.
func (t *Target) OpenSpans() []*Span {
	list := make([]*Span, 0, len(t.spans.open))
	for _, s := range t.spans.open {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b *Span) int { return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.ID, b.ID)) })
	return list
}

// EachSpan calls f for the spans that are known: the latest, then those that are
// open.
func (t *Target) EachSpan(f func(*Span)) {
	for _, s := range t.Latest() {
		f(s)
	}
	for _, s := range t.OpenSpans() {
		f(s)
	}
}

// FindSpan returns the span with the number, nil where it is not known (any more).
func (t *Target) FindSpan(id uint64) *Span {
	if s := t.spans.open[id]; s != nil {
		return s
	}
	return t.spans.ended[id]
}

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
