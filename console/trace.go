package console

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mini-redis/console/wire/commonpb"
	"mini-redis/console/wire/tracepb"
)

// spanBuffer is how many spans a viewer may be behind.
const spanBuffer = 4096

// maxSpanNames bounds the metadata that one stream registers.
const maxSpanNames = 1000

// The names of the fields that say what a span is, beside its attributes.
const (
	SpanTraceID  = "trace_id"
	SpanParentID = "parent_span_id"
	SpanKind     = "span.kind"
	SpanStatus   = "status"
	SpanDropped  = "dropped"
)

// traceService is the Trace service: the program's finished spans, each told as
// a new span, its way into and out of the task it ran in, and its end.
type traceService struct {
	tracepb.UnimplementedTraceServer
	c        *Console
	stopping chan struct{}
}

// Watch implements the service.
func (s *traceService) Watch(r *tracepb.WatchRequest, stream grpc.ServerStreamingServer[tracepb.TraceEvent]) error {
	if err := stream.SendHeader(nil); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(stream.Context())
	defer cancel(nil)
	go func() {
		select {
		case <-s.stopping:
			cancel(errStopping)
		case <-ctx.Done():
		}
	}()
	spans := s.c.o.Spans.Subscribe(spanBuffer)
	defer spans.Close()
	w := &spanWriter{c: s.c, send: stream.Send, filter: r.GetFilter(), metas: map[metaKey]uint64{}, threads: map[uint64]bool{}}
	batch := make([]Span, 256)
	for {
		n, missed, err := spans.Next(ctx, batch)
		if missed > 0 {
			w.missed(missed)
		}
		for i := range batch[:n] {
			w.span(&batch[i])
		}
		switch {
		case w.err != nil:
			return w.err
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			return err
		}
	}
}

// spanWriter turns spans into events. After the first error it does nothing.
type spanWriter struct {
	c       *Console
	send    func(*tracepb.TraceEvent) error
	filter  string
	metas   map[metaKey]uint64
	threads map[uint64]bool
	serial  uint64
	err     error
}

func (w *spanWriter) event(e *tracepb.TraceEvent) {
	if w.err == nil {
		w.err = w.send(e)
	}
}

// meta registers a name, once a stream.
func (w *spanWriter) meta(key metaKey, kind commonpb.Metadata_Kind) uint64 {
	if id, ok := w.metas[key]; ok {
		return id
	}
	if len(w.metas) >= maxSpanNames {
		key.name = "(other)"
		if id, ok := w.metas[key]; ok {
			return id
		}
	}
	id := uint64(len(w.metas) + 1)
	w.metas[key] = id
	level := commonpb.Metadata_INFO
	if kind == commonpb.Metadata_EVENT {
		level = commonpb.Metadata_WARN
	}
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
	meta := w.meta(metaKey{s.Name, s.Scope}, commonpb.Metadata_SPAN)
	sid := s.Context.SpanID()
	id := &commonpb.SpanId{Id: binary.BigEndian.Uint64(sid[:])}
	begin, end := timestamppb.New(s.Start), timestamppb.New(s.End)
	w.event(&tracepb.TraceEvent{Event: &tracepb.TraceEvent_NewSpan{NewSpan: &commonpb.Span{
		Id: id, MetadataId: &commonpb.MetaId{Id: meta}, Fields: spanFields(s, meta), At: begin,
	}}})
	if t := w.c.spanTask(s); t != nil {
		w.thread(t)
		w.event(&tracepb.TraceEvent{Event: &tracepb.TraceEvent_EnterSpan{EnterSpan: &tracepb.TraceEvent_Enter{SpanId: id, ThreadId: t.id, At: begin}}})
		w.event(&tracepb.TraceEvent{Event: &tracepb.TraceEvent_ExitSpan{ExitSpan: &tracepb.TraceEvent_Exit{SpanId: id, ThreadId: t.id, At: end}}})
	}
	w.event(&tracepb.TraceEvent{Event: &tracepb.TraceEvent_CloseSpan{CloseSpan: &tracepb.TraceEvent_Close{SpanId: id, At: end}}})
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

// missed tells of spans that the viewer was too slow for, as an event.
func (w *spanWriter) missed(n uint64) {
	meta := w.meta(metaKey{"spans dropped", "console"}, commonpb.Metadata_EVENT)
	w.serial++
	now := timestamppb.New(w.c.clock.Now())
	id := &commonpb.SpanId{Id: w.serial}
	w.event(&tracepb.TraceEvent{Event: &tracepb.TraceEvent_NewSpan{NewSpan: &commonpb.Span{
		Id: id, MetadataId: &commonpb.MetaId{Id: meta}, At: now, Fields: []*commonpb.Field{Uint(SpanDropped, n).message(meta)},
	}}})
	w.event(&tracepb.TraceEvent{Event: &tracepb.TraceEvent_CloseSpan{CloseSpan: &tracepb.TraceEvent_Close{SpanId: id, At: now}}})
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

// The attributes that name a connection's peer, of the semantic conventions for
// network attributes.
const (
	peerAddress = attribute.Key("network.peer.address")
	peerPort    = attribute.Key("network.peer.port")
)

// spanTask finds the task that a span ran in: the one whose Key is the address
// of the span's peer.
func (c *Console) spanTask(s *Span) *Task {
	var host, port string
	for _, a := range s.Attributes {
		switch a.Key {
		case peerAddress:
			host = a.Value.AsString()
		case peerPort:
			port = a.Value.String()
		}
	}
	if host == "" {
		return nil
	}
	if t, ok := c.keys.Load(net.JoinHostPort(host, port)); ok {
		return t.(*Task)
	}
	return nil
}
