package observe

import (
	"math/bits"
	"strings"

	"mini-redis/services/mini-redis/internal/engine"
)

// counts are the counters of one command.
type counts struct {
	ns       uint64           // execution time, without waiting for keys
	failed   uint64           // calls with an error reply
	rejected uint64           // calls refused before they ran
	cells    [maxCells]uint64 // calls by execution time
}

// count counts a call whose execution time is in a cell of the partition.
func (c *counts) count(cell int, ns int64, failed bool) {
	c.cells[cell]++
	c.ns += uint64(max(ns, 0))
	if failed {
		c.failed++
	}
}

// calls returns the number of executions.
func (c *counts) calls() (n uint64) {
	for _, k := range c.cells {
		n += k
	}
	return n
}

// used reports whether INFO shows the command, by redis-server's rule.
func (c *counts) used() bool { return c.rejected > 0 || c.failed > 0 || c.calls() > 0 }

// minus returns c without what was counted at base, which may be nil.
func (c *counts) minus(base *counts) counts {
	d := *c
	if base == nil {
		return d
	}
	d.ns -= base.ns
	d.failed -= base.failed
	d.rejected -= base.rejected
	for i := range d.cells {
		d.cells[i] -= base.cells[i]
	}
	return d
}

// commandStats is the state of one command. It is created with the first call: a server
// has many commands and a client uses few.
type commandStats struct {
	counts
	base      *counts // at the last CONFIG RESETSTAT; nil before
	label     string  // in metrics and INFO: "get", "config|get"
	known     bool    // the command is in the table
	handshake bool    // it never begins a trace
	operation *operation
	exemplars []exemplar // by fixed bucket; guarded by Observer.exemplarMu
}

// statsOf returns the state of a command; nil is a command that the table does not have.
func (o *Observer) statsOf(spec *engine.Spec) *commandStats {
	if spec == nil {
		return o.unknown
	}
	if uint(spec.ID) < uint(len(o.commands)) {
		if c := o.commands[spec.ID]; c != nil {
			return c
		}
	}
	return o.newStats(spec)
}

func (o *Observer) newStats(spec *engine.Spec) *commandStats {
	for len(o.commands) <= spec.ID {
		o.commands = append(o.commands, nil)
	}
	c := &commandStats{
		label: spec.Name, known: true, handshake: isHandshake(spec.Name),
		operation: &operation{name: spec.Operation, names: o.names},
	}
	o.commands[spec.ID] = c
	return c
}

// each calls f for every command that has been called, in the order of the table.
func (o *Observer) each(f func(*commandStats)) {
	for _, c := range o.commands {
		if c != nil {
			f(c)
		}
	}
}

// isHandshake reports whether client libraries send the command by themselves when they
// connect. The server cannot know yet whether the client speaks TRACED, and a trace of
// such a command is of no use.
func isHandshake(name string) bool {
	parent, _, _ := strings.Cut(name, "|")
	switch parent {
	case "hello", "auth", "select", "client", "command", "readonly":
		return true
	}
	return false
}

// isHandshakeWord is isHandshake for a command that the table does not have: clients try
// subcommands that a newer server may have.
func isHandshakeWord(args [][]byte) bool {
	return len(args) > 0 && len(args[0]) <= len("readonly") &&
		isHandshake(strings.ToLower(string(args[0])))
}

// batches are the counters of the loops' batches. A turn is one batch.
type batches struct {
	got   int64              // LockGot of the current turn
	calls uint64             // calls of the current turn
	sizes [batchSizes]uint64 // completed turns by number of calls: 1, 2, 3-4, 5-8, ..., more than 128
	count uint64             // completed turns
	total uint64             // their calls
	wakes uint64             // nanoseconds from the loops' wake-ups until they asked for the lock
	locks uint64             // nanoseconds until they got it
}

// batchSizes is the number of buckets of the batch size: powers of two up to 128, the
// largest batch of the server, and larger ones.
const batchSizes = 9

// begin ends the current turn and begins another one. A turn older than the current one
// belongs to a call that has waited and was served during the current one.
func (b *batches) begin(t *engine.Turn) {
	if t.LockGot < b.got {
		return
	}
	b.end()
	b.got = t.LockGot
	ask := min(t.LockAsk, t.LockGot)
	b.locks += uint64(t.LockGot - ask)
	if t.Wake > 0 && t.Wake < ask {
		b.wakes += uint64(ask - t.Wake)
	}
}

// end counts the calls of the current turn up to now as a completed turn.
func (b *batches) end() {
	if b.calls == 0 {
		return
	}
	b.sizes[sizeBucket(b.calls)]++
	b.count++
	b.total += b.calls
	b.calls = 0
}

// sizeBucket returns the bucket of a batch of n calls, n > 0.
func sizeBucket(n uint64) int { return min(bits.Len64(n-1), batchSizes-1) }
