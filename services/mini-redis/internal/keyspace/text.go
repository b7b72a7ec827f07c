package keyspace

// SetBytes makes the value of e a copy of v, kept as an integer when v is one in
// canonical form. The expiry stays as it is.
func (d *DB) SetBytes(e *Entry, v []byte) {
	if n, ok := CanonicalInt(v); ok {
		d.SetInt(e, n)
		return
	}
	d.SetText(e, v)
}

// SetText makes the value of e a copy of v. The memory of the value before it is
// used again when it fits and little would be wasted. The expiry stays as it is.
func (d *DB) SetText(e *Entry, v []byte) {
	before := e.size()
	text := e.text
	if e.kind != KindString || cap(text) < len(v) || cap(text) > 2*len(v)+64 {
		text = make([]byte, 0, len(v))
	}
	e.kind, e.enc, e.num, e.value = KindString, encodingText, 0, nil
	e.text = append(text[:0], v...)
	d.used += e.size() - before
	d.touched(e.key)
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
	e.kind, e.enc, e.num, e.value = KindString, encodingText, 0, nil
	e.text = v[:len(v):len(v)]
	d.used += e.size() - before
	d.touched(e.key)
}

// SetInt makes the value of e an integer.
func (d *DB) SetInt(e *Entry, n int64) {
	before := e.size()
	e.kind, e.enc, e.num, e.text, e.value = KindString, encodingInt, n, nil, nil
	d.used += e.size() - before
	d.touched(e.key)
}

// Append appends v to the string value.
func (d *DB) Append(e *Entry, v []byte) {
	before := e.size()
	e.makeRaw()
	e.text = append(e.text, v...)
	d.used += e.size() - before
	d.touched(e.key)
}

// SetRange overwrites the string value from offset on with v, with zero bytes
// in between when it is shorter.
func (d *DB) SetRange(e *Entry, offset int, v []byte) {
	before := e.size()
	e.makeRaw()
	if need := offset + len(v); need > len(e.text) {
		if need > cap(e.text) {
			e.text = append(make([]byte, 0, need), e.text...)
		}
		old := len(e.text)
		e.text = e.text[:need]
		clear(e.text[old:])
	}
	copy(e.text[offset:], v)
	d.used += e.size() - before
	d.touched(e.key)
}

// embedded is the length up to which redis-server keeps a string together with
// its header, which it tells by the encoding "embstr".
const embedded = 44

// Encoding names how the value is kept, in the words of redis-server 7.2 for its
// nearest equivalent.
func (e *Entry) Encoding() string {
	switch {
	case e.kind != KindString:
		return e.value.Encoding()
	case e.enc == encodingInt:
		return "int"
	case e.enc == encodingText && len(e.text) <= embedded:
		return "embstr"
	}
	return "raw"
}

// makeRaw turns the string value into bytes that can be edited.
func (e *Entry) makeRaw() {
	if e.enc == encodingInt {
		e.text = e.AppendText(nil)
		e.num = 0
	}
	e.enc = encodingRaw
}

// CanonicalInt reads an integer of 64 bits that would be printed as it is
// written: no sign '+', no leading zero or space, not "-0".
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
