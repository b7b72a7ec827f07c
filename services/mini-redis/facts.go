package main

import (
	"net"
	"os"
	"sync/atomic"

	"mini-redis/internal/program"
	"mini-redis/services/mini-redis/internal/engine"
	"mini-redis/services/mini-redis/internal/observe"
)

// readiness is the state that /readyz returns.
type readiness struct{ err atomic.Pointer[error] }

func (r *readiness) set(err error) { r.err.Store(&err) }

func (r *readiness) get() error { return *r.err.Load() }

// facts returns the figures of the server for INFO and the metrics. The execution lock is
// held.
func (in *instance) facts() observe.Facts {
	st := in.server.Stats()
	e := in.server.Engine()
	f := observe.Facts{
		Now: in.clock.Now(), Started: st.Started,
		Version: program.Number(), Revision: program.Revision(), RedisVersion: engine.RedisVersion,
		RunID: in.runID, Multiplexing: "goroutines", Loops: st.Loops, Hz: 10,
		Clients: st.Clients, MaxClients: int64(st.MaxClients),
		Accepted: st.Accepted, Rejected: st.Rejected,
		InputBytes: st.InputBytes, OutputBytes: st.OutputBytes, OutputLimitKills: st.OutputLimitKills,
		Executable: executable(),
	}
	if st.Loops > 0 {
		f.Multiplexing = "epoll"
	}
	if a, ok := in.server.Addr().(*net.TCPAddr); ok {
		f.Port = a.Port
	}
	in.dataFacts(&f, e)
	return f
}

// dataFacts adds the figures of the data, the subscriptions and the blocked clients.
func (in *instance) dataFacts(f *observe.Facts, e *engine.Engine) {
	space := e.Keyspace()
	st := space.Stats()
	f.BlockedClients = int64(e.BlockedClients())
	f.PubSubClients = e.Subscribers()
	f.PubSubChannels, f.PubSubPatterns = int64(e.Hub().ChannelCount()), int64(e.Hub().PatternCount())
	f.UsedMemory = space.Memory()
	f.Keyspace = observe.Keyspace{Hits: st.Hits, Misses: st.Misses, Expired: st.Expired, Changes: st.Changes}
	for i := range space.Len() {
		db := space.DB(i)
		if db.Len() == 0 {
			continue
		}
		f.Keyspace.Databases = append(f.Keyspace.Databases, observe.Database{
			Index: i, Keys: int64(db.Len()), Expiring: int64(db.Expiring()), AvgTTL: db.AverageTTL(),
		})
	}
}

// executable returns the path of the program, "" if it is not known.
func executable() string {
	path, _ := os.Executable()
	return path
}

func (in *instance) tick() {
	st := in.server.Stats()
	in.observer.Tick(in.clock.Mono(), st.InputBytes, st.OutputBytes)
}
