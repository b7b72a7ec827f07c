package measure

import (
	"time"

	"go.opentelemetry.io/otel/trace"
)

// Snapshot is what was recorded up to a moment.
type Snapshot struct {
	All       Tally
	Commands  []Tally       // in the order the Recorder was made with
	Wake      Distribution  // how late idle workers began: the generator's own share
	LastTrace trace.TraceID // of the last sampled operation; not valid without one

	all *tally // what All sums up, never changed again; nil is nothing
}

// Tally is what came of the operations of a command, or of all commands.
type Tally struct {
	Command      string
	Operations   int64 // answered or failed
	Errors       int64 // of those, failed
	ErrorsByType map[string]int64
	Retried      int64 // of Operations, those that took more than one attempt
	// Retries counts the attempts that failed and were followed by another, also
	// of operations that are still under way: once none is, Operations + Retries
	// is how many attempts there were.
	Retries       int64
	RetriesByType map[string]int64
	Latency       Distribution // of all operations: leaving out the failed would hide every timeout
}

// Distribution is a set of durations by its percentiles.
type Distribution struct {
	P50, P90, P99, P999, Max time.Duration
}

// Snapshot merges what the workers have recorded. It may be called during a run.
func (r *Recorder) Snapshot() Snapshot {
	r.mu.Lock()
	workers := r.workers
	r.mu.Unlock()

	all, wake, byCommand := newTally(), newTally(), map[string]*tally{}
	for _, c := range r.commands {
		byCommand[c] = newTally()
	}
	var s Snapshot
	var lastAt time.Time
	for _, w := range workers {
		w.mu.Lock()
		for c, t := range w.commands {
			byCommand[c].merge(t)
			all.merge(t)
		}
		wake.merge(w.wake)
		if w.lastAt.After(lastAt) {
			s.LastTrace, lastAt = w.lastTrace, w.lastAt
		}
		w.mu.Unlock()
	}
	s.all = all
	s.All, s.Wake = all.summary(""), wake.distribution()
	for _, c := range r.commands {
		s.Commands = append(s.Commands, byCommand[c].summary(c))
	}
	return s
}

// Since is what came of the operations between an earlier Snapshot of the same
// Recorder and this one. The zero Snapshot is earlier than any.
func (s Snapshot) Since(before Snapshot) Tally {
	if before.all == nil {
		return s.All
	}
	return s.all.since(before.all).summary("")
}
