package console

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mini-redis/console/wire/commonpb"
	"mini-redis/console/wire/eventspb"
)

// maxEventSites is how many places one stream registers; events of further ones
// come without their place.
const maxEventSites = 1000

// maxBatch is how many events one message holds: 200 KiB of them as they usually
// are, and below 4 MiB where all are as large as they may be.
const maxBatch = 64

// eventService is the Events service: what goes through the program's LogTap.
type eventService struct {
	eventspb.UnimplementedEventsServer
	c        *Console
	stopping chan struct{}
	viewers  chan struct{}
}

// Watch implements the service.
func (s *eventService) Watch(r *eventspb.WatchRequest, stream grpc.ServerStreamingServer[eventspb.Batch]) error {
	if err := stream.SendHeader(nil); err != nil {
		return err
	}
	leave, err := enter(s.viewers)
	if err != nil {
		return err
	}
	defer leave()
	level := commonpb.Metadata_INFO
	if r.Level != nil {
		level = r.GetLevel()
	}
	// A pause does not end the view: events are few, and what comes meanwhile is
	// what somebody who paused wants to read on.
	v := s.c.o.Logs.hub.subscribe(lowestOf(level))
	defer v.close()
	w := &eventWriter{metas: map[eventSite]uint64{}, send: stream.Send}
	return live(stream.Context(), s.stopping, func(ctx context.Context) error {
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

// eventWriter turns events into messages of one stream.
type eventWriter struct {
	metas map[eventSite]uint64
	send  func(*eventspb.Batch) error
}

// eventSite is what events of one metadata share: place and level. Records of
// one place may have several levels.
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
		place := e.place()
		d.Target, d.Location = place.pkg, place.message()
	}
	fresh.Metadata = append(fresh.Metadata, &commonpb.RegisterMetadata_NewMetadata{Id: &commonpb.MetaId{Id: id}, Metadata: d})
	return id
}
