// Package resp reads requests and writes replies of the Redis serialization
// protocol, versions 2 and 3, as a server does.
//
// It knows bytes only: no connection, no command. [Parser] turns a buffer into
// requests without copying, and can be fed a request in any number of pieces;
// [Writer] appends replies to a buffer in the version the client asked for.
// services/mini-redis stands above it, and so do the tests that speak raw RESP.
//
// Source: https://redis.io/docs/latest/develop/reference/protocol-spec/ and the
// limits of redis-server (networking.c).
package resp

// ProtocolError is a request that cannot be understood. The connection is
// answered with its text and then closed, as redis-server does, because nothing
// after the error can be trusted to begin a request.
type ProtocolError string

// Error returns the text without the "-ERR " that precedes it on the wire.
func (e ProtocolError) Error() string { return "Protocol error: " + string(e) }

// The ways a request can be malformed; the texts are redis-server's.
const (
	ErrMultibulkLength  ProtocolError = "invalid multibulk length"
	ErrBulkLength       ProtocolError = "invalid bulk length"
	ErrBigMultibulk     ProtocolError = "too big mbulk count string"
	ErrBigBulkCount     ProtocolError = "too big bulk count string"
	ErrBigInline        ProtocolError = "too big inline request"
	ErrUnbalancedQuotes ProtocolError = "unbalanced quotes in request"
	ErrUnauthMultibulk  ProtocolError = "unauthenticated multibulk length"
	ErrUnauthBulk       ProtocolError = "unauthenticated bulk length"
)

// ErrExpectedBulk is the error for an argument that does not start with '$'.
func ErrExpectedBulk(got byte) ProtocolError {
	return ProtocolError("expected '$', got '" + string(rune(got)) + "'")
}

// Limits bound what one request may ask for. The zero value is not useful; see
// [DefaultLimits] and [UnauthenticatedLimits].
type Limits struct {
	Args   int // most arguments of a request
	Bulk   int // most bytes of one argument
	Inline int // most bytes of an inline request, or of a length line
}

// DefaultLimits are redis-server's: 2^31-1 arguments there, but a count whose
// argument table alone could exhaust memory is of no use to anyone, so
// 1,048,576 here as in redis-server before 7; 512 MB an argument; 64 KiB a line.
var DefaultLimits = Limits{Args: 1 << 20, Bulk: 512 << 20, Inline: 64 << 10}

// UnauthenticatedLimits hold until a client has given the password.
var UnauthenticatedLimits = Limits{Args: 10, Bulk: 16 << 10, Inline: 64 << 10}
