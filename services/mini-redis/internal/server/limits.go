package server

// Limits bound what one connection may hold of the server's memory, in bytes.
// The zero value of a field means its default.
type Limits struct {
	// Input is the most that one incomplete request may take. Over it the
	// client gets an error and is closed. Default 1 GiB, as redis-server's
	// client-query-buffer-limit.
	Input int
	// Output is the most that may wait to be sent. Over it the client is
	// closed. Default 512 MiB.
	Output int
	// PubSubOutput is the same for a subscriber, whose output grows without its
	// asking. Default 32 MiB, as redis-server's client-output-buffer-limit.
	PubSubOutput int
	// Backlog is how much may wait to be sent before the connection's requests
	// wait too: a client that does not read is not read from. Default 1 MiB.
	Backlog int
}

func (l Limits) withDefaults() Limits {
	set := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	set(&l.Input, 1<<30)
	set(&l.Output, 512<<20)
	set(&l.PubSubOutput, 32<<20)
	set(&l.Backlog, 1<<20)
	return l
}

// How a worker shares its time and memory out.
const (
	loopRegion   = 256 << 10 // a loop's read buffer, shared by its connections
	soloRegion   = 16 << 10  // a lone connection's
	readMost     = 64 << 10  // the most that one read takes
	readLeast    = 8 << 10   // the least that is worth a read
	batchMax     = 128       // the most commands run under one hold of the lock
	batchTime    = 200_000   // nanoseconds after which the lock is passed on
	outStart     = 1 << 10   // a new output buffer's capacity
	outKept      = 64 << 10  // the largest that a worker keeps for reuse
	outsKept     = 256       // how many of them it keeps
	blockedInput = 1 << 20   // how much is read ahead for a client whose requests wait
	rounds       = 4         // how often a turn goes on with what no longer waits
)
