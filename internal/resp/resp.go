// Package resp is the server side of the Redis serialization protocol, versions 2
// and 3: [Parser] parses requests and [Writer] writes replies.
//
// The package knows neither connections nor commands. Parser does not copy, and
// accepts a request in any number of parts. internal/netloop parses with it,
// services/mini-redis writes with it, and tests use both.
//
// Source: https://redis.io/docs/latest/develop/reference/protocol-spec/ and the
// limits of redis-server (networking.c).
package resp

// ProtocolError is the error of a malformed request. The server sends its text and
// closes the connection, as redis-server does: the start of the next request is
// unknown.
type ProtocolError string

// Error returns the text without the "-ERR " prefix of the wire.
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

// Limits bound one request. The zero value is not useful; see [DefaultLimits] and
// [UnauthenticatedLimits].
type Limits struct {
	Args   int // most arguments of a request
	Bulk   int // most bytes of one argument
	Inline int // most bytes of an inline request, or of a length line
}

// DefaultLimits are redis-server's, but for the number of arguments: redis-server 7
// allows 2^31-1, whose argument table alone exhausts memory. The limit here is
// 1,048,576, as in redis-server 6.
var DefaultLimits = Limits{Args: 1 << 20, Bulk: 512 << 20, Inline: 64 << 10}

// UnauthenticatedLimits apply until the client is authenticated.
var UnauthenticatedLimits = Limits{Args: 10, Bulk: 16 << 10, Inline: 64 << 10}
