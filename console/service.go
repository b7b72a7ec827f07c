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

// service is the Instrument service.
type service struct {
	instrumentpb.UnimplementedInstrumentServer
	c        *Console
	stopping chan struct{}
	viewers  chan struct{}
}

// WatchUpdates implements the service.
func (s *service) WatchUpdates(_ *instrumentpb.InstrumentRequest, stream grpc.ServerStreamingServer[instrumentpb.Update]) error {
	leave, err := enter(s.viewers)
	if err != nil {
		return err
	}
	defer leave()
	s.c.watchers.Add(1)
	defer s.c.watchers.Add(-1)
	s.c.o.Logger.Debug("console viewer connected")
	defer s.c.o.Logger.Debug("console viewer gone")
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

// publish calls send now and at each interval, except while the viewer is
// paused. A viewer waits for the headers before it does anything else, so they
// go first.
func (s *service) publish(stream grpc.ServerStream, send func() error) error {
	if err := stream.SendHeader(nil); err != nil {
		return err
	}
	session := sessionOf(stream.Context())
	tick := time.NewTicker(s.c.o.PublishInterval)
	defer tick.Stop()
	for {
		paused, changed := session.state()
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

// WatchState implements the service.
func (s *service) WatchState(_ *instrumentpb.StateRequest, stream grpc.ServerStreamingServer[instrumentpb.State]) error {
	if err := stream.SendHeader(nil); err != nil {
		return err
	}
	session := sessionOf(stream.Context())
	for {
		paused, changed := session.state()
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

// Pause implements the service: no more updates to the viewer that asks. Other
// viewers go on.
func (s *service) Pause(ctx context.Context, _ *instrumentpb.PauseRequest) (*instrumentpb.PauseResponse, error) {
	sessionOf(ctx).pause(true)
	return &instrumentpb.PauseResponse{}, nil
}

// Resume implements the service.
func (s *service) Resume(ctx context.Context, _ *instrumentpb.ResumeRequest) (*instrumentpb.ResumeResponse, error) {
	sessionOf(ctx).pause(false)
	return &instrumentpb.ResumeResponse{}, nil
}

// WatchTaskDetails implements the service.
func (s *service) WatchTaskDetails(r *instrumentpb.TaskDetailsRequest, stream grpc.ServerStreamingServer[taskspb.TaskDetails]) error {
	t, ok := s.c.tasks.find(r.GetId().GetId())
	if !ok {
		return status.Errorf(codes.NotFound, "no task %d", r.GetId().GetId())
	}
	s.c.watchers.Add(1)
	defer s.c.watchers.Add(-1)
	defer t.look()()
	ended := false
	err := s.publish(stream, func() error {
		details, over := s.c.details(t)
		if err := stream.Send(details); err != nil {
			return err
		}
		if ended = over; ended {
			return context.Canceled // nothing more will change
		}
		return nil
	})
	if ended {
		return nil
	}
	return err
}

// details returns a task's histograms, and whether the task has ended.
func (c *Console) details(t *Task) (*taskspb.TaskDetails, bool) {
	zero, now := c.epoch()
	t.mu.Lock()
	t.s.settle(c)
	polls, scheduled := t.s.pollTimes.Clone(), t.s.scheduledTimes.Clone()
	ended := t.s.dropped != 0
	t.mu.Unlock()
	d := &taskspb.TaskDetails{
		TaskId: &commonpb.Id{Id: t.id}, Now: moment{zero: zero}.at(now), ScheduledTimesHistogram: histogramMessage(scheduled),
	}
	if m := histogramMessage(polls); m != nil {
		d.PollTimesHistogram = &taskspb.TaskDetails_Histogram{Histogram: m}
	}
	return d, ended
}

// histogramMessage is nil where nothing has been recorded.
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
