// Package reply reads the replies of a Redis and prints them the way redis-cli
// does.
//
// internal/resp is a server's view of the protocol: it reads requests and
// writes replies. This is the other side, and it keeps what a client library
// throws away and redis-cli shows: whether "OK" was a status or a string, and
// whether a list was an array, a set or a map.
//
// Sources: https://redis.io/docs/latest/develop/reference/protocol-spec/ for
// the bytes; redis-cli 7.0's own output for the text, which the tests compare.
package reply

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strconv"
)

// Kind is the type of a reply, named by the byte that begins it on the wire.
type Kind byte

// The kinds. Nulls are all one kind, whichever of the three ways they were sent.
const (
	Status   Kind = '+'
	Error    Kind = '-' // also '!', an error that may be any bytes
	Integer  Kind = ':'
	String   Kind = '$'
	Verbatim Kind = '=' // text for people, without its three-letter format
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
	Text  []byte  // of what is no aggregate; a number's digits as they were sent
	Elems []Reply // of an aggregate
}

// Limits of a reply: beyond them a server is broken or hostile. 512 MB is
// Redis's own bound of a string.
const (
	maxString   = 512 << 20
	maxElements = 1 << 24 // of a reply in all, nested ones included
	maxDepth    = 128
)

// Reader reads replies from a connection.
type Reader struct{ r *bufio.Reader }

// NewReader returns a Reader of r.
func NewReader(r io.Reader) *Reader { return &Reader{bufio.NewReaderSize(r, 64<<10)} }

// ProtocolError is a reply that cannot be understood; nothing after it can.
type ProtocolError string

// Error implements error.
func (e ProtocolError) Error() string { return "protocol error: " + string(e) }

// Read reads the next reply. RESP3 attributes, which describe a reply and are
// not one, are skipped.
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

// line reads a line that has at least its first byte. It is valid until the
// next read. MONITOR sends what it saw as one line, so a line can be long.
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

func (r *Reader) longLine(begin []byte) ([]byte, error) {
	line := bytes.Clone(begin)
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
	n, err := size(length, maxString)
	if err != nil || n < 0 {
		return Reply{Kind: Null}, err
	}
	// What arrives is what is allocated: a length alone must cost no memory.
	var b bytes.Buffer
	if _, err := io.CopyN(&b, r.r, int64(n)+2); err != nil {
		return Reply{}, unexpected(err)
	}
	text, ok := bytes.CutSuffix(b.Bytes(), []byte("\r\n"))
	if !ok {
		return Reply{}, ProtocolError("a string does not end where it should")
	}
	switch kind {
	case '!':
		kind = Error
	case Verbatim:
		if len(text) < 4 || text[3] != ':' {
			return Reply{}, ProtocolError("a verbatim string without its format")
		}
		text = text[4:]
	}
	return Reply{Kind: kind, Text: text}, nil
}

func (r *Reader) aggregate(kind Kind, length []byte, depth int, budget *int) (Reply, error) {
	n, err := size(length, maxElements)
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
			return Reply{}, unexpected(err)
		}
		out.Elems = append(out.Elems, e)
	}
	if kind == '|' {
		return r.read(depth, budget)
	}
	return out, nil
}

// size reads the length of a string or an aggregate; -1 stands for null.
func size(digits []byte, limit int) (int, error) {
	n, err := strconv.Atoi(string(digits))
	if err != nil || n < -1 || n > limit {
		return 0, ProtocolError(fmt.Sprintf("bad length %q", digits))
	}
	return n, nil
}

// unexpected turns the end of the stream within a reply into the error it is.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
