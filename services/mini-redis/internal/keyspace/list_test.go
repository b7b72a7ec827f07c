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
	count, memory, chunks := uint32(0), -chunkSize, uint32(0)
	for c := &l.first; c != nil; c = c.next {
		count += c.count
		memory += chunkSize + allocSize(int(c.size))
		chunks++
		linked := c.next == nil && l.last == c || c.next != nil && c.next.prev == c
		if c.count == 0 && l.chunks > 1 || !linked {
			t.Fatal("the chain of chunks is broken")
		}
		p := int(c.tail)
		for range c.count {
			p = c.before(p)
		}
		if p != int(c.head) {
			t.Fatalf("a chunk read from its end begins at %d, not %d", p, c.head)
		}
	}
	if count != l.count || memory != l.memory || chunks != l.chunks {
		t.Fatalf("counts %d elements, %d bytes, %d chunks; has %d, %d, %d",
			l.count, l.memory, l.chunks, count, memory, chunks)
	}
}

// listProgram applies the same operations to a list and to a slice. The
// operations and their arguments are the bytes of program.
type listProgram struct {
	t       *testing.T
	list    *List
	model   []string
	program []byte
}

// runListProgram runs a program and compares the list with the slice.
func runListProgram(t *testing.T, program []byte) {
	t.Helper()
	p := &listProgram{t: t, list: NewList(), program: program}
	operations := []func(){
		p.push, p.push, p.push, p.push, p.pop, p.pop, p.set, p.insert, p.remove, p.trim,
	}
	for len(p.program) > 0 {
		operations[p.next()%len(operations)]()
	}
	check(t, p.list, p.model)
}

func (p *listProgram) next() int {
	if len(p.program) == 0 {
		return 0
	}
	b := p.program[0]
	p.program = p.program[1:]
	return int(b)
}

// value is a string of one of few contents, sometimes larger than a chunk.
func (p *listProgram) value() string {
	n := p.next()
	return strings.Repeat(fmt.Sprint(n%7), n%100+n/250*9000)
}

func (p *listProgram) push() {
	v := p.value()
	if p.next()%2 == 0 {
		p.list.PushBack([]byte(v))
		p.model = append(p.model, v)
	} else {
		p.list.PushFront([]byte(v))
		p.model = slices.Insert(p.model, 0, v)
	}
}

func (p *listProgram) pop() {
	n := len(p.model)
	if n == 0 {
		return
	}
	var got, want string
	if p.next()%2 == 0 {
		got, want, p.model = string(p.list.PopFront()), p.model[0], p.model[1:]
	} else {
		got, want, p.model = string(p.list.PopBack()), p.model[n-1], p.model[:n-1]
	}
	if got != want {
		p.t.Fatalf("popped %q, want %q", got, want)
	}
}

func (p *listProgram) set() {
	if len(p.model) == 0 {
		return
	}
	i, v := p.next()%len(p.model), p.value()
	if got := string(p.list.At(i)); got != p.model[i] {
		p.t.Fatalf("element %d is %q, want %q", i, got, p.model[i])
	}
	p.list.Set(i, []byte(v))
	p.model[i] = v
}

func (p *listProgram) insert() {
	pivot, v, after := p.value(), p.value(), p.next()%2 == 1
	i := slices.Index(p.model, pivot)
	if p.list.Insert([]byte(pivot), []byte(v), after) != (i >= 0) {
		p.t.Fatalf("insert at %q, which is at %d", pivot, i)
	}
	if i < 0 {
		return
	}
	if after {
		i++
	}
	p.model = slices.Insert(p.model, i, v)
}

func (p *listProgram) remove() {
	v, n := p.value(), p.next()%7-3
	var want int
	p.model, want = removed(p.model, v, n)
	if got := p.list.Remove([]byte(v), n); got != want {
		p.t.Fatalf("removed %d of %q, want %d", got, v, want)
	}
}

func (p *listProgram) trim() {
	if len(p.model) > 8 {
		from, to := p.next()%4, len(p.model)-p.next()%4
		p.list.Trim(from, to)
		p.model = slices.Clone(p.model[from:to])
	}
}

// removed does to a slice what List.Remove does to a list.
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
		runListProgram(t, program)
	}
}

func FuzzList(f *testing.F) {
	f.Add([]byte{0, 10, 0, 20, 2, 30, 4, 5, 6, 0, 200, 7, 20, 5, 1, 8, 20, 3})
	f.Add(bytes.Repeat([]byte{0, 255, 2, 255, 7, 255, 255, 1, 9, 1, 1}, 20))
	f.Fuzz(func(t *testing.T, program []byte) { runListProgram(t, program) })
}

// TestListElementSizes covers the lengths at which an element's header grows.
func TestListElementSizes(t *testing.T) {
	l := NewList()
	var model []string
	for _, n := range []int{
		0, 1, 125, 126, 127, 128, 129, 16380, 16381, 16382, 16383, 16384, 16385, 1 << 21,
	} {
		v := strings.Repeat("x", n)
		l.PushBack([]byte(v))
		l.PushFront([]byte(v))
		model = append([]string{v}, append(model, v)...)
	}
	check(t, l, model)
}

// TestListAsAQueue checks that the memory of a queue does not depend on how many
// elements have passed through it.
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
			t.Errorf("a queue of %d elements took %d bytes, now %d", depth, before, after)
		}
	}
}

// TestListIsCompact checks the memory that a small element takes.
func TestListIsCompact(t *testing.T) {
	l := NewList()
	const n = 100_000
	for range n {
		l.PushBack([]byte("0123456789"))
	}
	if each := float64(l.Size()) / n; each > 14 {
		t.Errorf("an element of 10 bytes takes %.1f", each)
	}
	for i := range n / 2 { // mark every other element for removal
		l.Set(i*2, []byte("remove me!"))
	}
	l.Remove([]byte("remove me!"), 0)
	if each := float64(l.Size()) / float64(l.Len()); each > 30 {
		t.Errorf("an element of 10 bytes of a thinned list takes %.1f", each)
	}
}

// TestListRemovesWholeChunks removes all elements of the first chunks: the elements
// of the chunk after them move to the first one.
func TestListRemovesWholeChunks(t *testing.T) {
	for _, n := range []int{0, 5000, -5000, 2500} {
		l := NewList()
		var model []string
		for i := range 5000 {
			v := "remove me"
			if i >= 3000 && i%2 == 0 {
				v = fmt.Sprint(i)
			}
			l.PushBack([]byte(v))
			model = append(model, v)
		}
		model, want := removed(model, "remove me", n)
		if got := l.Remove([]byte("remove me"), n); got != want {
			t.Errorf("removed %d elements, want %d", got, want)
		}
		check(t, l, model)
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
