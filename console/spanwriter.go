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

// Limits of one stream of spans.
const (
	maxSpanNames  = 1000 // names registered as metadata
	maxOpenSpans  = 2000 // spans sent as open at the same time; further spans are sent when they end
	maxSpanEvents = 32   // events of one span
)

// spanWriter converts spans to messages of one stream. After the first error it sends nothing.
type spanWriter struct {
	c       *Console
	send    func(*tracepb.TraceEvent) error
	filter  string
	metas   map[spanMeta]uint64
	threads map[uint64]bool
	open    map[uint64]uint64 // span ID -> task ID, for spans sent as open; 0: no task
	serial  uint64            // the last ID given to an event, since events have none
	err     error
}

type spanMeta struct {
	metaKey
	kind commonpb.Metadata_Kind
}

func newSpanWriter(c *Console, filter string, send func(*tracepb.TraceEvent) error) *spanWriter {
	return &spanWriter{c: c, send: send, filter: filter, metas: map[spanMeta]uint64{}, threads: map[uint64]bool{}, open: map[uint64]uint64{}}
}

// run sends spans until the context is done, sending fails, or the source ends.
func (w *spanWriter) run(ctx context.Context, spans SpanStream) error {
	batch := make([]Span, 256)
	for {
		n, missed, err := spans.Next(ctx, batch)
		for i := range batch[:n] {
			w.span(&batch[i])
		}
		if missed > 0 {
			w.retractOpen()
			w.reportMissed(missed)
		}
		if w.err != nil {
			return w.err
		}
		if err != nil {
			return err
		}
	}
}

func (w *spanWriter) write(e *tracepb.TraceEvent) {
	if w.err == nil {
		w.err = w.send(e)
	}
}

// meta returns the number of a name's metadata, and sends the metadata once per stream.
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
	w.write(&tracepb.TraceEvent{Event: &tracepb.TraceEvent_RegisterMetadata{RegisterMetadata: &commonpb.RegisterMetadata{
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
	task, announced := w.open[id]
	if s.Open && (announced || len(w.open) >= maxOpenSpans) {
		return
	}
	meta := w.meta(s.Name, s.Scope, commonpb.Metadata_SPAN, commonpb.Metadata_INFO)
	w.newSpan(id, meta, timestamppb.New(s.Start), spanFields(s, meta))
	if !announced || task == 0 { // one lookup per span: by its end the connection may have closed, which removes its key
		if t := w.c.spanTask(s); t != nil {
			task = t.id
			w.thread(t)
			w.write(&tracepb.TraceEvent{Event: &tracepb.TraceEvent_EnterSpan{EnterSpan: &tracepb.TraceEvent_Enter{
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
		w.write(&tracepb.TraceEvent{Event: &tracepb.TraceEvent_ExitSpan{ExitSpan: &tracepb.TraceEvent_Exit{
			SpanId: &commonpb.SpanId{Id: id}, ThreadId: task, At: end,
		}}})
	}
	w.closeSpan(id, end)
}

func (w *spanWriter) newSpan(id, meta uint64, at *timestamppb.Timestamp, fields []*commonpb.Field) {
	w.write(&tracepb.TraceEvent{Event: &tracepb.TraceEvent_NewSpan{NewSpan: &commonpb.Span{
		Id: &commonpb.SpanId{Id: id}, MetadataId: &commonpb.MetaId{Id: meta}, Fields: fields, At: at,
	}}})
}

// closeSpan sends the end of a span. Without a time it retracts an open span.
func (w *spanWriter) closeSpan(id uint64, at *timestamppb.Timestamp) {
	w.write(&tracepb.TraceEvent{Event: &tracepb.TraceEvent_CloseSpan{CloseSpan: &tracepb.TraceEvent_Close{SpanId: &commonpb.SpanId{Id: id}, At: at}}})
}

// thread sends the name of what spans run on, which is a task here, once per stream.
func (w *spanWriter) thread(t *Task) {
	if w.threads[t.id] {
		return
	}
	w.threads[t.id] = true
	w.write(&tracepb.TraceEvent{Event: &tracepb.TraceEvent_RegisterThread{RegisterThread: &tracepb.TraceEvent_RegisterThreads{
		Names: map[uint64]string{t.id: clean(t.name)},
	}}})
}

// spanEvents sends the events of a span, and the number of events that were dropped.
func (w *spanWriter) spanEvents(s *Span) {
	in := []Field{Text(SpanTraceID, s.Context.TraceID().String()), Text(SpanParentID, s.Context.SpanID().String())}
	events := s.Events[:min(len(s.Events), maxSpanEvents)]
	for _, e := range events {
		fields := in[:len(in):len(in)]
		for _, a := range e.Attributes {
			fields = append(fields, attributeField(a))
		}
		w.sendEvent(e.Name, s.Scope, commonpb.Metadata_INFO, timestamppb.New(e.Time), fields)
	}
	if n := s.DroppedEvents + len(s.Events) - len(events); n > 0 {
		w.sendEvent("events dropped", "console", commonpb.Metadata_WARN, timestamppb.New(s.End), append(in[:len(in):len(in)], Uint(SpanDropped, uint64(n))))
	}
}

// sendEvent sends an event, which is encoded as a span of kind EVENT that is never closed.
func (w *spanWriter) sendEvent(name, scope string, level commonpb.Metadata_Level, at *timestamppb.Timestamp, fields []Field) {
	meta := w.meta(name, scope, commonpb.Metadata_EVENT, level)
	w.serial++
	list := make([]*commonpb.Field, len(fields))
	for i, f := range fields {
		list[i] = f.message(meta)
	}
	w.newSpan(w.serial, meta, at, list)
}

// reportMissed sends the number of spans that were lost because the viewer was too slow.
func (w *spanWriter) reportMissed(n uint64) {
	w.sendEvent("spans dropped", "console", commonpb.Metadata_WARN, timestamppb.New(w.c.clock.Now()), []Field{Uint(SpanDropped, n)})
}

// retractOpen retracts all spans that were sent as open.
func (w *spanWriter) retractOpen() {
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
