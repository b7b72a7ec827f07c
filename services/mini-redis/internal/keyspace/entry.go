package keyspace

import (
	"encoding/binary"
	"strconv"
	"time"
	"unsafe"
)

// Entry is a key and its value. It fills one allocation of 48 bytes, because its
// size decides how many keys a server can hold. Beside it, a small string or an
// integer takes one block of memory, together with the key:
//
//	[expiration time] key [value] spare room
//	                  ^block
//
// The expiration time, unix milliseconds in 8 bytes, is there if flagTimed is
// set. An integer takes 8 bytes. A string above embedMost bytes has an allocation
// of its own, of which value points to the slice header. For the other types,
// value points to the value.
type Entry struct {
	node
	value   unsafe.Pointer // *[]byte if flagLarge is set; *List; nil for an embedded string
	access  uint32         // unix seconds of the last use
	slot    int32          // index in DB.expiring, -1 if the key does not expire
	textLen uint32         // length of an embedded string, 8 for an integer; else see accounted
	room    uint16         // bytes from block to the memory's end, 0 if unknown; else see accounted
	kind    Kind
	flags   flags
}

// flags describe an entry's representation.
type flags uint8

const (
	flagInt   flags = 1 << iota // the value is a string that is an integer
	flagRaw                     // the string has been edited in place
	flagLarge                   // the string is in an allocation of its own
	flagTimed                   // there is room for an expiration time in front of the key
)

const (
	entrySize = int64(unsafe.Sizeof(Entry{}))
	timeSize  = 8
	intSize   = 8
	headerLen = 24      // memory of the slice header of a large string
	embedMost = 1 << 10 // length up to which a string is in the block of its key
)

// Kind returns the type of the value.
func (e *Entry) Kind() Kind { return e.kind }

// Value returns the value; nil if it is a string.
func (e *Entry) Value() Value {
	switch e.kind {
	case KindList:
		return (*List)(e.value)
	}
	return nil
}

// setValue sets the value and its type.
func (e *Entry) setValue(kind Kind, value Value) {
	e.kind = kind
	switch v := value.(type) {
	case *List:
		e.value = unsafe.Pointer(v)
	}
}

// ExpireAt returns the time the key expires, in unix milliseconds; ok is false if
// it does not.
func (e *Entry) ExpireAt() (ms int64, ok bool) {
	if e.slot < 0 {
		return 0, false
	}
	return int64(binary.NativeEndian.Uint64(e.time()[:])), true
}

// time returns where the expiration time is, if flagTimed is set.
func (e *Entry) time() *[timeSize]byte { return (*[timeSize]byte)(unsafe.Add(e.block, -timeSize)) }

// Idle is the time since the key was last used, at a resolution of a second.
func (d *DB) Idle(e *Entry) time.Duration {
	return time.Duration(d.space.access-e.access) * time.Second
}

// Int returns a string value that is kept as an integer.
func (e *Entry) Int() (n int64, ok bool) {
	if e.flags&flagInt == 0 {
		return 0, false
	}
	return e.int(), true
}

func (e *Entry) int() int64 {
	return int64(binary.NativeEndian.Uint64((*[intSize]byte)(unsafe.Add(e.block, e.keyLen))[:]))
}

// Text returns a string value that is not kept as an integer.
func (e *Entry) Text() []byte {
	switch {
	case e.kind != KindString || e.flags&flagInt != 0:
		return nil
	case e.flags&flagLarge != 0:
		return *(*[]byte)(e.value)
	}
	from, to := int(e.keyLen), int(e.keyLen)+int(e.textLen)
	return unsafe.Slice((*byte)(e.block), to)[from:to:to]
}

// AppendText appends the string value to dst.
func (e *Entry) AppendText(dst []byte) []byte {
	if n, ok := e.Int(); ok {
		return strconv.AppendInt(dst, n, 10)
	}
	return append(dst, e.Text()...)
}

// TextLen is the length of the string value in bytes.
func (e *Entry) TextLen() int {
	if n, ok := e.Int(); ok {
		var tmp [20]byte
		return len(strconv.AppendInt(tmp[:0], n, 10))
	}
	return len(e.Text())
}

// embstrLen is the length up to which redis-server keeps a string together with
// its header, which it reports as the encoding "embstr".
const embstrLen = 44

// Encoding returns what OBJECT ENCODING reports: redis-server 7.2's name for its
// nearest equivalent of the representation.
func (e *Entry) Encoding() string {
	switch {
	case e.kind != KindString:
		return e.Value().Encoding()
	case e.flags&flagInt != 0:
		return "int"
	case e.flags&flagRaw == 0 && e.TextLen() <= embstrLen:
		return "embstr"
	}
	return "raw"
}

// embedded returns how many bytes of value follow the key.
func (e *Entry) embedded() int {
	if e.kind != KindString || e.flags&flagLarge != 0 {
		return 0
	}
	return int(e.textLen)
}

// accounted returns the size of the value that was last added to DB.used, if the
// value is not a string. It takes the place of textLen and room.
func (e *Entry) accounted() int64 { return int64(e.textLen) | int64(e.room)<<32 }

func (e *Entry) setAccounted(n int64) { e.textLen, e.room = uint32(n), uint16(n>>32) }

// size returns the memory that the entry takes. For values other than strings it
// is what was last accounted for.
func (e *Entry) size() int64 {
	n := entrySize
	if e.kind == KindString && e.room > 0 {
		n += int64(e.head()) + int64(e.room)
	} else {
		n += int64(allocSize(e.head() + max(1, int(e.keyLen)+e.embedded())))
	}
	switch {
	case e.kind != KindString:
		n += e.accounted()
	case e.flags&flagLarge != 0:
		n += headerLen + int64(allocSize(cap(*(*[]byte)(e.value))))
	}
	return n
}

// head returns the size of what is in front of the key.
func (e *Entry) head() int {
	if e.flags&flagTimed != 0 {
		return timeSize
	}
	return 0
}

// rebuild moves the entry to a new block with that key, the embedded value it has
// and room for n bytes of value.
func (e *Entry) rebuild(key string, n int) {
	value := e.embedded()
	n = max(n, value)
	old := unsafe.Slice((*byte)(e.block), int(e.keyLen)+value)
	p, room := newBlock(e.head(), len(key)+n)
	block := unsafe.Slice((*byte)(p), room)
	copy(block[copy(block, key):], old[e.keyLen:])
	if e.slot >= 0 {
		*(*[timeSize]byte)(unsafe.Add(p, -timeSize)) = *e.time()
	}
	e.block, e.keyLen = p, uint32(len(key))
	if e.kind == KindString {
		e.setRoom(room)
	}
}

// setRoom sets room, which is 0 for a block that is too large for its type.
func (e *Entry) setRoom(n int) {
	e.room = uint16(n)
	if n > 1<<16-1 {
		e.room = 0
	}
}
