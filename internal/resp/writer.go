package resp

import (
	"bytes"
	"math"
	"slices"
	"strconv"
)

// Writer appends replies to Buf in protocol version Proto (2 or 3). A type that
// version 2 lacks is written as redis-server writes it there: a map as a flat
// array, a set as an array, a double as a bulk string, a boolean as 0 or 1, a
// null as a null bulk string, a push as an array.
//
// An aggregate is its header followed by its elements; the caller counts them.
//
// With Chunked set, a reply that outgrows Buf is continued in a new chunk instead
// of being copied to a larger buffer. Full then holds the chunks before Buf, in
// order.
type Writer struct {
	Buf     []byte
	Full    [][]byte
	Proto   int
	Chunked bool
}

// The sizes of the chunks of a chunked Writer, in bytes.
const (
	minChunk = 64 << 10
	maxChunk = 1 << 20
)

// reserve makes room for n more bytes in Buf.
func (w *Writer) reserve(n int) {
	if cap(w.Buf)-len(w.Buf) < n {
		w.grow(n)
	}
}

func (w *Writer) grow(n int) {
	if !w.Chunked || len(w.Buf) < minChunk && n < minChunk {
		w.Buf = slices.Grow(w.Buf, n)
		return
	}
	next := min(max(2*len(w.Buf), minChunk), maxChunk)
	if len(w.Buf) > 0 {
		w.Full = append(w.Full, w.Buf)
	}
	w.Buf = make([]byte, 0, max(n, next))
}

// Mark is a position in what a Writer has written.
type Mark struct{ chunk, offset int }

// Mark returns the current position.
func (w *Writer) Mark() Mark { return Mark{len(w.Full), len(w.Buf)} }

// Since returns the number of bytes written since m.
func (w *Writer) Since(m Mark) int {
	if len(w.Full) == m.chunk {
		return len(w.Buf) - m.offset
	}
	n := len(w.Buf) - m.offset
	for _, chunk := range w.Full[m.chunk:] {
		n += len(chunk)
	}
	return n
}

// Truncate drops what has been written since m.
func (w *Writer) Truncate(m Mark) {
	if len(w.Full) > m.chunk {
		w.Buf = w.Full[m.chunk]
		clear(w.Full[m.chunk:])
		w.Full = w.Full[:m.chunk]
	}
	w.Buf = w.Buf[:m.offset]
}

// Bytes returns everything written, as one slice.
func (w *Writer) Bytes() []byte {
	if len(w.Full) == 0 {
		return w.Buf
	}
	return append(bytes.Join(w.Full, nil), w.Buf...)
}

// ErrorCode returns the code of the error reply that was written at m, such as
// "ERR" or "WRONGTYPE", and "" if the reply is not an error.
func (w *Writer) ErrorCode(m Mark) string {
	chunk := w.Buf
	if len(w.Full) > m.chunk {
		chunk = w.Full[m.chunk]
	}
	if m.offset == len(chunk) || chunk[m.offset] != '-' {
		return ""
	}
	return ErrorCode(chunk[m.offset:])
}

// ErrorCode returns the code of an error reply, its first word: "ERR" for
// "-ERR syntax error\r\n". It returns "" for any other reply.
func ErrorCode(reply []byte) string {
	if len(reply) == 0 || reply[0] != '-' {
		return ""
	}
	end := 1
	for end < len(reply) && reply[end] != ' ' && reply[end] != '\r' {
		end++
	}
	switch code := reply[1:end]; string(code) {
	case "ERR":
		return "ERR" // the most frequent code, without an allocation
	default:
		return string(code)
	}
}

// Raw appends an encoded reply.
func (w *Writer) Raw(p []byte) {
	w.reserve(len(p))
	w.Buf = append(w.Buf, p...)
}

// RawString appends an encoded reply.
func (w *Writer) RawString(s string) { w.Buf = append(w.Buf, s...) }

// Simple writes a simple string. s must not contain a line end.
func (w *Writer) Simple(s string) {
	w.Buf = append(w.Buf, '+')
	w.Buf = append(w.Buf, s...)
	w.Buf = append(w.Buf, '\r', '\n')
}

// OK writes the simple string OK.
func (w *Writer) OK() { w.Buf = append(w.Buf, "+OK\r\n"...) }

// Error writes an error. s begins with its code, as in "ERR syntax error". Line
// ends in s are replaced by spaces: they would end the reply early.
func (w *Writer) Error(s string) {
	w.Buf = append(w.Buf, '-')
	for i := range len(s) {
		c := s[i]
		if c == '\r' || c == '\n' {
			c = ' '
		}
		w.Buf = append(w.Buf, c)
	}
	w.Buf = append(w.Buf, '\r', '\n')
}

// Int writes an integer.
func (w *Writer) Int(n int64) { w.line(':', n) }

// bulkOverhead is the most that a bulk string takes beside its bytes.
const bulkOverhead = 32

// Bulk writes a bulk string.
func (w *Writer) Bulk(p []byte) {
	w.reserve(len(p) + bulkOverhead)
	w.line('$', int64(len(p)))
	w.Buf = append(w.Buf, p...)
	w.Buf = append(w.Buf, '\r', '\n')
}

// BulkString writes a bulk string.
func (w *Writer) BulkString(s string) {
	w.reserve(len(s) + bulkOverhead)
	w.line('$', int64(len(s)))
	w.Buf = append(w.Buf, s...)
	w.Buf = append(w.Buf, '\r', '\n')
}

// Null writes a null.
func (w *Writer) Null() {
	if w.Proto >= 3 {
		w.Buf = append(w.Buf, "_\r\n"...)
		return
	}
	w.Buf = append(w.Buf, "$-1\r\n"...)
}

// NullArray writes a null array, which version 2 distinguishes from a null.
func (w *Writer) NullArray() {
	if w.Proto >= 3 {
		w.Buf = append(w.Buf, "_\r\n"...)
		return
	}
	w.Buf = append(w.Buf, "*-1\r\n"...)
}

// Array begins an array of n elements.
func (w *Writer) Array(n int) { w.line('*', int64(n)) }

// Map begins a map of n pairs.
func (w *Writer) Map(n int) {
	if w.Proto >= 3 {
		w.line('%', int64(n))
		return
	}
	w.line('*', int64(2*n))
}

// Set begins a set of n elements.
func (w *Writer) Set(n int) { w.since3('~', n) }

// Push begins an out-of-band message of n elements.
func (w *Writer) Push(n int) { w.since3('>', n) }

// Attribute begins n pairs that precede a reply. Version 2 has no attributes: the
// caller writes them only if Proto is 3.
func (w *Writer) Attribute(n int) { w.line('|', int64(n)) }

// Bool writes a boolean.
func (w *Writer) Bool(b bool) {
	s := ":0\r\n"
	switch {
	case w.Proto >= 3 && b:
		s = "#t\r\n"
	case w.Proto >= 3:
		s = "#f\r\n"
	case b:
		s = ":1\r\n"
	}
	w.Buf = append(w.Buf, s...)
}

// Double writes a floating-point number in the shortest form that parses to the
// same number.
func (w *Writer) Double(f float64) {
	var tmp [32]byte
	text := AppendDouble(tmp[:0], f)
	if w.Proto < 3 {
		w.Bulk(text)
		return
	}
	w.Buf = append(w.Buf, ',')
	w.Buf = append(w.Buf, text...)
	w.Buf = append(w.Buf, '\r', '\n')
}

// BigNumber writes an integer of any size; decimal holds its digits.
func (w *Writer) BigNumber(decimal string) {
	if w.Proto < 3 {
		w.BulkString(decimal)
		return
	}
	w.Buf = append(w.Buf, '(')
	w.Buf = append(w.Buf, decimal...)
	w.Buf = append(w.Buf, '\r', '\n')
}

// Verbatim writes a verbatim string. format has three letters, such as "txt".
func (w *Writer) Verbatim(format, text string) {
	if w.Proto < 3 {
		w.BulkString(text)
		return
	}
	w.reserve(len(text) + bulkOverhead)
	w.line('=', int64(len(text)+4))
	w.Buf = append(w.Buf, format[:3]...)
	w.Buf = append(w.Buf, ':')
	w.Buf = append(w.Buf, text...)
	w.Buf = append(w.Buf, '\r', '\n')
}

// AppendDouble appends f as redis-server prints a double: 17 significant digits
// at most, "inf", "-inf", "nan", and no exponent where none is needed.
func AppendDouble(dst []byte, f float64) []byte {
	switch {
	case math.IsInf(f, 1):
		return append(dst, "inf"...)
	case math.IsInf(f, -1):
		return append(dst, "-inf"...)
	case math.IsNaN(f):
		return append(dst, "nan"...)
	case f == math.Trunc(f) && math.Abs(f) < 1e15:
		return strconv.AppendInt(dst, int64(f), 10)
	}
	return strconv.AppendFloat(dst, f, 'g', -1, 64)
}

func (w *Writer) since3(kind byte, n int) {
	if w.Proto < 3 {
		kind = '*'
	}
	w.line(kind, int64(n))
}

func (w *Writer) line(kind byte, n int64) {
	if n >= 0 && n < 10 {
		w.Buf = append(w.Buf, kind, byte('0'+n), '\r', '\n')
		return
	}
	w.Buf = append(w.Buf, kind)
	w.Buf = strconv.AppendInt(w.Buf, n, 10)
	w.Buf = append(w.Buf, '\r', '\n')
}
