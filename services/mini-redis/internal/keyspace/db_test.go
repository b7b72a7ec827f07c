package keyspace

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

func newSpace(t testing.TB) *Space {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	s := New(2, random.Uint64)
	s.SetNow(1_000_000)
	return s
}

func put(d *DB, key, value string) *Entry {
	e := d.Edit([]byte(key))
	if e == nil {
		e = d.Add([]byte(key), KindString, nil)
	}
	d.SetBytes(e, []byte(value))
	return e
}

func text(e *Entry) string { return string(e.AppendText(nil)) }

// checkMemory compares the running estimate with a sum over all entries and tables.
func checkMemory(t *testing.T, s *Space) {
	t.Helper()
	var sum int64
	for _, d := range s.dbs {
		d.dict.each(func(e *Entry) bool {
			sum += e.size()
			return true
		})
		sum += int64(d.dict.size() + pointersSize(cap(d.expiring)))
	}
	if sum != s.Memory() {
		t.Fatalf("the estimate is %d bytes, the recount %d", s.Memory(), sum)
	}
}

// TestAgainstMap applies the same random operations to a database and to a map.
func TestAgainstMap(t *testing.T) {
	s := newSpace(t)
	d := s.DB(0)
	random := rand.New(rand.NewPCG(3, 4))
	model := map[string]string{}
	for range 200_000 {
		key := fmt.Sprint("key", random.IntN(3000))
		switch random.IntN(6) {
		case 0, 1, 2:
			value := fmt.Sprint(random.Uint64())[:random.IntN(10)]
			put(d, key, value)
			model[key] = value
		case 3:
			if e := d.Edit([]byte(key)); e != nil {
				d.Append(e, []byte("+more"))
				model[key] += "+more"
			}
		case 4:
			if e := d.Peek([]byte(key)); e != nil {
				d.Remove(e)
			}
			delete(model, key)
		case 5:
			other := fmt.Sprint("key", random.IntN(3000))
			if e := d.Peek([]byte(key)); e != nil && key != other {
				d.Rename(e, []byte(other))
				model[other] = model[key]
				delete(model, key)
			}
		}
	}
	if d.Len() != len(model) {
		t.Fatalf("%d keys, want %d", d.Len(), len(model))
	}
	for key, value := range model {
		if e := d.Peek([]byte(key)); e == nil || text(e) != value {
			t.Fatalf("%s: %v, want %q", key, e, value)
		}
	}
	checkMemory(t, s)
	for key := range model {
		d.Remove(d.Peek([]byte(key)))
	}
	if d.Len() != 0 || s.Memory() > int64(pointersSize(smallestDict)) {
		t.Fatalf("%d keys and %d bytes are left in an empty database", d.Len(), s.Memory())
	}
	if len(d.dict.buckets) > smallestDict {
		t.Errorf("an empty database has %d buckets", len(d.dict.buckets))
	}
}

func TestFlush(t *testing.T) {
	s := newSpace(t)
	for i := range 100 {
		d := s.DB(i % 2)
		e := put(d, fmt.Sprint(i), "some value that is no number")
		if i%3 == 0 {
			d.SetExpiry(e, s.Now()+1000)
		}
	}
	s.DB(0).Flush()
	if s.DB(0).Len() != 0 || s.DB(1).Len() != 50 {
		t.Fatalf("%d and %d keys after a flush of the first", s.DB(0).Len(), s.DB(1).Len())
	}
	checkMemory(t, s)
	s.Flush()
	if s.Memory() != 0 || s.Expiring() != 0 {
		t.Fatalf("%d bytes and %d expiries are left in empty databases", s.Memory(), s.Expiring())
	}
}

func TestReadsAreCounted(t *testing.T) {
	s := newSpace(t)
	d := s.DB(0)
	put(d, "k", "v")
	d.Read([]byte("k"))
	d.Look([]byte("k"))
	d.Read([]byte("nosuch"))
	d.Edit([]byte("k"))
	d.Peek([]byte("nosuch"))
	if got := s.Stats(); got.Hits != 2 || got.Misses != 1 {
		t.Errorf("%d hits and %d misses, want 2 and 1", got.Hits, got.Misses)
	}
}

func TestUse(t *testing.T) {
	s := newSpace(t)
	d := s.DB(0)
	e := put(d, "k", "v")
	idle := func(want int) {
		t.Helper()
		if got := int(d.Idle(e).Seconds()); got != want {
			t.Errorf("idle for %d s, want %d", got, want)
		}
	}
	s.SetNow(s.Now() + 10_000)
	idle(10)
	d.Look([]byte("k"))
	idle(10)
	s.NoTouch = true
	d.Read([]byte("k"))
	idle(10)
	s.NoTouch = false
	d.Read([]byte("k"))
	idle(0)
}

func TestAwait(t *testing.T) {
	s := newSpace(t)
	d := s.DB(0)
	push := func(key string) {
		l := NewList()
		l.PushBack([]byte("x"))
		d.Changed(d.Add([]byte(key), KindList, l))
	}
	d.Await("a")
	d.Await("b")
	push("c")
	put(d, "b", "a string makes no key ready")
	d.Remove(d.Peek([]byte("b")))
	push("b")
	push("a")
	d.Changed(d.Peek([]byte("b")))
	if got := fmt.Sprint(names(s.TakeReady())); got != "[b a]" {
		t.Errorf("ready: %s, want [b a]", got)
	}
	if s.AnyReady() {
		t.Error("the same keys are ready twice")
	}
	d.Forgo("a")
	d.Changed(d.Peek([]byte("a")))
	if s.AnyReady() {
		t.Error("a key that no client waits for is ready")
	}
}

func names(list []Ready) (keys []string) {
	for _, r := range list {
		keys = append(keys, r.Key)
	}
	return keys
}

// TestAllocations checks that lookups and overwrites that fit do not allocate.
func TestAllocations(t *testing.T) {
	s := newSpace(t)
	d := s.DB(0)
	key, value, number := []byte("a key"), []byte("a value that is not a number"), []byte("123456789")
	put(d, "a key", string(value))
	check := func(what string, want float64, f func()) {
		t.Helper()
		if got := testing.AllocsPerRun(100, f); got > want {
			t.Errorf("%s: %.0f allocations, want at most %.0f", what, got, want)
		}
	}
	check("a read", 0, func() { d.Read(key) })
	check("a write of the same size", 0, func() { d.SetBytes(d.Edit(key), value) })
	check("an integer", 0, func() { d.SetBytes(d.Edit(key), number) })
	check("counting", 0, func() {
		e := d.Edit(key)
		n, _ := e.Int()
		d.SetInt(e, n+1)
	})
	check("a text after an integer", 1, func() {
		d.SetInt(d.Edit(key), 1)
		d.SetBytes(d.Edit(key), value)
	})
}
