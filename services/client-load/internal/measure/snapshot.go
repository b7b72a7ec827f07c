package measure

import (
	"time"

	"go.opentelemetry.io/otel/trace"
)

// Snapshot holds the results that were recorded up to a point in time.
type Snapshot struct {
	All       Tally
	Commands  []Tally       // in the order of the commands passed to New
	Wake      Distribution  // delays of idle workers: the load generator's own share of the latency
	LastTrace trace.TraceID // of the last sampled operation; invalid if there is none

	all *tally // the source of All, immutable; nil in the zero Snapshot
}

// Tally summarizes the operations of one command or of all commands.
type Tally struct {
	Command      string
	Operations   int64 // succeeded or failed
	Errors       int64 // failed operations
	ErrorsByType map[string]int64
	Retried      int64 // operations that took more than one attempt
	// Retries counts the failed attempts that were followed by another attempt,
	// including those of unfinished operations. When all operations are finished,
	// Operations + Retries is the number of attempts.
	Retries       int64
	RetriesByType map[string]int64
	Latency       Distribution // of all operations; without the failed ones, timeouts would not show
}

// Distribution holds percentiles and the maximum of a set of durations.
type Distribution struct {
	P50, P90, P99, P999, Max time.Duration
}

// Snapshot merges the results of all workers. It may be called during a run.
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

// Since summarizes the operations that were recorded between before, an earlier
// Snapshot of the same Recorder, and s. The zero Snapshot is earlier than any other.
func (s Snapshot) Since(before Snapshot) Tally {
	if before.all == nil {
		return s.All
	}
	return s.all.since(before.all).summary("")
}
