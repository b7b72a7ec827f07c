// Package reply reads RESP replies and formats them like redis-cli.
//
// Package internal/resp is the server's side of the protocol: it reads requests
// and writes replies. This package is the client's side. It keeps the types that
// client libraries drop and redis-cli prints: simple string or bulk string, and
// array, set or map.
//
// Sources: https://redis.io/docs/latest/develop/reference/protocol-spec/ for the
// wire format; the output of redis-cli 7.0, which the tests compare, for the text.
package reply

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strconv"
)

// Kind is the type of a reply: the first byte of its wire format.
type Kind byte

// The kinds. Null stands for all three null encodings.
const (
	Status   Kind = '+'
	Error    Kind = '-' // also '!', a bulk error
	Integer  Kind = ':'
	String   Kind = '$'
	Verbatim Kind = '=' // without the three-letter format prefix
	Double   Kind = ','
	Bool     Kind = '#' // Text is "t" or "f"
	BigInt   Kind = '('
	Null     Kind = '_'
	Array    Kind = '*'
	Map      Kind = '%' // Elems are key, value, key, value
	Set      Kind = '~'
	Push     Kind = '>'
)

// Reply is one reply of a server.
type Reply struct {
	Kind  Kind
	Text  []byte  // of a reply that is not an aggregate; the digits of a number as received
	Elems []Reply // of an aggregate
}

// Limits of a reply, against broken or malicious servers. Redis limits a string
// to 512 MB.
const (
	maxString   = 512 << 20
	maxElements = 1 << 24 // in one reply, including nested elements
	maxDepth    = 128
)

// Reader reads replies from a connection.
type Reader struct{ r *bufio.Reader }

// NewReader returns a Reader that reads from r.
func NewReader(r io.Reader) *Reader { return &Reader{bufio.NewReaderSize(r, 64<<10)} }

// ProtocolError means that a reply is invalid. The connection cannot be used after it.
type ProtocolError string

// Error implements error.
func (e ProtocolError) Error() string { return "protocol error: " + string(e) }

// Read reads the next reply. It skips RESP3 attributes, which precede a reply.
func (r *Reader) Read() (Reply, error) {
	budget := maxElements
	return r.read(0, &budget)
}

func (r *Reader) read(depth int, budget *int) (Reply, error) {
	line, err := r.line()
	if err != nil {
		return Reply{}, err
	}
	switch kind, rest := Kind(line[0]), line[1:]; kind {
	case Status, Error, Double, BigInt:
		return Reply{Kind: kind, Text: bytes.Clone(rest)}, nil
	case Integer:
		if _, err := strconv.ParseInt(string(rest), 10, 64); err != nil {
			return Reply{}, ProtocolError(fmt.Sprintf("bad integer %q", rest))
		}
		return Reply{Kind: kind, Text: bytes.Clone(rest)}, nil
	case Bool:
		if string(rest) != "t" && string(rest) != "f" {
			return Reply{}, ProtocolError(fmt.Sprintf("bad boolean %q", rest))
		}
		return Reply{Kind: kind, Text: bytes.Clone(rest)}, nil
	case Null:
		return Reply{Kind: kind}, nil
	case String, Verbatim, '!':
		return r.text(kind, rest)
	case Array, Map, Set, Push, '|':
		return r.aggregate(kind, rest, depth, budget)
	default:
		return Reply{}, ProtocolError(fmt.Sprintf("got %q as the first byte of a reply", line[0]))
	}
}

// line reads a non-empty line. It is valid until the next read. A line can be
// long, because MONITOR sends each command as one line.
func (r *Reader) line() ([]byte, error) {
	line, err := r.r.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		line, err = r.longLine(line)
	}
	switch {
	case err == io.EOF && len(line) > 0:
		return nil, io.ErrUnexpectedEOF
	case err != nil:
		return nil, err
	case len(line) < 3 || line[len(line)-2] != '\r':
		return nil, ProtocolError(fmt.Sprintf("bad line %.40q", line))
	}
	return line[:len(line)-2], nil
}

func (r *Reader) longLine(prefix []byte) ([]byte, error) {
	line := bytes.Clone(prefix)
	for {
		more, err := r.r.ReadSlice('\n')
		line = append(line, more...)
		if err != bufio.ErrBufferFull {
			return line, err
		}
		if len(line) > maxString {
			return nil, ProtocolError("a line is too long")
		}
	}
}

func (r *Reader) text(kind Kind, length []byte) (Reply, error) {
	n, err := parseLength(length, maxString)
	if err != nil || n < 0 {
		return Reply{Kind: Null}, err
	}
	// Allocate only what is received: a length without data must not cost memory.
	var b bytes.Buffer
	if _, err := io.CopyN(&b, r.r, int64(n)+2); err != nil {
		return Reply{}, unexpectedEOF(err)
	}
	text, ok := bytes.CutSuffix(b.Bytes(), []byte("\r\n"))
	if !ok {
		return Reply{}, ProtocolError("a bulk string does not end with CRLF")
	}
	switch kind {
	case '!':
		kind = Error
	case Verbatim:
		if len(text) < 4 || text[3] != ':' {
			return Reply{}, ProtocolError("a verbatim string has no format prefix")
		}
		text = text[4:]
	}
	return Reply{Kind: kind, Text: text}, nil
}

func (r *Reader) aggregate(kind Kind, length []byte, depth int, budget *int) (Reply, error) {
	n, err := parseLength(length, maxElements)
	if err != nil || n < 0 {
		return Reply{Kind: Null}, err
	}
	if kind == Map || kind == '|' {
		n *= 2
	}
	if *budget -= n; *budget < 0 {
		return Reply{}, ProtocolError("a reply has too many elements")
	}
	if depth++; depth > maxDepth {
		return Reply{}, ProtocolError("a reply is nested too deeply")
	}
	out := Reply{Kind: kind}
	for range n {
		e, err := r.read(depth, budget)
		if err != nil {
			return Reply{}, unexpectedEOF(err)
		}
		out.Elems = append(out.Elems, e)
	}
	if kind == '|' {
		return r.read(depth, budget)
	}
	return out, nil
}

// parseLength parses the length of a string or an aggregate. -1 means null.
func parseLength(digits []byte, limit int) (int, error) {
	n, err := strconv.Atoi(string(digits))
	if err != nil || n < -1 || n > limit {
		return 0, ProtocolError(fmt.Sprintf("bad length %q", digits))
	}
	return n, nil
}

// unexpectedEOF converts io.EOF inside a reply to io.ErrUnexpectedEOF.
func unexpectedEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
