package keyspace

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"unsafe"
)

func TestEntryIsCompact(t *testing.T) {
	if size := unsafe.Sizeof(Entry{}); size != 48 {
		t.Errorf("an entry takes %d bytes, want 48", size)
	}
	if listSize != 64 || chunkSize != 48 {
		t.Errorf("a list takes %d bytes and a chunk %d, want 64 and 48", listSize, chunkSize)
	}
}

// TestAllocSize compares allocSize with the allocator, which append reveals.
func TestAllocSize(t *testing.T) {
	for _, n := range []int{
		0, 1, 8, 9, 16, 17, 48, 49, 1000, 1024, 1025, 8192, 8193,
		32760, 32761, 32768, 32769, 50_000, 1 << 20,
	} {
		classProbe = append([]byte(nil), make([]byte, n)...)
		if want := cap(classProbe); allocSize(n) != want {
			t.Errorf("%d bytes take %d, want %d", n, allocSize(n), want)
		}
	}
	if got := pointersSize(128); got != 1152 {
		t.Errorf("128 pointers take %d, want 1152: with a header of 8 bytes", got)
	}
}

// TestMemoryIsHonest compares the estimate with the heap.
func TestMemoryIsHonest(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 10))
	key := func(i int) []byte { return fmt.Appendf(nil, "%0*d", 1+i%40, i) }
	value := func(i int) []byte { return []byte(strings.Repeat("v", random.IntN(1+i%300))) }
	for _, c := range []struct {
		name  string
		count int
		add   func(d *DB, i int)
	}{
		{"strings", 50_000, func(d *DB, i int) { d.AddBytes(key(i), value(i)) }},
		{"strings by Add", 50_000, func(d *DB, i int) {
			d.SetBytes(d.Add(key(i), KindString, nil), value(i))
		}},
		{"integers", 50_000, func(d *DB, i int) { d.AddBytes(key(i), []byte(fmt.Sprint(i))) }},
		{"large strings", 1000, func(d *DB, i int) { d.AddBytes(key(i), make([]byte, 1000+10*i)) }},
		{"expiring strings", 50_000, func(d *DB, i int) {
			d.SetExpiry(d.AddBytes(key(i), value(i)), 1<<60)
		}},
		{"edited strings", 20_000, func(d *DB, i int) {
			e := d.AddBytes(key(i), value(i))
			for range i % 20 {
				d.Append(e, value(i))
			}
			d.SetRange(e, random.IntN(1000), value(i))
		}},
		{"lists", 20_000, func(d *DB, i int) {
			l := NewList()
			e := d.Add(key(i), KindList, l)
			for range 1 + i%50 {
				l.PushBack(value(i))
			}
			for range i % 50 {
				l.PopFront()
			}
			d.Changed(e)
		}},
		{"added and deleted", 50_000, func(d *DB, i int) {
			d.SetExpiry(d.AddBytes(key(i), value(i)), 1<<60)
			if i%10 > 0 {
				d.Remove(d.Peek(key(i)))
			}
		}},
	} {
		s := newSpace(t)
		before := heap()
		for i := range c.count {
			c.add(s.DB(0), i)
		}
		got, want := s.Memory(), heap()-before
		if diff := float64(got-want) / float64(want); diff < -0.03 || diff > 0.03 {
			t.Errorf("%s: the estimate is %d bytes, the heap has grown by %d (%+.1f%%)",
				c.name, got, want, 100*diff)
		}
		checkMemory(t, s)
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
