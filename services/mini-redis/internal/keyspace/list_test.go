package keyspace

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// check compares a list with a slice, from both ends and by index.
func check(t *testing.T, l *List, model []string) {
	t.Helper()
	if l.Len() != len(model) {
		t.Fatalf("%d elements, want %d", l.Len(), len(model))
	}
	var got []string
	l.Range(0, l.Len(), func(v []byte) { got = append(got, string(v)) })
	if !slices.Equal(got, model) {
		t.Fatalf("elements\n%q, want\n%q", got, model)
	}
	count, memory, chunks := 0, 0, 0
	for c := l.first; c != nil; c = c.next {
		count += c.count
		memory += chunkSize + len(c.buf)
		chunks++
		if c.count == 0 || c.next != nil && c.next.prev != c || c.next == nil && l.last != c {
			t.Fatal("the chain of chunks is broken")
		}
		p := c.tail
		for range c.count {
			p = c.before(p)
		}
		if p != c.head {
			t.Fatalf("a chunk read from its end begins at %d, not %d", p, c.head)
		}
	}
	if count != l.count || memory != l.memory || chunks != l.chunks {
		t.Fatalf("counts %d elements, %d bytes, %d chunks; has %d, %d, %d", l.count, l.memory, l.chunks, count, memory, chunks)
	}
}

// duel is a list and a slice to which a program does the same.
type duel struct {
	t       *testing.T
	list    *List
	model   []string
	program []byte
}

// play does what the bytes of a program say.
func play(t *testing.T, program []byte) {
	t.Helper()
	d := &duel{t: t, list: NewList(), program: program}
	moves := []func(){d.push, d.push, d.push, d.push, d.pop, d.pop, d.set, d.insert, d.remove, d.trim}
	for len(d.program) > 0 {
		moves[d.next()%len(moves)]()
	}
	check(t, d.list, d.model)
}

func (d *duel) next() int {
	if len(d.program) == 0 {
		return 0
	}
	b := d.program[0]
	d.program = d.program[1:]
	return int(b)
}

// value is a string of one of few contents, now and then larger than a chunk.
func (d *duel) value() string {
	n := d.next()
	return strings.Repeat(fmt.Sprint(n%7), n%100+n/250*9000)
}

func (d *duel) push() {
	v := d.value()
	if d.next()%2 == 0 {
		d.list.PushBack([]byte(v))
		d.model = append(d.model, v)
	} else {
		d.list.PushFront([]byte(v))
		d.model = slices.Insert(d.model, 0, v)
	}
}

func (d *duel) pop() {
	n := len(d.model)
	if n == 0 {
		return
	}
	var got, want string
	if d.next()%2 == 0 {
		got, want, d.model = string(d.list.PopFront()), d.model[0], d.model[1:]
	} else {
		got, want, d.model = string(d.list.PopBack()), d.model[n-1], d.model[:n-1]
	}
	if got != want {
		d.t.Fatalf("took out %q, want %q", got, want)
	}
}

func (d *duel) set() {
	if len(d.model) == 0 {
		return
	}
	i, v := d.next()%len(d.model), d.value()
	if got := string(d.list.At(i)); got != d.model[i] {
		d.t.Fatalf("element %d is %q, want %q", i, got, d.model[i])
	}
	d.list.Set(i, []byte(v))
	d.model[i] = v
}

func (d *duel) insert() {
	pivot, v, after := d.value(), d.value(), d.next()%2 == 1
	i := slices.Index(d.model, pivot)
	if d.list.Insert([]byte(pivot), []byte(v), after) != (i >= 0) {
		d.t.Fatalf("insert at %q, which is at %d", pivot, i)
	}
	if i < 0 {
		return
	}
	if after {
		i++
	}
	d.model = slices.Insert(d.model, i, v)
}

func (d *duel) remove() {
	v, n := d.value(), d.next()%7-3
	var want int
	d.model, want = removed(d.model, v, n)
	if got := d.list.Remove([]byte(v), n); got != want {
		d.t.Fatalf("removed %d of %q, want %d", got, v, want)
	}
}

func (d *duel) trim() {
	if len(d.model) > 8 {
		from, to := d.next()%4, len(d.model)-d.next()%4
		d.list.Trim(from, to)
		d.model = slices.Clone(d.model[from:to])
	}
}

// removed is what List.Remove does, on a slice.
func removed(model []string, v string, n int) ([]string, int) {
	model = slices.Clone(model)
	if n < 0 {
		slices.Reverse(model)
	}
	most, count := n, 0
	if n < 0 {
		most = -n
	}
	model = slices.DeleteFunc(model, func(x string) bool {
		if x != v || most > 0 && count == most {
			return false
		}
		count++
		return true
	})
	if n < 0 {
		slices.Reverse(model)
	}
	return model, count
}

func TestListAgainstSlice(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	for range 150 {
		program := make([]byte, random.IntN(1500))
		for i := range program {
			program[i] = byte(random.Uint32())
		}
		play(t, program)
	}
}

func FuzzList(f *testing.F) {
	f.Add([]byte{0, 10, 0, 20, 2, 30, 4, 5, 6, 0, 200, 7, 20, 5, 1, 8, 20, 3})
	f.Add(bytes.Repeat([]byte{0, 255, 2, 255, 7, 255, 255, 1, 9, 1, 1}, 20))
	f.Fuzz(func(t *testing.T, program []byte) { play(t, program) })
}

// TestListElementSizes goes over the sizes at which an element's header grows.
func TestListElementSizes(t *testing.T) {
	l := NewList()
	var model []string
	for _, n := range []int{0, 1, 125, 126, 127, 128, 129, 16380, 16381, 16382, 16383, 16384, 16385, 1 << 21} {
		v := strings.Repeat("x", n)
		l.PushBack([]byte(v))
		l.PushFront([]byte(v))
		model = append([]string{v}, append(model, v)...)
	}
	check(t, l, model)
}

// TestListAsAQueue stays small however much passes through.
func TestListAsAQueue(t *testing.T) {
	for _, depth := range []int{1, 10, 1000} {
		l := NewList()
		for i := range depth {
			l.PushFront([]byte(fmt.Sprintf("element %06d", i)))
		}
		before := l.Size()
		for i := range 100_000 {
			l.PushFront([]byte(fmt.Sprintf("element %06d", i)))
			l.PopBack()
		}
		if after := l.Size(); after > 2*before+2*chunkMost {
			t.Errorf("a queue of %d took %d bytes, now %d", depth, before, after)
		}
	}
}

// TestListIsCompact holds what a list of small elements costs.
func TestListIsCompact(t *testing.T) {
	l := NewList()
	const n = 100_000
	for range n {
		l.PushBack([]byte("0123456789"))
	}
	if each := float64(l.Size()) / n; each > 14 {
		t.Errorf("an element of 10 bytes takes %.1f", each)
	}
	for i := range n / 2 { // thin it out
		l.Set(i*2, []byte("remove me!"))
	}
	l.Remove([]byte("remove me!"), 0)
	if each := float64(l.Size()) / float64(l.Len()); each > 30 {
		t.Errorf("an element of 10 bytes of a thinned list takes %.1f", each)
	}
}

func BenchmarkListQueue(b *testing.B) {
	l := NewList()
	v := []byte("0123456789abcdef")
	for range 1000 {
		l.PushBack(v)
	}
	b.ReportAllocs()
	for b.Loop() {
		l.PushBack(v)
		l.PopFront()
	}
}
