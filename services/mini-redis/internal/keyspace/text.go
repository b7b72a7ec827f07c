package keyspace

import (
	"encoding/binary"
	"strconv"
	"unsafe"
)

// SetBytes makes the value of e a copy of v, kept as an integer if v is one in
// canonical form. The expiry stays as it is.
func (d *DB) SetBytes(e *Entry, v []byte) {
	if n, ok := CanonicalInt(v); ok {
		d.SetInt(e, n)
		return
	}
	d.SetText(e, v)
}

// SetText makes the value of e a copy of v. It reuses the memory of the value
// before if v fits and little is wasted. The expiry stays as it is.
func (d *DB) SetText(e *Entry, v []byte) {
	if !e.fits(len(v)) || len(v) > embedMost {
		d.replaceText(e, v)
	} else {
		e.setEmbedded(v)
	}
	d.touched(&e.node)
}

// SetInt makes the value of e an integer.
func (d *DB) SetInt(e *Entry, n int64) {
	if !e.fits(intSize) {
		before := e.size()
		e.clearValue()
		e.rebuild(e.Key(), intSize)
		d.used += e.size() - before
	}
	e.setInt(n)
	d.touched(&e.node)
}

// setInt sets the value to an integer, for which there is room.
func (e *Entry) setInt(n int64) {
	e.textLen = intSize
	e.flags = e.flags&^flagRaw | flagInt
	binary.NativeEndian.PutUint64((*[intSize]byte)(unsafe.Add(e.block, e.keyLen))[:], uint64(n))
}

// setEmbedded sets the value to a copy of v, for which there is room.
func (e *Entry) setEmbedded(v []byte) {
	e.textLen = uint32(len(v))
	e.flags &^= flagInt | flagRaw
	copy(e.Text(), v)
}

// ownedSize is the length from which SetOwned keeps the slice that it is given.
const ownedSize = 32 << 10

// SetOwned is SetBytes for a slice that the caller hands over: if v has at least
// 32 KiB, v itself becomes the value without a copy. The caller must not change v
// afterwards. The expiry stays as it is.
func (d *DB) SetOwned(e *Entry, v []byte) {
	if len(v) < ownedSize {
		d.SetBytes(e, v)
		return
	}
	before := e.size()
	e.setLarge(v[:len(v):len(v)])
	e.flags &^= flagRaw
	d.used += e.size() - before
	d.touched(&e.node)
}

// Append appends v to the string value.
func (d *DB) Append(e *Entry, v []byte) {
	before := e.size()
	old := e.makeRaw()
	n := len(old) + len(v)
	copy(e.resize(n)[len(old):], v)
	d.used += e.size() - before
	d.touched(&e.node)
}

// SetRange overwrites the string value from offset on with v. If the value is
// shorter, it puts zero bytes in between.
func (d *DB) SetRange(e *Entry, offset int, v []byte) {
	before := e.size()
	text := e.makeRaw()
	if old := len(text); offset+len(v) > old {
		text = e.resize(offset + len(v))
		clear(text[old:])
	}
	copy(text[offset:], v)
	d.used += e.size() - before
	d.touched(&e.node)
}

// wasted reports whether memory of that size is too large for a value of n bytes.
func wasted(size, n int) bool { return size > 2*n+64 }

// fits reports whether a value of n bytes fits into the block, without waste.
func (e *Entry) fits(n int) bool {
	room := int(e.room) - int(e.keyLen)
	return e.kind == KindString && e.flags&flagLarge == 0 && n <= room && !wasted(room, n)
}

// replaceText makes a copy of v the value, in other memory than the block has.
func (d *DB) replaceText(e *Entry, v []byte) {
	before := e.size()
	switch {
	case len(v) <= embedMost:
		e.clearValue()
		e.rebuild(e.Key(), len(v))
		e.setEmbedded(v)
	case e.flags&flagLarge != 0 && cap(e.Text()) >= len(v) && !wasted(cap(e.Text()), len(v)):
		text := (*[]byte)(e.value)
		*text = append((*text)[:0], v...)
	default:
		e.setLarge(append([]byte(nil), v...))
	}
	e.flags &^= flagRaw
	d.used += e.size() - before
}

// clearValue makes the value an empty string. The block stays as it is.
func (e *Entry) clearValue() {
	if e.kind != KindString {
		e.room = 0
	}
	e.kind, e.value, e.textLen = KindString, nil, 0
	e.flags &= flagTimed
}

// setLarge makes text itself the value.
func (e *Entry) setLarge(text []byte) {
	if e.flags&flagLarge != 0 {
		*(*[]byte)(e.value) = text
		return
	}
	raw := e.flags & flagRaw
	e.clearValue()
	if e.room == 0 || e.head()+int(e.room) > allocSize(e.head()+max(1, int(e.keyLen))) {
		e.rebuild(e.Key(), 0) // the room for the value that was embedded
	}
	header := new([]byte)
	*header = text
	e.value = unsafe.Pointer(header)
	e.flags |= flagLarge | raw
}

// makeRaw makes the string value one that can be edited in place, and returns it.
func (e *Entry) makeRaw() []byte {
	if n, ok := e.Int(); ok {
		var tmp [20]byte
		digits := strconv.AppendInt(tmp[:0], n, 10)
		e.flags &^= flagInt
		copy(e.resize(len(digits)), digits)
	}
	e.flags |= flagRaw
	return e.Text()
}

// resize changes the length of a string value that is not an integer, and
// returns it. Bytes that are added have any content.
func (e *Entry) resize(n int) []byte {
	text := e.Text()
	switch {
	case e.flags&flagLarge != 0:
		header := (*[]byte)(e.value)
		if n > cap(text) {
			text = grow(text, n)
		}
		*header = text[:n]
		return *header
	case int(e.keyLen)+n <= int(e.room) || n <= len(text):
	case n <= embedMost:
		e.rebuild(e.Key(), min(2*n, embedMost))
	default:
		e.setLarge(grow(text, n)[:n])
		return e.Text()
	}
	e.textLen = uint32(n)
	return e.Text()
}

// grow returns a copy of text with a capacity of at least n and some room for
// further growth.
func grow(text []byte, n int) []byte {
	const double = 1 << 20 // length up to which the capacity doubles
	return append(make([]byte, 0, allocSize(n+min(n, max(double, n/4)))), text...)
}

// CanonicalInt parses a 64-bit integer that is written as it would be printed: without
// the sign '+', leading zeros or spaces, and not "-0".
func CanonicalInt(v []byte) (n int64, ok bool) {
	if len(v) == 0 || len(v) > 20 {
		return 0, false
	}
	if len(v) == 1 && v[0] == '0' {
		return 0, true
	}
	neg := v[0] == '-'
	if neg {
		v = v[1:]
	}
	if len(v) == 0 || v[0] < '1' || v[0] > '9' {
		return 0, false
	}
	limit := uint64(1)<<63 - 1
	if neg {
		limit++
	}
	var u uint64
	for _, c := range v {
		if c < '0' || c > '9' || u > limit/10 {
			return 0, false
		}
		u = u*10 + uint64(c-'0')
		if u > limit {
			return 0, false
		}
	}
	if neg {
		return -int64(u), true
	}
	return int64(u), true
}
