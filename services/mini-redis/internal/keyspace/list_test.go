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

// play does what the bytes of a program say to a list and to a slice.
func play(t *testing.T, program []byte) {
	t.Helper()
	l := NewList()
	var model []string
	next := func() int {
		if len(program) == 0 {
			return 0
		}
		b := program[0]
		program = program[1:]
		return int(b)
	}
	value := func() string {
		n := next()
		if n > 250 {
			n *= 40 // larger than a chunk
		}
		return strings.Repeat(fmt.Sprint(n%7), n%100+n/250*9000)
	}
	for len(program) > 0 {
		switch op := next() % 10; op {
		case 0, 1:
			v := value()
			l.PushBack([]byte(v))
			model = append(model, v)
		case 2, 3:
			v := value()
			l.PushFront([]byte(v))
			model = slices.Insert(model, 0, v)
		case 4, 5:
			if len(model) == 0 {
				continue
			}
			var got, want string
			if op == 4 {
				got, want = string(l.PopFront()), model[0]
				model = model[1:]
			} else {
				got, want = string(l.PopBack()), model[len(model)-1]
				model = model[:len(model)-1]
			}
			if got != want {
				t.Fatalf("took out %q, want %q", got, want)
			}
		case 6:
			if len(model) > 0 {
				i, v := next()%len(model), value()
				if got := string(l.At(i)); got != model[i] {
					t.Fatalf("element %d is %q, want %q", i, got, model[i])
				}
				l.Set(i, []byte(v))
				model[i] = v
			}
		case 7:
			pivot, v, after := value(), value(), next()%2 == 1
			i := slices.Index(model, pivot)
			if l.Insert([]byte(pivot), []byte(v), after) != (i >= 0) {
				t.Fatalf("insert at %q, which is at %d", pivot, i)
			}
			if i >= 0 {
				if after {
					i++
				}
				model = slices.Insert(model, i, v)
			}
		case 8:
			v, n := value(), next()%7-3
			var want int
			model, want = removed(model, v, n)
			if got := l.Remove([]byte(v), n); got != want {
				t.Fatalf("removed %d of %q, want %d", got, v, want)
			}
		case 9:
			if len(model) > 8 {
				from, to := next()%4, len(model)-next()%4
				l.Trim(from, to)
				model = slices.Clone(model[from:to])
			}
		}
	}
	check(t, l, model)
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
