// Package wire is the half of RESP Trace Context that both ends share: the
// grammar of the TRACED command, its limits and error texts, the carrier that
// hands a command's fields to an OpenTelemetry propagator, and the sender's
// way to put a context in front of a command.
//
// It follows ../SPEC.md and knows neither a server nor a client library:
// services/mini-redis and services/trace-proxy read requests with it, and
// package resptrace, the go-redis hook, writes them.
package wire

// Names and numbers of the wire, as SPEC.md fixes them.
const (
	// Command is the name of the command that carries a context.
	Command = "TRACED"
	// Capability is the name of the last entry of HELLO's reply; its value is Version.
	Capability = "tracecontext"
	// Version is the version of the extension that this package speaks.
	Version = 1
	// LibName, as a part of a connection's library name (CLIENT SETINFO
	// LIB-NAME), says that the connection knows TRACED.
	LibName = "resptrace"

	// MaxFields is the largest number of field and value pairs in one TRACED.
	MaxFields = 16
	// MaxName is the largest length in bytes of a field's name; a longer one is ignored.
	MaxName = 256
	// MaxValue is the largest length in bytes of a field's value; a longer one is ignored.
	MaxValue = 8192
)
