package keyspace

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

// textModel is what a database of strings should contain.
type textModel map[string]*modelText

type modelText struct {
	value    string
	edited   bool
	asText   bool // set by SetText
	expireAt int64
}

func (m *modelText) encoding() string {
	_, isInt := CanonicalInt([]byte(m.value))
	switch {
	case isInt && !m.edited && !m.asText:
		return "int"
	case !m.edited && len(m.value) <= embstrLen:
		return "embstr"
	}
	return "raw"
}

// textProgram applies the same operations to a database and to a model. The
// operations and their arguments are the bytes of program.
type textProgram struct {
	t       *testing.T
	space   *Space
	db      *DB
	model   textModel
	program []byte
}

// runTextProgram runs a program and compares the database with the model after
// each operation.
func runTextProgram(t *testing.T, program []byte) {
	t.Helper()
	s := newSpace(t)
	p := &textProgram{t: t, space: s, db: s.DB(0), model: textModel{}, program: program}
	operations := []func(){
		p.set, p.set, p.setText, p.setOwned, p.append, p.setRange, p.increment,
		p.expire, p.remove, p.rename, p.pass,
	}
	for len(p.program) > 0 {
		operations[p.next()%len(operations)]()
		p.check()
	}
}

func (p *textProgram) next() int {
	if len(p.program) == 0 {
		return 0
	}
	b := p.program[0]
	p.program = p.program[1:]
	return int(b)
}

// key is one of few keys, one of them empty and one of them long.
func (p *textProgram) key() []byte {
	n := p.next() % 6
	if n == 5 {
		return bytes.Repeat([]byte("long"), 20_000)
	}
	return []byte("keys")[:n%5]
}

// value is an integer or text of a size from one of several ranges.
func (p *textProgram) value() []byte {
	n := p.next()
	switch n % 8 {
	case 0:
		return fmt.Append(nil, (n-100)<<(n%40))
	case 1:
		return bytes.Repeat([]byte{byte('a' + n%7)}, 900+n)
	case 2:
		return bytes.Repeat([]byte{byte('a' + n%7)}, 300*n)
	}
	return bytes.Repeat([]byte{byte('a' + n%7)}, n/2)
}

// entry returns a key's entry and model, new ones if there is none.
func (p *textProgram) entry() (*Entry, *modelText) {
	key := p.key()
	e, m := p.db.Edit(key), p.model[string(key)]
	if e == nil {
		m = &modelText{asText: true}
		p.model[string(key)] = m
		e = p.db.Add(key, KindString, nil)
	}
	return e, m
}

func (p *textProgram) set() {
	key := p.key()
	v := p.value()
	if e := p.db.Edit(key); e != nil {
		p.db.SetBytes(e, v)
	} else {
		p.db.AddBytes(key, v)
		p.model[string(key)] = &modelText{}
	}
	m := p.model[string(key)]
	m.value, m.edited, m.asText = string(v), false, false
}

func (p *textProgram) setText() {
	e, m := p.entry()
	v := p.value()
	p.db.SetText(e, v)
	m.value, m.edited, m.asText = string(v), false, true
}

func (p *textProgram) setOwned() {
	e, m := p.entry()
	v := append(p.value(), "xyz"...)
	p.db.SetOwned(e, v[:len(v)-3])
	m.value, m.edited, m.asText = string(v[:len(v)-3]), false, false
}

func (p *textProgram) append() {
	e, m := p.entry()
	v := p.value()
	p.db.Append(e, v)
	m.value, m.edited = m.value+string(v), true
}

func (p *textProgram) setRange() {
	e, m := p.entry()
	offset, v := p.next()*8, p.value()
	p.db.SetRange(e, offset, v)
	want := make([]byte, max(len(m.value), offset+len(v)))
	copy(want, m.value)
	copy(want[offset:], v)
	m.value, m.edited = string(want), true
}

func (p *textProgram) increment() {
	e, m := p.entry()
	n, _ := e.Int()
	p.db.SetInt(e, n+1)
	m.value, m.edited, m.asText = fmt.Sprint(n+1), false, false
}

func (p *textProgram) expire() {
	e, m := p.entry()
	at := p.space.Now() + int64(p.next())
	if at%3 == 0 {
		at = 0
		p.db.Persist(e)
	} else {
		p.db.SetExpiry(e, at)
	}
	m.expireAt = at
}

func (p *textProgram) remove() {
	key := p.key()
	if e := p.db.Peek(key); e != nil {
		p.db.Remove(e)
	}
	delete(p.model, string(key))
}

func (p *textProgram) rename() {
	from, to := p.key(), p.key()
	if e := p.db.Peek(from); e != nil {
		p.db.Rename(e, to)
		m := p.model[string(from)]
		delete(p.model, string(from))
		p.model[string(to)] = m
	}
}

func (p *textProgram) pass() {
	p.space.SetNow(p.space.Now() + int64(p.next()))
	for key, m := range p.model {
		if m.expireAt != 0 && m.expireAt <= p.space.Now() {
			delete(p.model, key)
		}
	}
}

func (p *textProgram) check() {
	p.t.Helper()
	for key, m := range p.model {
		if m.expireAt != 0 && m.expireAt <= p.space.Now() {
			delete(p.model, key)
			continue
		}
		e := p.db.Peek([]byte(key))
		if e == nil || e.Key() != key || text(e) != m.value || e.TextLen() != len(m.value) {
			p.t.Fatalf("key %.10q: %v, want %d bytes: %.80q", key, e, len(m.value), m.value)
		}
		if at, ok := e.ExpireAt(); at != m.expireAt || ok != (at != 0) {
			p.t.Fatalf("key %.10q expires at %d, want %d", key, at, m.expireAt)
		}
		if got := e.Encoding(); got != m.encoding() {
			p.t.Fatalf("key %.10q is encoded as %s, want %s: %.80q", key, got, m.encoding(), m.value)
		}
	}
	p.db.Each(func(e *Entry) bool {
		if p.model[e.Key()] == nil {
			p.t.Fatalf("key %.10q should not exist", e.Key())
		}
		return true
	})
	checkMemory(p.t, p.space)
}

func TestTextsAgainstModel(t *testing.T) {
	random := rand.New(rand.NewPCG(11, 12))
	for range 100 {
		program := make([]byte, random.IntN(400))
		for i := range program {
			program[i] = byte(random.Uint32())
		}
		runTextProgram(t, program)
	}
}

func FuzzText(f *testing.F) {
	f.Add([]byte{0, 1, 8, 4, 1, 16, 6, 1, 7, 1, 50, 5, 1, 200, 9, 1, 2, 10, 60})
	f.Add(bytes.Repeat([]byte{0, 2, 250, 3, 2, 254, 4, 2, 10, 2, 2, 3}, 5))
	f.Fuzz(func(t *testing.T, program []byte) { runTextProgram(t, program) })
}

// TestSetOwned checks that a large slice is kept, a small one copied, and that no
// edit writes behind the slice.
func TestSetOwned(t *testing.T) {
	s := newSpace(t)
	d := s.DB(0)
	e := put(d, "k", "v")
	memory := bytes.Repeat([]byte("v"), ownedSize+10)
	v := memory[:ownedSize]
	d.SetOwned(e, v)
	if &e.Text()[0] != &v[0] {
		t.Error("a large value is copied")
	}
	d.Append(e, []byte("more"))
	if string(memory[ownedSize:]) != "vvvvvvvvvv" {
		t.Error("Append has written behind the slice")
	}
	if got := text(e); got != string(v)+"more" {
		t.Errorf("the value has %d bytes, want %d", len(got), len(v)+4)
	}
	small := []byte("a value")
	d.SetOwned(e, small)
	small[0] = 'x'
	if text(e) != "a value" {
		t.Error("a small value is not copied")
	}
	checkMemory(t, s)
}
