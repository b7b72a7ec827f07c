package wire

import "mini-redis/internal/ascii"

// SyntaxError means that a TRACED request is malformed. The receiver must not
// execute any part of it. Its text is the RESP error line without the leading '-'
// and CRLF.
type SyntaxError struct{ line string }

// Error returns the RESP error line to answer the request with.
func (e *SyntaxError) Error() string { return e.line }

// The errors of Parse. Their texts are part of SPEC.md.
var (
	ErrArity  = &SyntaxError{"ERR wrong number of arguments for 'traced' command"}
	ErrCount  = &SyntaxError{"ERR syntax error in TRACED: the number of fields must be an integer from 0 to 16"}
	ErrFields = &SyntaxError{"ERR syntax error in TRACED: fewer fields than announced"}
	ErrNoCmd  = &SyntaxError{"ERR syntax error in TRACED: no command"}
	ErrNested = &SyntaxError{"ERR syntax error in TRACED: TRACED inside TRACED"}
)

// Parse splits a TRACED request into the fields of its context and the inner
// command. args[0] is the name TRACED in any letter case; the caller has checked
// it. The results alias args: Parse does not copy or allocate. The error, if any,
// is a *SyntaxError, and the caller must not execute any part of the request.
//
// Parse checks only the syntax. A field value that no propagator understands is
// not an error: the command runs untraced.
func Parse(args [][]byte) (f Fields, inner [][]byte, err error) {
	if len(args) < 3 {
		return nil, nil, ErrArity
	}
	n, ok := parseCount(args[1])
	if !ok {
		return nil, nil, ErrCount
	}
	rest := args[2:]
	switch {
	case len(rest) < 2*n:
		return nil, nil, ErrFields
	case len(rest) == 2*n:
		return nil, nil, ErrNoCmd
	}
	f, inner = Fields(rest[:2*n:2*n]), rest[2*n:]
	if ascii.EqualFold(inner[0], Command) {
		return nil, nil, ErrNested
	}
	return f, inner, nil
}

// parseCount parses <n>: one or two decimal digits, no sign, no leading zero, at most MaxFields.
func parseCount(b []byte) (int, bool) {
	switch {
	case len(b) == 1 && isDigit(b[0]):
		return int(b[0] - '0'), true
	case len(b) == 2 && b[0] != '0' && isDigit(b[0]) && isDigit(b[1]):
		n := int(b[0]-'0')*10 + int(b[1]-'0')
		return n, n <= MaxFields
	}
	return 0, false
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
