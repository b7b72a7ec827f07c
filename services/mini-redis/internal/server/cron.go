package server

import "time"

// cronEvery is how often the engine's housekeeping runs when no blocked client's
// deadline comes before: redis-server's default of 10 a second.
const cronEvery = 100 * time.Millisecond

// cron runs the engine's housekeeping: active expiry, and the deadlines of
// blocked clients.
func (s *Server) cron() {
	timer := time.NewTimer(cronEvery)
	defer timer.Stop()
	defer s.keeper.Drop()
	for {
		select {
		case <-s.stop:
			return
		case <-s.cronKick:
		case <-timer.C:
		}
		timer.Reset(s.tidy())
	}
}

// tidy runs the housekeeping once and returns the time until the next.
func (s *Server) tidy() time.Duration {
	began := s.clock.Mono()
	s.acquire(s.keeper)
	s.engine.Cron()
	s.watch.count(s.engine.Hub().ChannelCount(), s.engine.Hub().PatternCount(), s.engine.BlockedClients())
	if s.cfg.Tick != nil && s.clock.Mono() >= s.tickAt {
		s.tickAt = s.clock.Mono() + int64(cronEvery)*9/10
		s.cfg.Tick()
	}
	deadline := s.engine.NextDeadline()
	s.unlock()
	now := s.clock.Mono()
	s.keeper.Polled(0, began, now)
	at := now + int64(cronEvery)
	if deadline != 0 && deadline < at {
		at = max(deadline, now)
	}
	s.cronAt.Store(at)
	return time.Duration(at - now)
}

// scheduleCron makes the cron run earlier when a deadline asks for it.
func (s *Server) scheduleCron(deadline int64) {
	if deadline == 0 || deadline >= s.cronAt.Load() {
		return
	}
	s.cronAt.Store(deadline)
	select {
	case s.cronKick <- struct{}{}:
	default:
	}
}
