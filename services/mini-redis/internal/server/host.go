package server

import (
	"time"

	"mini-redis/services/mini-redis/internal/command"
)

// host is the server as commands see it. All of it is called with the execution
// lock held.
type host struct{ *Server }

// Info implements [command.Host].
func (s host) Info(sections []string) string {
	if s.cfg.Info == nil {
		return ""
	}
	return s.cfg.Info(sections)
}

// ConfigGet implements [command.Host].
func (s host) ConfigGet(pattern string) [][2]string { return s.settings.get(pattern) }

// ConfigSet implements [command.Host].
func (s host) ConfigSet(name, value string) error { return s.settings.set(name, value) }

// ConfigResetStat implements [command.Host].
func (s host) ConfigResetStat() {
	if s.cfg.ResetStat != nil {
		s.cfg.ResetStat()
	}
}

// Sessions implements [command.Host]. Sessions come in no particular order.
func (s host) Sessions(f func(*command.Session)) {
	for _, session := range s.sessions {
		f(session)
	}
}

// Shutdown implements [command.Host]; the owner of the server carries it out.
func (s host) Shutdown() {
	if s.cfg.OnShutdown != nil {
		s.cfg.OnShutdown()
	}
}

// Stats are the network's figures.
type Stats struct {
	Started          time.Time
	Clients          int64 // connected now
	MaxClients       int
	Accepted         int64 // connections since the start
	Rejected         int64 // of which over the limit
	InputBytes       int64
	OutputBytes      int64
	OutputLimitKills int64 // clients closed because they did not read
	Loops            int   // event loops; 0 with a goroutine for each connection
}

// Stats reads the figures; it needs no lock.
func (s *Server) Stats() Stats {
	st := Stats{
		Started: s.started, Clients: s.clients.Load(), MaxClients: int(s.settings.maxClients.Load()),
		Accepted: s.counters.accepted.Load(), Rejected: s.counters.rejected.Load(),
		InputBytes: s.counters.in.Load(), OutputBytes: s.counters.out.Load(),
		OutputLimitKills: s.counters.killedOutput.Load(),
	}
	st.Loops = s.trans.size()
	return st
}

// Subscribers is how many clients subscribe to channels; the lock is held.
func (s *Server) Subscribers() (n int64) {
	for _, session := range s.sessions {
		if session.Subscribed() {
			n++
		}
	}
	return n
}

// Engine is the command engine, for those who hold the lock ([Server.Locked]).
func (s *Server) Engine() *command.Engine { return s.engine }
