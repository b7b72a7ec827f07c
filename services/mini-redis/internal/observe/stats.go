package observe

import (
	"strings"

	"mini-redis/services/mini-redis/internal/engine"
)

// counts is what is counted of one command.
type counts struct {
	ns       uint64           // executing, without waiting for keys
	failed   uint64           // calls answered with an error
	rejected uint64           // refused before they ran; no calls
	cells    [maxCells]uint64 // calls by duration
}

// calls is the number of executions.
func (c *counts) calls() (n uint64) {
	for _, k := range c.cells {
		n += k
	}
	return n
}

// used reports whether there is anything to tell, as redis-server decides it.
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

// commandStats is what the observer knows of one command. A server's commands
// are many and a client's few, so it is made with the first call.
type commandStats struct {
	counts
	base      *counts // at CONFIG RESETSTAT
	label     string  // as in metrics and INFO: "get", "config|get"
	known     bool    // a command of the table
	handshake bool    // never begins a trace of its own
	operation *operation
	exemplars []exemplar // by fixed bucket; guarded by Observer.exemplarMu
}

// statsOf returns the statistics of a command; nil is one that the table does not know.
func (o *Observer) statsOf(spec *engine.Spec) *commandStats {
	if spec == nil {
		return o.unknown
	}
	if uint(spec.ID) < uint(len(o.commands)) {
		if c := o.commands[spec.ID]; c != nil {
			return c
		}
	}
	return o.learn(spec)
}

func (o *Observer) learn(spec *engine.Spec) *commandStats {
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

// each calls f for every command that was ever called, in the table's order.
func (o *Observer) each(f func(*commandStats)) {
	for _, c := range o.commands {
		if c != nil {
			f(c)
		}
	}
}

// isHandshake reports whether clients send the command, unasked, when they
// connect. It comes before the server can know that its client speaks TRACED,
// and nobody wants to look at a trace of it.
func isHandshake(name string) bool {
	parent, _, _ := strings.Cut(name, "|")
	switch parent {
	case "hello", "auth", "select", "client", "command", "readonly":
		return true
	}
	return false
}

// batches is what is counted of the loops' turns.
type batches struct {
	got   int64              // LockGot of the turn being counted
	calls uint64             // in it so far
	sizes [batchSizes]uint64 // ended turns by calls: 1, 2, 3-4, 5-8, ..., more than 128
	count uint64             // ended turns
	total uint64             // calls in them
	wakes uint64             // ns from wake-up to asking for the lock
	locks uint64             // ns from asking to getting it
}

// batchSizes is the number of buckets of the batch size: powers of two up to
// 128, the largest batch the server makes, and what is above.
const batchSizes = 9

// begin counts a new turn in and ends the one before. A turn that is older than
// the one being counted belongs to a call that blocked and was served within
// this batch.
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

// end counts the turn as it stands.
func (b *batches) end() {
	if b.calls == 0 {
		return
	}
	b.sizes[sizeBucket(b.calls)]++
	b.count++
	b.total += b.calls
	b.calls = 0
}

// isHandshakeWord is isHandshake for a command that the table does not know: a
// client tries subcommands that a newer server may have.
func isHandshakeWord(args [][]byte) bool {
	return len(args) > 0 && len(args[0]) <= len("readonly") && isHandshake(strings.ToLower(string(args[0])))
}
