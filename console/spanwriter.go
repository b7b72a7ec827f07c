package console

import (
	"context"
	"encoding/binary"
	"maps"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mini-redis/console/wire/commonpb"
	"mini-redis/console/wire/tracepb"
)

// What one stream of spans keeps and tells, at most.
const (
	maxSpanNames  = 1000 // names registered as metadata
	maxOpenSpans  = 2000 // spans told as open at a time; more are told when they end
	maxSpanEvents = 32   // events of one span
)

// spanWriter turns spans into events of the wire. After the first error it does
// nothing.
type spanWriter struct {
	c       *Console
	send    func(*tracepb.TraceEvent) error
	filter  string
	metas   map[spanMeta]uint64
	threads map[uint64]bool
	open    map[uint64]uint64 // spans told as open, and the task of each, 0 for none
	serial  uint64            // of events, which have no number of their own
	err     error
}

type spanMeta struct {
	metaKey
	kind commonpb.Metadata_Kind
}

func newSpanWriter(c *Console, filter string, send func(*tracepb.TraceEvent) error) *spanWriter {
	return &spanWriter{c: c, send: send, filter: filter, metas: map[spanMeta]uint64{}, threads: map[uint64]bool{}, open: map[uint64]uint64{}}
}

// follow tells of spans until the context, the stream or the source ends.
func (w *spanWriter) follow(ctx context.Context, spans SpanStream) error {
	batch := make([]Span, 256)
	for {
		n, missed, err := spans.Next(ctx, batch)
		for i := range batch[:n] {
			w.span(&batch[i])
		}
		if missed > 0 {
			w.forget()
			w.missed(missed)
		}
		if w.err != nil {
			return w.err
		}
		if err != nil {
			return err
		}
	}
}

func (w *spanWriter) event(e *tracepb.TraceEvent) {
	if w.err == nil {
		w.err = w.send(e)
	}
}

// meta registers a name, once a stream.
func (w *spanWriter) meta(name, scope string, kind commonpb.Metadata_Kind, level commonpb.Metadata_Level) uint64 {
	key := spanMeta{metaKey{name, scope}, kind}
	if id, ok := w.metas[key]; ok {
		return id
	}
	if len(w.metas) >= maxSpanNames {
		key = spanMeta{metaKey{"(other)", ""}, kind}
		if id, ok := w.metas[key]; ok {
			return id
		}
	}
	id := uint64(len(w.metas) + 1)
	w.metas[key] = id
	w.event(&tracepb.TraceEvent{Event: &tracepb.TraceEvent_RegisterMetadata{RegisterMetadata: &commonpb.RegisterMetadata{
		Metadata: []*commonpb.RegisterMetadata_NewMetadata{{
			Id:       &commonpb.MetaId{Id: id},
			Metadata: &commonpb.Metadata{Name: clean(key.name), Target: clean(key.pkg), Kind: kind, Level: level},
		}},
	}}})
	return id
}

func (w *spanWriter) span(s *Span) {
	if !strings.Contains(s.Name, w.filter) {
		return
	}
	sid := s.Context.SpanID()
	id := binary.BigEndian.Uint64(sid[:])
	task, told := w.open[id]
	if s.Open && (told || len(w.open) >= maxOpenSpans) {
		return
	}
	meta := w.meta(s.Name, s.Scope, commonpb.Metadata_SPAN, commonpb.Metadata_INFO)
	w.newSpan(id, meta, timestamppb.New(s.Start), spanFields(s, meta))
	if !told || task == 0 { // a connection may have gone since, and taken its key along
		if t := w.c.spanTask(s); t != nil {
			task = t.id
			w.thread(t)
			w.event(&tracepb.TraceEvent{Event: &tracepb.TraceEvent_EnterSpan{EnterSpan: &tracepb.TraceEvent_Enter{
				SpanId: &commonpb.SpanId{Id: id}, ThreadId: task, At: timestamppb.New(s.Start),
			}}})
		}
	}
	if s.Open {
		w.open[id] = task
		return
	}
	delete(w.open, id)
	w.spanEvents(s)
	end := timestamppb.New(s.End)
	if task != 0 {
		w.event(&tracepb.TraceEvent{Event: &tracepb.TraceEvent_ExitSpan{ExitSpan: &tracepb.TraceEvent_Exit{
			SpanId: &commonpb.SpanId{Id: id}, ThreadId: task, At: end,
		}}})
	}
	w.closeSpan(id, end)
}

func (w *spanWriter) newSpan(id, meta uint64, at *timestamppb.Timestamp, fields []*commonpb.Field) {
	w.event(&tracepb.TraceEvent{Event: &tracepb.TraceEvent_NewSpan{NewSpan: &commonpb.Span{
		Id: &commonpb.SpanId{Id: id}, MetadataId: &commonpb.MetaId{Id: meta}, Fields: fields, At: at,
	}}})
}

// closeSpan without a time takes back that the span is open.
func (w *spanWriter) closeSpan(id uint64, at *timestamppb.Timestamp) {
	w.event(&tracepb.TraceEvent{Event: &tracepb.TraceEvent_CloseSpan{CloseSpan: &tracepb.TraceEvent_Close{SpanId: &commonpb.SpanId{Id: id}, At: at}}})
}

// thread names what spans run on: here a task.
func (w *spanWriter) thread(t *Task) {
	if w.threads[t.id] {
		return
	}
	w.threads[t.id] = true
	w.event(&tracepb.TraceEvent{Event: &tracepb.TraceEvent_RegisterThread{RegisterThread: &tracepb.TraceEvent_RegisterThreads{
		Names: map[uint64]string{t.id: clean(t.name)},
	}}})
}

// spanEvents tells what happened in a span, and how much of it is not told.
func (w *spanWriter) spanEvents(s *Span) {
	in := []Field{Text(SpanTraceID, s.Context.TraceID().String()), Text(SpanParentID, s.Context.SpanID().String())}
	events := s.Events[:min(len(s.Events), maxSpanEvents)]
	for _, e := range events {
		fields := in[:len(in):len(in)]
		for _, a := range e.Attributes {
			fields = append(fields, attributeField(a))
		}
		w.happened(e.Name, s.Scope, commonpb.Metadata_INFO, timestamppb.New(e.Time), fields)
	}
	if n := s.DroppedEvents + len(s.Events) - len(events); n > 0 {
		w.happened("events dropped", "console", commonpb.Metadata_WARN, timestamppb.New(s.End), append(in[:len(in):len(in)], Uint(SpanDropped, uint64(n))))
	}
}

// happened tells an event: a span of that kind, which is not closed.
func (w *spanWriter) happened(name, scope string, level commonpb.Metadata_Level, at *timestamppb.Timestamp, fields []Field) {
	meta := w.meta(name, scope, commonpb.Metadata_EVENT, level)
	w.serial++
	list := make([]*commonpb.Field, len(fields))
	for i, f := range fields {
		list[i] = f.message(meta)
	}
	w.newSpan(w.serial, meta, at, list)
}

// missed tells of spans that the viewer was too slow for.
func (w *spanWriter) missed(n uint64) {
	w.happened("spans dropped", "console", commonpb.Metadata_WARN, timestamppb.New(w.c.clock.Now()), []Field{Uint(SpanDropped, n)})
}

// forget takes back what was told as open.
func (w *spanWriter) forget() {
	for _, id := range slices.Sorted(maps.Keys(w.open)) {
		w.closeSpan(id, nil)
	}
	clear(w.open)
}

func spanFields(s *Span, meta uint64) []*commonpb.Field {
	fields := []Field{Text(SpanTraceID, s.Context.TraceID().String()), Text(SpanKind, s.Kind.String())}
	if s.Parent.IsValid() {
		fields = append(fields, Text(SpanParentID, s.Parent.SpanID().String()))
	}
	if s.Status != otelcodes.Unset {
		fields = append(fields, Text(SpanStatus, s.Status.String()))
	}
	list := make([]*commonpb.Field, 0, len(fields)+len(s.Attributes))
	for _, f := range fields {
		list = append(list, f.message(meta))
	}
	for _, a := range s.Attributes {
		list = append(list, attributeField(a).message(meta))
	}
	return list
}

func attributeField(a attribute.KeyValue) Field {
	switch a.Value.Type() {
	case attribute.BOOL:
		return Bool(string(a.Key), a.Value.AsBool())
	case attribute.INT64:
		return Int(string(a.Key), a.Value.AsInt64())
	}
	return Text(string(a.Key), a.Value.String())
}
