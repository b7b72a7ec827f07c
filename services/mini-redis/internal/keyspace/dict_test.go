package keyspace

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"unsafe"
)

// TestScanMeetsEveryKey scans while the database grows and shrinks: a key that
// exists during the whole scan is met at least once.
func TestScanMeetsEveryKey(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for _, size := range []int{0, 1, 100, 1000} {
		for _, churn := range []int{0, 50, -50} {
			s := newSpace(t)
			d := s.DB(0)
			for i := range size {
				put(d, fmt.Sprint("stays", i), "v")
			}
			for i := range 5000 {
				put(d, fmt.Sprint("goes", i), "v")
			}
			met, deleted, added := map[string]int{}, 0, 0
			for cursor, calls := uint64(0), 0; ; calls++ {
				cursor = d.Scan(cursor, 1+random.IntN(20), func(e *Entry) { met[e.Key()]++ })
				if cursor == 0 {
					break
				}
				if calls > 100_000 {
					t.Fatal("the scan does not end")
				}
				for range churn {
					put(d, fmt.Sprint("new", added), "v")
					added++
				}
				for range -churn {
					if e := d.Peek([]byte(fmt.Sprint("goes", deleted))); e != nil {
						d.Remove(e)
						deleted++
					}
				}
				if added > 30_000 {
					churn = 0 // so that the scan ends
				}
			}
			for i := range size {
				if met[fmt.Sprint("stays", i)] == 0 {
					t.Fatalf("%d keys, churn %d: key %d was not met", size, churn, i)
				}
			}
		}
	}
}

func TestScanLeavesOutTheExpired(t *testing.T) {
	s := newSpace(t)
	d := s.DB(0)
	for i := range 100 {
		e := put(d, fmt.Sprint(i), "v")
		if i%2 == 0 {
			d.SetExpiry(e, s.Now()+10)
		}
	}
	s.SetNow(s.Now() + 10)
	n := 0
	d.Scan(0, 1000, func(*Entry) { n++ })
	if n != 50 {
		t.Errorf("met %d keys, want the 50 that have not expired", n)
	}
	n = 0
	d.Each(func(*Entry) bool { n++; return n < 7 })
	if n != 7 {
		t.Errorf("met %d keys, want 7", n)
	}
}

// TestScanOfASparseTable checks that a call is bounded when nearly all buckets are
// empty.
func TestScanOfASparseTable(t *testing.T) {
	s := newSpace(t)
	d := s.DB(0)
	d.dict.buckets = make([]*node, 1<<16)
	put(d, "k", "v")
	visits := 0
	none := func(*Entry) {}
	for cursor := d.Scan(0, 10, none); cursor != 0; cursor = d.Scan(cursor, 10, none) {
		visits++
	}
	if visits < 1<<16/100-10 {
		t.Errorf("a scan of 65536 buckets took %d calls of 100 buckets", visits)
	}
}

func TestRandomReachesEveryKey(t *testing.T) {
	s := newSpace(t)
	d := s.DB(0)
	if d.Random() != nil {
		t.Fatal("an empty database has a random key")
	}
	for i := range 50 {
		put(d, fmt.Sprint(i), "v")
	}
	for i := range 10 {
		d.SetExpiry(put(d, fmt.Sprint("old", i), "v"), s.Now()+10)
	}
	s.SetNow(s.Now() + 10)
	met := map[string]int{}
	for range 5000 {
		met[d.Random().Key()]++
	}
	if len(met) != 50 {
		t.Errorf("met %d keys, want all 50", len(met))
	}
	for i := 50; d.dict.prev == nil; i++ {
		put(d, fmt.Sprint(i), "v")
	}
	clear(met)
	for range 5000 {
		met[d.Random().Key()]++
	}
	if len(met) != d.Len() {
		t.Errorf("met %d keys during a resize, want all %d", len(met), d.Len())
	}
}

// TestElementsBeginWithTheirNode checks the layout that table relies on.
func TestElementsBeginWithTheirNode(t *testing.T) {
	for _, offset := range []uintptr{
		unsafe.Offsetof(Entry{}.node), unsafe.Offsetof(watchedKey{}.node), unsafe.Offsetof(awaitedKey{}.node),
	} {
		if offset != 0 {
			t.Error("an element does not begin with its node")
		}
	}
}

// TestShrinking deletes all keys but two and checks that the table is never sparse,
// so that a random key and a scan are cheap.
func TestShrinking(t *testing.T) {
	const n = 200_000
	s := newSpace(t)
	d := s.DB(0)
	for i := range n {
		put(d, fmt.Sprint(i), "v")
	}
	for i := range n - 2 {
		d.Remove(d.Peek([]byte(fmt.Sprint(i))))
		buckets := len(d.dict.buckets) + len(d.dict.prev) - d.dict.moved
		if most := 2*smallestDict + 16*d.Len(); buckets > most {
			t.Fatalf("%d keys are in %d buckets, want at most %d", d.Len(), buckets, most)
		}
	}
	if len(d.dict.buckets) > 16 || d.dict.prev != nil {
		t.Errorf("two keys are in %d buckets", len(d.dict.buckets))
	}
	if cursor := d.Scan(0, 10, func(*Entry) {}); cursor != 0 {
		t.Error("a scan of two keys takes more than a call")
	}
	checkMemory(t, s)
}

// TestRehash finishes a resize without further changes of the keys.
func TestRehash(t *testing.T) {
	s := newSpace(t)
	d := s.DB(1)
	for i := range 1025 {
		put(d, fmt.Sprint(i), "v")
	}
	if d.dict.prev == nil {
		t.Fatal("no resize is in progress")
	}
	calls := 1
	for s.Rehash(100) {
		calls++
	}
	if d.dict.prev != nil || calls < 9 || calls > 11 {
		t.Errorf("the resize of 1024 buckets took %d calls with 100", calls)
	}
	for i := range 1025 {
		if d.Peek([]byte(fmt.Sprint(i))) == nil {
			t.Fatalf("key %d is gone", i)
		}
	}
}
