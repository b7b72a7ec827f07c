package netloop

import "time"

// Limits bound the memory of one connection, in bytes. A zero field means its
// default.
type Limits struct {
	// Input is the largest incomplete request. The client of a larger one gets an
	// error and is closed. Default 1 GiB, the default of redis-server's
	// client-query-buffer-limit.
	Input int
	// Output is the largest unsent output of a connection that is not a
	// subscriber. A connection that exceeds it is closed. Because a connection
	// with more than Backlog unsent bytes executes no further request, only a
	// single reply can reach it. Default 4 GiB; redis-server has no limit.
	Output int
	// SubscriberOutput is the same for subscribers, whose output grows without a
	// request. Default 32 MiB, the hard limit of redis-server's
	// client-output-buffer-limit for class pubsub.
	SubscriberOutput int
	// Backlog is the unsent output above which a connection is not read from and
	// its requests wait. It does not apply to subscribers. Default 1 MiB.
	Backlog int
}

// WithDefaults returns the limits with a default for each zero field.
func (l Limits) WithDefaults() Limits {
	set := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	set(&l.Input, 1<<30)
	set(&l.Output, 4<<30)
	set(&l.SubscriberOutput, 32<<20)
	set(&l.Backlog, 1<<20)
	return l
}

// MaxBatch is the largest number of requests that are handed to
// [Handler.Execute] at once.
const MaxBatch = 128

// StallLimit is how long the completions of a connection wait for output that
// the client does not read. [Server.Sweep] then ends them.
const StallLimit = 5 * time.Second

// maxCompletions is the number of completions above which those of a connection
// are ended when its socket does not take all of its output.
const maxCompletions = 1024

// Sizes of buffers and turns.
const (
	epollRegion     = 256 << 10 // read buffer of an epoll loop, shared by its connections
	goroutineRegion = 16 << 10  // read buffer of a goroutine's connection
	maxRead         = 64 << 10  // largest read into the region
	minRead         = 8 << 10   // smallest rest of the region that is worth a read
	maxDirectRead   = 256 << 10 // largest read of a large argument
	outStart        = 1 << 10   // first capacity of an output buffer
	outKept         = 64 << 10  // largest output buffer that a loop keeps for reuse
	outsKept        = 256       // number of output buffers that it keeps
	waitingInput    = 1 << 20   // input read ahead for a connection whose requests wait
	largeArgument   = 64 << 10  // from this size on an argument is received in place
	firstReserve    = 1 << 20   // memory reserved at first for a large argument
	reserveFactor   = 8         // and later, as a multiple of what has been received
	sharedPush      = 16 << 10  // from this size on a push is referenced, not copied
	effectsKept     = 4096      // largest memory of an inbox that is kept for reuse, in effects
	argsKept        = 64 << 10  // the same for the arguments of a batch
	rounds          = 4         // how often a turn resumes connections before it waits
)
