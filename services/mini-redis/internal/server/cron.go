package server

import "time"

// The housekeeping runs ten times a second, redis-server's default hz, and earlier if
// the engine has a deadline.
const (
	cronInterval  = 100 * time.Millisecond
	sweepInterval = time.Second
)

// cron runs the housekeeping until the server stops.
func (s *Server) cron() {
	timer := time.NewTimer(cronInterval)
	defer timer.Stop()
	for {
		select {
		case <-s.stop:
			if s.cronTask != nil {
				s.cronTask.Drop()
			}
			return
		case <-s.cronKick:
		case <-timer.C:
		}
		timer.Reset(s.runCron())
	}
}

// runCron runs the housekeeping once and returns the time until the next run. The time
// of the next run is set under the lock: a deadline that comes later either is part of
// it or kicks the cron.
func (s *Server) runCron() (next time.Duration) {
	began := s.clock.Mono()
	sweep := false
	s.locked(s.cronTask, func() {
		s.engine.Cron()
		if s.console != nil {
			hub := s.engine.Hub()
			s.console.Counts(hub.ChannelCount(), hub.PatternCount(), s.engine.BlockedClients())
		}
		if s.cfg.Tick != nil && s.clock.Mono() >= s.tickAt {
			s.tickAt = s.clock.Mono() + int64(cronInterval)*9/10
			s.cfg.Tick()
		}
		now := s.clock.Mono()
		s.cronAt = now + int64(cronInterval)
		if deadline := s.engine.NextDeadline(); deadline != 0 && deadline < s.cronAt {
			s.cronAt = max(deadline, now)
		}
		next = time.Duration(s.cronAt - now)
		if sweep = now >= s.sweepAt; sweep {
			s.sweepAt = now + int64(sweepInterval)
		}
	})
	if sweep {
		s.net.Sweep()
	}
	if s.cronTask != nil {
		s.cronTask.Polled(0, began, s.clock.Mono())
	}
	return next
}

// deadlineMoved reports whether the engine has a deadline before the next run of the
// housekeeping, which then has to be kicked. The lock is held.
func (s *Server) deadlineMoved() bool {
	deadline := s.engine.NextDeadline()
	if deadline == 0 || deadline >= s.cronAt {
		return false
	}
	s.cronAt = deadline
	return true
}

// kickCron makes the housekeeping compute the time of its next run again.
func (s *Server) kickCron() {
	select {
	case s.cronKick <- struct{}{}:
	default:
	}
}
