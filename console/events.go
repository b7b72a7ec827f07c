package console

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mini-redis/console/wire/commonpb"
	"mini-redis/console/wire/eventspb"
)

// maxEventSites is the maximum number of call sites that one stream registers. Events of further
// sites are sent without their site.
const maxEventSites = 1000

// maxBatch is the maximum number of events in one message. Such a message typically has 200 KiB,
// and stays below 4 MiB if every event has the maximum size.
const maxBatch = 64

// eventService implements the Events service, which sends the log records that pass through the
// program's LogTap.
type eventService struct {
	eventspb.UnimplementedEventsServer
	c        *Console
	stopping chan struct{}
	viewers  chan struct{}
}

// Watch implements the Events service.
func (s *eventService) Watch(r *eventspb.WatchRequest, stream grpc.ServerStreamingServer[eventspb.Batch]) error {
	if err := stream.SendHeader(nil); err != nil {
		return err
	}
	release, err := acquireViewerSlot(s.viewers)
	if err != nil {
		return err
	}
	defer release()
	level := commonpb.Metadata_INFO
	if r.Level != nil {
		level = r.GetLevel()
	}
	// The subscription continues during a pause and buffers up to eventBuffer events: events are
	// few, and a viewer that resumes expects those of the meantime.
	v := s.c.o.Logs.hub.subscribe(slogLevel(level))
	defer v.close()
	w := &eventWriter{metas: map[eventSite]uint64{}, send: stream.Send}
	return runUnpaused(stream.Context(), s.stopping, func(ctx context.Context) error {
		for {
			list, dropped := v.take()
			if err := w.write(list, dropped); err != nil {
				return err
			}
			select {
			case <-v.wake:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	})
}

// eventWriter converts events to messages of one stream.
type eventWriter struct {
	metas map[eventSite]uint64
	send  func(*eventspb.Batch) error
}

// eventSite is what the events of one metadata have in common: call site and level. The records of
// one site may have several levels.
type eventSite struct {
	pc    uintptr
	level commonpb.Metadata_Level
}

func (w *eventWriter) write(list []*logEvent, dropped uint64) error {
	for len(list) > 0 || dropped > 0 {
		n := min(len(list), maxBatch)
		b := &eventspb.Batch{Dropped: dropped, NewMetadata: &commonpb.RegisterMetadata{}}
		for _, e := range list[:n] {
			b.Events = append(b.Events, w.message(e, b.NewMetadata))
		}
		list, dropped = list[n:], 0
		if err := w.send(b); err != nil {
			return err
		}
	}
	return nil
}

func (w *eventWriter) message(e *logEvent, fresh *commonpb.RegisterMetadata) *eventspb.Event {
	meta := w.meta(e, fresh)
	m := &eventspb.Event{
		MetadataId: &commonpb.MetaId{Id: meta}, At: timestamppb.New(e.at), Message: clean(e.message),
		TraceId: e.trace, SpanId: e.span, Task: e.task, FieldsDropped: e.dropped,
	}
	for _, f := range e.fields {
		m.Fields = append(m.Fields, f.message(meta))
	}
	return m
}

func (w *eventWriter) meta(e *logEvent, fresh *commonpb.RegisterMetadata) uint64 {
	key := eventSite{e.pc, wireLevel(e.level)}
	if id := w.metas[key]; id != 0 {
		return id
	}
	if len(w.metas) >= maxEventSites {
		key.pc = 0
		if id := w.metas[key]; id != 0 {
			return id
		}
	}
	id := uint64(len(w.metas) + 1)
	w.metas[key] = id
	d := &commonpb.Metadata{Name: "event", Kind: commonpb.Metadata_EVENT, Level: key.level}
	if key.pc != 0 {
		site := e.callSite()
		d.Target, d.Location = site.pkg, site.message()
	}
	fresh.Metadata = append(fresh.Metadata, &commonpb.RegisterMetadata_NewMetadata{Id: &commonpb.MetaId{Id: id}, Metadata: d})
	return id
}
