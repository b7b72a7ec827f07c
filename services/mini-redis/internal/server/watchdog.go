package server

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// watchdog finds out when the execution lock is held or a loop is busy for too long.
// It costs the hot path nothing: it tries to take the lock itself, on a goroutine that
// may wait for ever.
type watchdog struct {
	err    atomic.Pointer[error]
	logged bool
}

// Healthy returns an error while the execution lock or an event loop is stuck. It takes
// no lock.
func (s *Server) Healthy() error {
	if err := s.watchdog.err.Load(); err != nil {
		return *err
	}
	return nil
}

// watch checks the lock and the loops until the server stops.
func (s *Server) watch() {
	limit := s.cfg.WatchdogLimit
	if limit <= 0 {
		return
	}
	ticker := time.NewTicker(max(limit/10, 10*time.Millisecond))
	defer ticker.Stop()
	var probe chan struct{} // closed when the lock has been taken
	var since time.Time     // of the probe
	for {
		select {
		case <-s.stop:
			return
		case <-ticker.C:
		}
		if probe == nil {
			probe, since = make(chan struct{}), time.Now()
			go func(done chan struct{}) {
				s.mu.Lock()
				s.mu.Unlock() //lint:ignore SA2001 taking the lock is the test
				close(done)
			}(probe)
		}
		select {
		case <-probe:
			probe = nil
			s.report(s.stuckLoop(limit))
		default:
			var err error
			if held := time.Since(since); held > limit {
				err = fmt.Errorf("the execution lock is held for %v", held.Round(time.Millisecond))
			}
			s.report(err)
		}
	}
}

// stuckLoop returns an error if a loop's turn lasts longer than limit.
func (s *Server) stuckLoop(limit time.Duration) error {
	now := s.clock.Mono()
	for _, l := range s.net.Loops() {
		if since := l.BusySince(); since != 0 && now-since > int64(limit) {
			return fmt.Errorf("event loop %d is busy for %v", l.Index, time.Duration(now-since).Round(time.Millisecond))
		}
	}
	return nil
}

// report sets the server's health. It logs the stacks of all goroutines when the server
// becomes unhealthy for the first time.
func (s *Server) report(err error) {
	was := s.Healthy()
	if err == nil {
		s.watchdog.err.Store(nil)
		if was != nil {
			s.log.Warn("the server continues", "was", was.Error())
		}
		return
	}
	attrs := []any{"error", err.Error()}
	if was == nil && !s.watchdog.logged {
		s.watchdog.logged = true
		attrs = append(attrs, "stacks", allStacks()) // before Healthy has consequences
	}
	s.watchdog.err.Store(&err)
	if was != nil {
		return
	}
	s.log.Error("the server is stuck", attrs...)
}

// allStacks returns the stacks of all goroutines, at most 1 MiB.
func allStacks() string {
	buf := make([]byte, 1<<20)
	return string(buf[:runtime.Stack(buf, true)])
}

// crashLogTime is how long a panic waits for its log line. The log's output may block.
const crashLogTime = time.Second

// crashOnPanic is deferred by whatever takes the execution lock. A panic leaves the data
// in an unknown state, and the lock may be held: the process ends at once. Nothing on
// the way waits for a lock.
func (s *Server) crashOnPanic() {
	v := recover()
	if v == nil {
		return
	}
	text, stack := fmt.Sprint(v), string(debug.Stack())
	logged := make(chan struct{})
	go func() {
		defer close(logged)
		s.log.Error("panic: the process ends", "panic", text, "stack", stack)
	}()
	select {
	case <-logged:
	case <-time.After(crashLogTime):
	}
	go panic(text + "\n\n" + stack) // on a goroutine of its own: net/http recovers panics of its handlers
	select {}
}
