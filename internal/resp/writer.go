package resp

import (
	"math"
	"strconv"
)

// Writer appends replies to Buf in protocol version Proto (2 or 3). A type that
// version 2 lacks is written as redis-server writes it there: a map as a flat
// array, a set as an array, a double as a bulk string, a boolean as 0 or 1, a
// null as a null bulk string, a push as an array.
//
// An aggregate is its header followed by its elements; the caller keeps count.
type Writer struct {
	Buf   []byte
	Proto int
}

// Raw appends bytes that already are a reply.
func (w *Writer) Raw(p []byte) { w.Buf = append(w.Buf, p...) }

// RawString appends a string that already is a reply.
func (w *Writer) RawString(s string) { w.Buf = append(w.Buf, s...) }

// Simple writes a simple string. It must have no line end.
func (w *Writer) Simple(s string) {
	w.Buf = append(w.Buf, '+')
	w.Buf = append(w.Buf, s...)
	w.Buf = append(w.Buf, '\r', '\n')
}

// OK writes the reply of a command that has nothing else to say.
func (w *Writer) OK() { w.Buf = append(w.Buf, "+OK\r\n"...) }

// Error writes an error; s begins with its code, as in "ERR syntax error". Line
// ends in s, which would forge a second reply, become spaces.
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

// Bulk writes a string of any bytes.
func (w *Writer) Bulk(p []byte) {
	w.line('$', int64(len(p)))
	w.Buf = append(w.Buf, p...)
	w.Buf = append(w.Buf, '\r', '\n')
}

// BulkString is Bulk for a string.
func (w *Writer) BulkString(s string) {
	w.line('$', int64(len(s)))
	w.Buf = append(w.Buf, s...)
	w.Buf = append(w.Buf, '\r', '\n')
}

// Null writes the absence of a value.
func (w *Writer) Null() {
	if w.Proto >= 3 {
		w.Buf = append(w.Buf, "_\r\n"...)
		return
	}
	w.Buf = append(w.Buf, "$-1\r\n"...)
}

// NullArray writes the absence of an aggregate, which version 2 tells from Null.
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

// Attribute begins n pairs that precede a reply; version 2 has no place for
// them, so the caller writes them only where Proto is 3.
func (w *Writer) Attribute(n int) { w.line('|', int64(n)) }

// Bool writes a truth value.
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

// Double writes a floating point number in the shortest form that reads back
// as the same number.
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

// BigNumber writes an integer of any size, given in decimal.
func (w *Writer) BigNumber(decimal string) {
	if w.Proto < 3 {
		w.BulkString(decimal)
		return
	}
	w.Buf = append(w.Buf, '(')
	w.Buf = append(w.Buf, decimal...)
	w.Buf = append(w.Buf, '\r', '\n')
}

// Verbatim writes a text with its format, three letters such as "txt".
func (w *Writer) Verbatim(format, text string) {
	if w.Proto < 3 {
		w.BulkString(text)
		return
	}
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
