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

// maxSpans is the number of ended spans that a target keeps, and the limit of its open spans.
const maxSpans = 2000

// Span is a span that has ended or is open.
type Span struct {
	Target     *Target
	ID         uint64
	Name       string
	Scope      string // instrumentation scope
	Trace      string // trace ID
	Parent     string // parent span ID, "" for a root span
	Kind       string
	Status     string
	Start, End time.Time // End is zero while the span is open
	Task       uint64    // wire ID of the task it ran in, 0 if not known
	TaskName   string
	Fields     []Field
	Events     []SpanEvent // oldest first
	// EventsDropped is the number of events that the program did not send.
	EventsDropped uint64
}

// SpanEvent is an event of a span.
type SpanEvent struct {
	At     time.Time
	Name   string
	Fields []Field
}

// Open reports whether the span has not ended.
func (s *Span) Open() bool { return s.End.IsZero() }

// Duration returns the time from the span's start to its end, or to the last update.
func (s *Span) Duration() time.Duration { return since(s.Start, s.End, s.Target.Now) }

// SpanID returns the span ID as 16 hexadecimal digits.
func (s *Span) SpanID() string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], s.ID)
	return hex.EncodeToString(b[:])
}

// spanReader holds the state of one span stream.
type spanReader struct {
	metas   map[uint64]*meta
	threads map[uint64]string
	open    map[uint64]*Span
	ended   map[uint64]*Span // the spans in Target.Spans, by ID
}

// ResetSpans prepares for a new span stream, which sends its metadata again.
func (t *Target) ResetSpans() { t.spans = spanReader{} }

// AddLostSpans records that n span ends were lost. All open spans are discarded, because any of
// them may have ended.
func (t *Target) AddLostSpans(n uint64) {
	t.Dropped.Spans += n
	clear(t.spans.open)
}

// ApplyTrace applies an event of the span stream.
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
		if s != nil && e.CloseSpan.GetAt() != nil { // without a time the span is retracted: whether it has ended is not known
			s.End = timeOf(e.CloseSpan.GetAt())
			t.addEnded(s)
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
	s := &Span{Target: t, ID: e.NewSpan.GetId().GetId(), Name: m.name, Scope: m.target, Start: timeOf(e.NewSpan.GetAt())}
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
	if was := t.spans.open[s.ID]; was != nil { // an open span is sent again when it ends
		s.Task, s.TaskName = was.Task, was.TaskName
	}
	t.spans.open[s.ID] = s
}

// spanEvent applies an event: one of a span, or a count of dropped spans or span events.
func (t *Target) spanEvent(m *commonpb.Span, d *meta) {
	e := SpanEvent{At: timeOf(m.GetAt()), Name: d.name}
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
	switch s := t.spans.open[ParseSpanID(parent)]; {
	case parent == "":
		t.Dropped.Spans += dropped
	case s == nil:
	case dropped > 0:
		s.EventsDropped += dropped
	default:
		s.Events = append(s.Events, e)
	}
}

// ParseSpanID parses a span ID of 16 hexadecimal digits. It returns 0 if text is not one.
func ParseSpanID(text string) uint64 {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(b)
}

// addEnded adds a span that has ended.
func (t *Target) addEnded(s *Span) {
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

// LatestSpans returns at most maxSpans ended spans, oldest first.
func (t *Target) LatestSpans() []*Span { return t.Spans[max(len(t.Spans)-maxSpans, 0):] }

// OpenSpans returns the spans that have not ended, oldest first.
func (t *Target) OpenSpans() []*Span {
	list := make([]*Span, 0, len(t.spans.open))
	for _, s := range t.spans.open {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b *Span) int { return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.ID, b.ID)) })
	return list
}

// EachSpan calls f for the latest ended spans and then for the open spans.
func (t *Target) EachSpan(f func(*Span)) {
	for _, s := range t.LatestSpans() {
		f(s)
	}
	for _, s := range t.OpenSpans() {
		f(s)
	}
}

// FindSpan returns the span with the given ID, or nil if it is not known or no longer kept.
func (t *Target) FindSpan(id uint64) *Span {
	if s := t.spans.open[id]; s != nil {
		return s
	}
	return t.spans.ended[id]
}

// ResourceNumber returns the number that is shown for a resource's wire ID.
func (t *Target) ResourceNumber(wire uint64) uint64 { return t.resourceIDs.get(wire) }

// OpNumber returns the number that is shown for an async operation's wire ID.
func (t *Target) OpNumber(wire uint64) uint64 { return t.opIDs.get(wire) }

// TaskTitle returns the shown ID and name of the task with the given wire ID. It returns the wire
// ID if the task is not known, and "" for 0.
func (t *Target) TaskTitle(wire uint64) string {
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
