package keyspace

import (
	"strconv"
	"time"
	"unsafe"
)

// Kind is a value's type as TYPE names it.
type Kind uint8

// The types of values.
const (
	KindString Kind = iota
	KindList
)

// String returns TYPE's word for the kind.
func (k Kind) String() string {
	switch k {
	case KindString:
		return "string"
	case KindList:
		return "list"
	}
	return "unknown"
}

// Value is a value that is not a string: a *List.
type Value interface {
	// Size returns the memory that the value takes in bytes, in constant time.
	Size() int
	// Encoding returns the name that OBJECT ENCODING has for the representation.
	Encoding() string
}

// As returns the value of e if its type is T. If e is nil, it returns the zero
// value of T and true: an absent key counts as an empty value of any type.
func As[T Value](e *Entry) (v T, ok bool) {
	if e == nil {
		return v, true
	}
	v, ok = e.value.(T)
	return v, ok
}

// encoding is how a string is kept.
type encoding uint8

const (
	encodingInt  encoding = iota // in num
	encodingText                 // in text
	encodingRaw                  // in text, after an edit in place
)

// Entry is a key and its value. Its fields are laid out to fill one 96 byte
// allocation: a string that is a canonical integer is held in num and takes
// no other memory, any other string in text, other values in value.
type Entry struct {
	next   *Entry // in the bucket
	key    string
	hash   uint32
	slot   int32  // index in the database's list of expiring keys, -1 when not in it
	expire int64  // unix milliseconds, 0 for never
	access uint32 // unix seconds of the last use
	kind   Kind
	enc    encoding
	num    int64 // the integer; for other kinds the memory accounted for
	text   []byte
	value  Value
}

const entrySize = int64(unsafe.Sizeof(Entry{}))

// Key returns the entry's key.
func (e *Entry) Key() string { return e.key }

// Kind returns the type of the value.
func (e *Entry) Kind() Kind { return e.kind }

// Value returns what is not a string.
func (e *Entry) Value() Value { return e.value }

// ExpireAt returns the time the key expires, in unix milliseconds; ok is false
// when it does not.
func (e *Entry) ExpireAt() (ms int64, ok bool) { return e.expire, e.slot >= 0 }

// Idle is the time since the key was last used, at a resolution of a second.
func (d *DB) Idle(e *Entry) time.Duration {
	return time.Duration(d.space.access-e.access) * time.Second
}

// Int returns a string value that is kept as an integer.
func (e *Entry) Int() (n int64, ok bool) {
	return e.num, e.kind == KindString && e.enc == encodingInt
}

// Text returns a string value that is not kept as an integer.
func (e *Entry) Text() []byte { return e.text }

// AppendText appends the string value to dst.
func (e *Entry) AppendText(dst []byte) []byte {
	if e.enc == encodingInt {
		return strconv.AppendInt(dst, e.num, 10)
	}
	return append(dst, e.text...)
}

// TextLen is the length of the string value in bytes.
func (e *Entry) TextLen() int {
	if e.enc == encodingInt {
		var tmp [20]byte
		return len(strconv.AppendInt(tmp[:0], e.num, 10))
	}
	return len(e.text)
}

// size is the memory that the entry takes. For values other than strings it is
// what was last accounted for.
func (e *Entry) size() int64 {
	n := entrySize + int64(len(e.key))
	switch {
	case e.kind != KindString:
		n += e.num
	case e.enc != encodingInt:
		n += int64(cap(e.text))
	}
	return n
}
