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

// GoroutineSource looks at the program's goroutines. Package console/goroutines
// has one for the program itself.
type GoroutineSource interface {
	// Snapshot looks for at most the given number of goroutines one by one; where
	// there are more it tells them by site. It takes as long as the execution
	// trace it makes.
	Snapshot(ctx context.Context, limit int) (*goroutinespb.Snapshot, error)
	// Rest is called when nobody watches any more.
	Rest()
}

// maxGoroutines is how many goroutines are told one by one unless a viewer asks
// for fewer.
const maxGoroutines = 1000

// goroutineService is the Goroutines service. Several viewers share what is
// taken: the runtime makes one execution trace at a time.
type goroutineService struct {
	goroutinespb.UnimplementedGoroutinesServer
	c        *Console
	stopping chan struct{}

	mu       sync.Mutex
	watching int
	last     map[int]*goroutinespb.Snapshot
	taken    map[int]time.Time
}

// Watch implements the service.
func (s *goroutineService) Watch(r *goroutinespb.WatchRequest, stream grpc.ServerStreamingServer[goroutinespb.Snapshot]) error {
	limit := maxGoroutines
	if n := int(r.GetLimit()); n > 0 {
		limit = min(limit, n)
	}
	s.come()
	defer s.leave()
	shared := &service{c: s.c, stopping: s.stopping}
	return shared.publish(stream, func() error {
		snapshot, err := s.snapshot(stream.Context(), limit)
		if err != nil {
			return status.Errorf(codes.Unavailable, "goroutines: %v", err)
		}
		return stream.Send(snapshot)
	})
}

func (s *goroutineService) come() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watching++
}

func (s *goroutineService) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watching--; s.watching == 0 {
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
	if len(s.last) > 4 || s.last == nil { // viewers ask for few different limits
		s.last, s.taken = map[int]*goroutinespb.Snapshot{}, map[int]time.Time{}
	}
	s.last[limit], s.taken[limit] = snapshot, time.Now()
	return snapshot, nil
}
