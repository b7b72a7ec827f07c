package server

import (
	"time"

	"mini-redis/services/mini-redis/internal/engine"
)

// host is the server as commands see it. Its methods are called under the execution
// lock.
type host struct{ *Server }

var _ engine.Host = host{}

// Info implements engine.Host.
func (s host) Info(sections []string) string {
	if s.cfg.Info == nil {
		return ""
	}
	return s.cfg.Info(sections)
}

// ConfigGet implements engine.Host.
func (s host) ConfigGet(pattern string) [][2]string { return s.settings.get(pattern) }

// ConfigSet implements engine.Host.
func (s host) ConfigSet(name, value string) error { return s.settings.set(name, value) }

// ConfigResetStat implements engine.Host.
func (s host) ConfigResetStat() {
	if s.cfg.ResetStat != nil {
		s.cfg.ResetStat()
	}
}

// Shutdown implements engine.Host; the owner of the server carries it out.
func (s host) Shutdown() {
	if s.cfg.OnShutdown != nil {
		s.cfg.OnShutdown()
	}
}

// Stats are figures of the network.
type Stats struct {
	Started          time.Time
	Clients          int64 // open connections
	MaxClients       int
	Accepted         int64 // connections since the start
	Rejected         int64 // connections beyond MaxClients
	InputBytes       int64
	OutputBytes      int64
	OutputLimitKills int64 // connections closed because they exceeded an output limit
	Loops            int   // event loops; 0 with the goroutine transport
}

// Stats returns the figures. It takes no lock.
func (s *Server) Stats() Stats {
	n := s.net.Stats()
	return Stats{
		Started: s.started, Clients: s.clients.Load(), MaxClients: int(s.settings.maxClients.Load()),
		Accepted: s.accepted.Load(), Rejected: s.rejected.Load(),
		InputBytes: n.InputBytes, OutputBytes: n.OutputBytes, OutputLimitKills: n.Overflows,
		Loops: len(s.net.Loops()),
	}
}
