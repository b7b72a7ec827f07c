package console

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"mini-redis/console/wire/goroutinespb"
)

// GoroutineSource reads the goroutines of a program. Package console/goroutines implements it for
// the current program and for remote ones.
type GoroutineSource interface {
	// Snapshot describes up to limit goroutines individually. If there are more, it describes them
	// by site. It takes as long as the execution trace that it records.
	Snapshot(ctx context.Context, limit int) (*goroutinespb.Snapshot, error)
	// Rest is called when the last viewer of goroutines has left.
	Rest()
}

// maxGoroutines is the maximum number of goroutines that are described individually. A viewer can
// ask for a lower limit.
const maxGoroutines = 1000

// goroutineService implements the Goroutines service. Viewers share the snapshots, because the
// runtime records one execution trace at a time.
type goroutineService struct {
	goroutinespb.UnimplementedGoroutinesServer
	c        *Console
	stopping chan struct{}

	mu      sync.Mutex
	viewers int
	last    map[int]*goroutinespb.Snapshot
	taken   map[int]time.Time
}

// Watch implements the Goroutines service.
func (s *goroutineService) Watch(r *goroutinespb.WatchRequest, stream grpc.ServerStreamingServer[goroutinespb.Snapshot]) error {
	limit := maxGoroutines
	if n := int(r.GetLimit()); n > 0 {
		limit = min(limit, n)
	}
	s.addViewer()
	defer s.removeViewer()
	shared := &service{c: s.c, stopping: s.stopping}
	return shared.publish(stream, func() error {
		snapshot, err := s.snapshot(stream.Context(), limit)
		if err != nil {
			return status.Errorf(codes.Unavailable, "goroutines: %v", err)
		}
		return stream.Send(snapshot)
	})
}

func (s *goroutineService) addViewer() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.viewers++
}

func (s *goroutineService) removeViewer() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.viewers--; s.viewers == 0 {
		s.c.o.Goroutines.Rest()
	}
}

func (s *goroutineService) snapshot(ctx context.Context, limit int) (*goroutinespb.Snapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.taken[limit]) < s.c.o.PublishInterval/2 {
		return s.last[limit], nil
	}
	snapshot, err := s.c.o.Goroutines.Snapshot(ctx, limit)
	if err != nil {
		return nil, err
	}
	for _, g := range snapshot.Goroutines {
		if t, ok := s.c.running.Load(int64(g.Id)); ok {
			g.Task = t.(*Task).id
		}
	}
	if len(s.last) > 4 || s.last == nil { // viewers rarely use more than a few different limits
		s.last, s.taken = map[int]*goroutinespb.Snapshot{}, map[int]time.Time{}
	}
	s.last[limit], s.taken[limit] = snapshot, time.Now()
	return snapshot, nil
}
