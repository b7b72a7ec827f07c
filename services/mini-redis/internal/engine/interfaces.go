package engine

import (
	"time"

	"go.opentelemetry.io/otel/trace"

	"mini-redis/internal/resp"
	"mini-redis/services/mini-redis/internal/keyspace"
)

// Clock reads the time. Tests use their own.
type Clock interface {
	Now() time.Time // the wall clock, for expiry
	Mono() int64    // monotonic nanoseconds from an arbitrary start, for durations
}

// Peer is a session's connection. Its methods are called under the execution lock,
// while any loop executes, and return at once. Their effects reach the client in
// the order of the calls.
type Peer interface {
	// Push sends a message that is not a reply. p must not change afterwards. It
	// returns false if the connection has been killed, also because its output
	// limit is exceeded.
	Push(p []byte) bool
	// Reply ends a request that has waited. p is the reply; it may be empty and
	// must not change afterwards. The connection then continues with the requests
	// behind it, as the state of the session allows.
	Reply(p []byte)
	// Complete attaches a span to the output so far. It ends when that output has
	// been handed to the kernel.
	Complete(p Pending)
	// Kill closes the connection. Unsent output is dropped.
	Kill()
	// Addr and LocalAddr are the client's and the server's address as "ip:port".
	Addr() string
	LocalAddr() string
}

// noPeer is the peer of a session without a connection.
type noPeer struct{}

func (noPeer) Push([]byte) bool  { return true }
func (noPeer) Reply([]byte)      {}
func (noPeer) Complete(Pending)  {}
func (noPeer) Kill()             {}
func (noPeer) Addr() string      { return "" }
func (noPeer) LocalAddr() string { return "" }

// Pending is a span whose last phase, the flush, has not ended. The observer
// creates it, and gets it back in Observer.Flushed.
type Pending = any

// Call describes one execution of one command to the [Observer]. Times are
// nanoseconds of the engine's monotonic clock.
type Call struct {
	TraceContext
	Session  *Session
	Spec     *Spec    // nil for an unknown command
	Args     [][]byte // of the inner command; valid during the call of the observer only
	Nested   bool     // the command runs inside EXEC or a script
	Start    int64    // start of the execution
	End      int64    // end of the execution
	Blocked  int64    // part of it that the request waited for a key or a pause
	Error    string   // code of the error reply, such as "ERR"; "" if the reply is no error
	Rejected bool     // refused before it ran: wrong arity, no authentication, ...
	Opened   Pending  // what Opener.Opened returned when the call began to wait
}

// Turn is the batch of a loop in which commands run. It holds the start of the
// phases of a span that precede the execution.
type Turn struct {
	Wake    int64 // the loop woke up
	LockAsk int64 // it asked for the execution lock
	LockGot int64 // it got it
}

// Observer records calls. Its methods are called under the execution lock unless
// they say otherwise, and must be fast.
type Observer interface {
	// Extract parses the caller's context from the fields of a TRACED request. ok
	// is false if a value is invalid.
	Extract(fields [][]byte) (sc trace.SpanContext, ok bool)
	// Command records a call. A non-nil Pending comes back in Flushed when the
	// reply has been handed to the kernel.
	Command(turn *Turn, call *Call) Pending
	// Flushed ends spans whose replies have been handed to the kernel, or cannot
	// be; at is monotonic nanoseconds. It is called without the execution lock, on
	// several goroutines at once.
	Flushed(pending []Pending, at int64)
}

// Opener is an [Observer] that also records when calls begin to wait for a key.
type Opener interface {
	// Opened records a call that begins to wait at call.End. The result comes back
	// in Call.Opened when the call ends.
	Opened(turn *Turn, call *Call) Pending
	// Left gets the result of Opened back if the call never ends, because its
	// client is gone.
	Left(p Pending, at int64)
}

// Recorder consumes the record of changes: for each change of the data, the
// canonical command that repeats it. It is called under the execution lock, in the
// order of execution.
type Recorder interface {
	// Record is called once for each unit of execution that changed data: a
	// command, a transaction, a script, a served blocking command, an expiry. The
	// changes of one call belong together: they are replayed all or not at all.
	// The slices are valid during the call only.
	Record(changes []Change)
}

// Change is one canonical command of the record of changes.
type Change struct {
	DB   int // number of the database
	Args [][]byte
}

// Host is the server around the engine, as commands use it. Its methods are called
// under the execution lock.
type Host interface {
	// Info renders sections of INFO, whose names are in lower case; no section
	// means the default ones.
	Info(sections []string) string
	// ConfigGet returns the names and values of the parameters whose names match
	// a glob pattern in lower case, in order.
	ConfigGet(pattern string) [][2]string
	// ConfigSet changes a parameter; the error is the whole error reply.
	ConfigSet(name, value string) error
	// ConfigResetStat resets the statistics.
	ConfigResetStat()
	// Shutdown requests a graceful stop.
	Shutdown()
}

// Handler executes one command: it reads c.Args, changes c.DB, and writes exactly
// one reply to c.W; none if it blocks, and one for each channel if it subscribes.
// It never waits and does no I/O. Arity, authentication, MULTI and TRACED have been
// handled before.
type Handler func(c *Ctx)

// Ctx is the context of one execution of a command. It is valid during the call of
// the handler only.
type Ctx struct {
	Engine  *Engine
	Session *Session
	Spec    *Spec
	Args    [][]byte // Args[0] is the name as sent; they alias the input: copy what is kept
	W       *resp.Writer
	DB      *keyspace.DB
	Nested  bool // inside EXEC or a script: nothing blocks

	owned    bool // the memory of Args is not reused after the request
	recorded bool // Record was called: the request itself is not recorded
}
