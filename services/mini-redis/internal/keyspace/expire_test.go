package keyspace

import (
	"fmt"
	"testing"
)

func TestExpiryIsLazy(t *testing.T) {
	s := newSpace(t)
	d := s.DB(0)
	d.SetExpiry(put(d, "k", "v"), s.Now()+10)
	s.SetNow(s.Now() + 9)
	if d.Peek([]byte("k")) == nil {
		t.Fatal("the key has expired 1 ms early")
	}
	s.SetNow(s.Now() + 1)
	if d.Peek([]byte("k")) != nil || d.Len() != 0 {
		t.Fatal("the expired key exists")
	}
	if s.Stats().Expired != 1 {
		t.Errorf("%d expired, want 1", s.Stats().Expired)
	}
}

func TestPersist(t *testing.T) {
	s := newSpace(t)
	d := s.DB(0)
	var entries []*Entry
	for i := range 10 {
		e := put(d, fmt.Sprint(i), "v")
		d.SetExpiry(e, s.Now()+int64(i))
		entries = append(entries, e)
	}
	for _, i := range []int{3, 0, 9, 5} {
		if !d.Persist(entries[i]) || d.Persist(entries[i]) {
			t.Fatalf("Persist of key %d does not report the expiry exactly once", i)
		}
	}
	s.SetNow(s.Now() + 100)
	for s.Expire(100) {
	}
	if d.Len() != 4 || d.Expiring() != 0 {
		t.Fatalf("%d keys and %d expiries are left, want 4 and 0", d.Len(), d.Expiring())
	}
}

// TestActiveExpiry checks that the active expiry deletes every expired key, a
// bounded number per call.
func TestActiveExpiry(t *testing.T) {
	s := newSpace(t)
	for i := range 10_000 {
		d := s.DB(i % 2)
		e := put(d, fmt.Sprint(i), "v")
		if i%10 < 4 {
			d.SetExpiry(e, s.Now()+10)
		} else if i%10 < 8 {
			d.SetExpiry(e, s.Now()+1_000_000)
		}
	}
	s.SetNow(s.Now() + 10)
	before := s.DB(0).Len() + s.DB(1).Len()
	if !s.Expire(100) {
		t.Error("Expire does not report that many keys have expired")
	}
	if deleted := before - s.DB(0).Len() - s.DB(1).Len(); deleted == 0 || deleted > 100 {
		t.Errorf("deleted %d keys with a budget of 100", deleted)
	}
	calls := 0
	for s.Expire(100) {
		calls++
	}
	for range 1000 { // the rest, of which less than a quarter has expired
		s.Expire(100)
	}
	if left := s.DB(0).Len() + s.DB(1).Len(); left != 6000 {
		t.Errorf("%d keys are left, want the 6000 that have not expired", left)
	}
	if calls == 0 || calls > 1000 {
		t.Errorf("%d calls reported more work", calls)
	}
	checkMemory(t, s)
	if s.Expire(100) {
		t.Error("Expire reports more work although no key has expired")
	}
}

func TestAverageTTL(t *testing.T) {
	s := newSpace(t)
	d := s.DB(0)
	if d.AverageTTL() != 0 {
		t.Error("there is an average without keys")
	}
	for i := range 10 {
		d.SetExpiry(put(d, fmt.Sprint(i), "v"), s.Now()+int64(i)*100)
	}
	if got := d.AverageTTL().Milliseconds(); got != 450 {
		t.Errorf("average %d ms, want 450", got)
	}
}
