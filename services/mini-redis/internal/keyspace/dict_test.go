package keyspace

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestScanMeetsEveryKey scans while the database grows and shrinks: a key that
// is there all the time is met, whatever happens meanwhile.
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
			met, gone, fresh := map[string]int{}, 0, 0
			for cursor, calls := uint64(0), 0; ; calls++ {
				cursor = d.Scan(cursor, 1+random.IntN(20), func(e *Entry) { met[e.Key()]++ })
				if cursor == 0 {
					break
				}
				if calls > 100_000 {
					t.Fatal("the scan does not end")
				}
				for range churn {
					put(d, fmt.Sprint("new", fresh), "v")
					fresh++
				}
				for range -churn {
					if e := d.Peek([]byte(fmt.Sprint("goes", gone))); e != nil {
						d.Remove(e)
						gone++
					}
				}
				if fresh > 30_000 {
					churn = 0 // let it come to an end
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
		t.Errorf("met %d keys, want the 50 that live", n)
	}
	n = 0
	d.Each(func(*Entry) bool { n++; return n < 7 })
	if n != 7 {
		t.Errorf("went on to %d after being told to stop at 7", n)
	}
}

// TestScanOfASparseTable is bounded even where nearly all places are empty.
func TestScanOfASparseTable(t *testing.T) {
	s := newSpace(t)
	d := s.DB(0)
	d.dict.table = make([]*Entry, 1<<16)
	put(d, "k", "v")
	visits := 0
	for cursor := d.Scan(0, 10, func(*Entry) {}); cursor != 0; cursor = d.Scan(cursor, 10, func(*Entry) {}) {
		visits++
	}
	if visits < 1<<16/100-10 {
		t.Errorf("a scan of 65536 places took %d calls of 100", visits)
	}
}

func TestRandomReachesEveryKey(t *testing.T) {
	s := newSpace(t)
	d := s.DB(0)
	if d.Random() != nil {
		t.Fatal("a key out of nothing")
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
}
