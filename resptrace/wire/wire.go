// Package wire implements the wire format of RESP Trace Context for senders and
// receivers: the grammar of the TRACED command, its limits and error texts, the
// carrier that passes a request's fields to an OpenTelemetry propagator, and the
// functions that add a context to a command.
//
// It implements ../SPEC.md and depends on no server and no client library.
// services/mini-redis parses requests with it. Package resptrace, the go-redis
// hook, and services/mini-redis-cli create requests with it.
package wire

// Names and limits of the wire format, defined by SPEC.md.
const (
	// Command is the name of the command that carries a context.
	Command = "TRACED"
	// Capability is the name of the last entry in the reply of HELLO. Its value is Version.
	Capability = "tracecontext"
	// Version is the version of the extension that this package implements.
	Version = 1
	// LibName is a part of the library name (CLIENT SETINFO LIB-NAME) of a
	// connection whose client supports TRACED.
	LibName = "resptrace"

	// MaxFields is the maximum number of field and value pairs in a request.
	MaxFields = 16
	// MaxName is the maximum length of a field name in bytes. A field with a longer name is
	// ignored.
	MaxName = 256
	// MaxValue is the maximum length of a field value in bytes. A field with a longer value is
	// ignored.
	MaxValue = 8192
)
