package console

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"mini-redis/console/hdr"
	"mini-redis/console/wire/commonpb"
	"mini-redis/console/wire/instrumentpb"
	"mini-redis/console/wire/taskspb"
)

// errStopping ends the streams of a server that is being closed.
var errStopping = status.Error(codes.Unavailable, "the console is being closed")

// service implements the Instrument service.
type service struct {
	instrumentpb.UnimplementedInstrumentServer
	c        *Console
	stopping chan struct{}
	viewers  chan struct{}
}

// WatchUpdates implements the Instrument service.
func (s *service) WatchUpdates(_ *instrumentpb.InstrumentRequest, stream grpc.ServerStreamingServer[instrumentpb.Update]) error {
	release, err := acquireViewerSlot(s.viewers)
	if err != nil {
		return err
	}
	defer release()
	s.c.watchers.Add(1)
	defer s.c.watchers.Add(-1)
	s.c.o.Logger.Debug("console viewer connected")
	defer s.c.o.Logger.Debug("console viewer disconnected")
	v := newViewer(s.c)
	return s.publish(stream, func() error {
		for _, u := range v.updates() {
			if err := stream.Send(u); err != nil {
				return err
			}
		}
		return nil
	})
}

// publish calls send immediately and then at each interval, except while the viewer is paused. It
// sends the headers first, because a viewer waits for them before it does anything else.
func (s *service) publish(stream grpc.ServerStream, send func() error) error {
	if err := stream.SendHeader(nil); err != nil {
		return err
	}
	conn := viewerConnOf(stream.Context())
	tick := time.NewTicker(s.c.o.PublishInterval)
	defer tick.Stop()
	for {
		paused, changed := conn.state()
		if !paused {
			if err := send(); err != nil {
				return err
			}
		}
		select {
		case <-tick.C:
		case <-changed:
		case <-stream.Context().Done():
			return stream.Context().Err()
		case <-s.stopping:
			return errStopping
		}
	}
}

// WatchState implements the Instrument service.
func (s *service) WatchState(_ *instrumentpb.StateRequest, stream grpc.ServerStreamingServer[instrumentpb.State]) error {
	if err := stream.SendHeader(nil); err != nil {
		return err
	}
	conn := viewerConnOf(stream.Context())
	for {
		paused, changed := conn.state()
		state := &instrumentpb.State{Temporality: instrumentpb.Temporality_LIVE}
		if paused {
			state.Temporality = instrumentpb.Temporality_PAUSED
		}
		if err := stream.Send(state); err != nil {
			return err
		}
		select {
		case <-changed:
		case <-stream.Context().Done():
			return stream.Context().Err()
		case <-s.stopping:
			return errStopping
		}
	}
}

// Pause implements the Instrument service. It stops the updates to the viewer that calls it. Other
// viewers are not affected.
func (s *service) Pause(ctx context.Context, _ *instrumentpb.PauseRequest) (*instrumentpb.PauseResponse, error) {
	viewerConnOf(ctx).pause(true)
	return &instrumentpb.PauseResponse{}, nil
}

// Resume implements the Instrument service.
func (s *service) Resume(ctx context.Context, _ *instrumentpb.ResumeRequest) (*instrumentpb.ResumeResponse, error) {
	viewerConnOf(ctx).pause(false)
	return &instrumentpb.ResumeResponse{}, nil
}

// WatchTaskDetails implements the Instrument service.
func (s *service) WatchTaskDetails(r *instrumentpb.TaskDetailsRequest, stream grpc.ServerStreamingServer[taskspb.TaskDetails]) error {
	t, ok := s.c.tasks.find(r.GetId().GetId())
	if !ok {
		return status.Errorf(codes.NotFound, "no task %d", r.GetId().GetId())
	}
	s.c.watchers.Add(1)
	defer s.c.watchers.Add(-1)
	defer t.subscribeDetails()()
	ended := false
	err := s.publish(stream, func() error {
		details, over := s.c.details(t)
		if err := stream.Send(details); err != nil {
			return err
		}
		if ended = over; ended {
			return context.Canceled // the task has ended, so its details no longer change
		}
		return nil
	})
	if ended {
		return nil
	}
	return err
}

// details returns the histograms of a task, and whether the task has ended.
func (c *Console) details(t *Task) (*taskspb.TaskDetails, bool) {
	zero, now := c.epoch()
	t.mu.Lock()
	t.s.flushRecent(c)
	polls, scheduled := t.s.pollTimes.Clone(), t.s.scheduledTimes.Clone()
	ended := t.s.dropped != 0
	t.mu.Unlock()
	d := &taskspb.TaskDetails{
		TaskId: &commonpb.Id{Id: t.id}, Now: timeBase{zero: zero}.at(now), ScheduledTimesHistogram: histogramMessage(scheduled),
	}
	if m := histogramMessage(polls); m != nil {
		d.PollTimesHistogram = &taskspb.TaskDetails_Histogram{Histogram: m}
	}
	return d, ended
}

// histogramMessage returns nil if h is nil, which means that nothing has been recorded.
func histogramMessage(h *hdr.Histogram) *taskspb.DurationHistogram {
	if h == nil {
		return nil
	}
	m := &taskspb.DurationHistogram{RawHistogram: h.AppendV2(nil), MaxValue: h.Highest(), HighOutliers: h.Outliers}
	if h.Outliers > 0 {
		m.HighestOutlier = &h.Outlier
	}
	return m
}
