package command

import (
	"go.opentelemetry.io/otel/trace"

	"mini-redis/internal/resp"
	"mini-redis/services/mini-redis/internal/keyspace"
)

// Peer is what a session needs of its connection; the server implements it.
// All of it is called with the execution lock held, from any loop, and returns
// at once: the connection's owner does the work when it gets to it.
type Peer interface {
	// Push appends a message to what the client is sent: pub/sub messages. p is copied.
	Push(p []byte)
	// Unblock ends a blocked command: reply is what the client gets. The owner
	// then goes on with the requests that waited behind it. reply is copied. When
	// a request has several spans it is called for each, with the reply last.
	Unblock(reply []byte, done Pending)
	// Kill closes the connection when what is in its output has been sent.
	Kill()
	// Addr and LocalAddr are the two ends as "ip:port".
	Addr() string
	LocalAddr() string
}

// Pending is a span whose last phase, the flush, has yet to end. The observer
// makes it and gets it back.
type Pending any

// Call is one execution of one command, told to the [Observer] when it ends.
// Times are nanoseconds of the engine's monotonic clock.
type Call struct {
	Session  *Session
	Spec     *Spec             // nil for an unknown command
	Args     [][]byte          // the inner command's; valid during the call only
	Parent   trace.SpanContext // the caller's, zero when there is none
	Traced   bool              // the command came with TRACED
	Queued   bool              // it runs inside EXEC
	Start    int64             // when its execution began
	End      int64             // when its execution ended
	Blocked  int64             // of that, waiting for a key
	Error    string            // the code its error reply began with, "" for none: "ERR", "WRONGTYPE"
	Rejected bool              // refused before it ran: wrong arity, no authentication, ...
	Opened   Pending           // what Opener.Opened returned when the call began to wait
}

// Turn is the batch of a loop in which commands run: the phases of a span that
// lie before its execution.
type Turn struct {
	Wake    int64 // the loop woke up
	LockAsk int64 // it asked for the execution lock
	LockGot int64 // it got it
}

// Observer is told what runs. It is called with the execution lock held, so it
// needs no lock of its own for what only it changes, and must be quick.
type Observer interface {
	// Extract reads the caller's context from the fields of a TRACED request.
	// ok is false when there was a value that could not be understood.
	Extract(fields [][]byte) (sc trace.SpanContext, ok bool)
	// Command records a call. A non-nil Pending is handed back through Flushed
	// when the reply has been given to the kernel.
	Command(turn *Turn, call *Call) Pending
	// Flushed ends spans whose replies have left; at is monotonic nanoseconds.
	// It is called by a loop WITHOUT the execution lock, concurrently with others.
	Flushed(pending []Pending, at int64)
}

// Opener is an [Observer] that is told of calls as they begin to wait for a key.
// It is called with the execution lock held.
type Opener interface {
	// Opened is told of a call that waits; its End is when that began. What it
	// returns, nil for nothing, comes back in Call.Opened when the call ends.
	Opened(turn *Turn, call *Call) Pending
	// Left gets it back when the call never ends, because its client has left.
	Left(p Pending, at int64)
}

// Host is what commands ask of the server around them. It is called with the
// execution lock held.
type Host interface {
	// Info writes INFO's sections, all lower case; none means the default ones.
	Info(sections []string) string
	// ConfigGet returns the settings whose names match a pattern, in order.
	ConfigGet(pattern string) [][2]string
	// ConfigSet changes a setting; the error is the whole error reply.
	ConfigSet(name, value string) error
	// ConfigResetStat clears the statistics.
	ConfigResetStat()
	// Sessions calls f for each connected session.
	Sessions(f func(*Session))
	// Shutdown asks for a graceful stop.
	Shutdown()
}

// Ctx is one command's view of the world. It is valid during the handler only.
type Ctx struct {
	Engine  *Engine
	Session *Session
	Spec    *Spec
	Args    [][]byte // Args[0] is the name as sent; they alias the input: copy what is kept
	W       *resp.Writer
	DB      *keyspace.DB
	InExec  bool // between EXEC's lines: nothing blocks
}
