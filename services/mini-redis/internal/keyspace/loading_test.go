package keyspace

import (
	"fmt"
	"slices"
	"testing"
)

// TestOnExpire checks that the hook is called before every deletion by expiry.
func TestOnExpire(t *testing.T) {
	s := newSpace(t)
	d := s.DB(0)
	var seen []string
	s.OnExpire = func(db *DB, key string) {
		if db != d || db.dict.find([]byte(key), hashOf([]byte(key))) == nil {
			t.Errorf("key %s has been deleted already", key)
		}
		seen = append(seen, key)
	}
	expires := func(what string, do func()) {
		t.Helper()
		seen = nil
		d.SetExpiry(put(d, "k", "v"), s.Now()+10)
		s.SetNow(s.Now() + 10)
		do()
		if !slices.Equal(seen, []string{"k"}) || d.Len() != 0 {
			t.Errorf("%s: the hook saw %q, %d keys are left", what, seen, d.Len())
		}
	}
	expires("a lookup", func() { d.Read([]byte("k")) })
	expires("a random key", func() { d.Random() })
	expires("a scan", func() { d.Scan(0, 100, func(*Entry) { t.Error("an expired key") }) })
	expires("the active expiry", func() { s.Expire(100) })
	seen = nil
	d.Remove(put(d, "k", "v"))
	put(d, "k", "v")
	d.Flush()
	if len(seen) > 0 {
		t.Errorf("the hook saw %q, which did not expire", seen)
	}
}

// TestLoading checks that expired keys stay visible while a log is replayed.
func TestLoading(t *testing.T) {
	s := newSpace(t)
	d := s.DB(0)
	for i := range 10 {
		d.SetExpiry(put(d, fmt.Sprint(i), "v"), s.Now()+10)
	}
	s.SetNow(s.Now() + 10)
	s.Loading = true
	n := 0
	d.Scan(0, 100, func(*Entry) { n++ })
	d.Each(func(*Entry) bool { n++; return true })
	if s.Expire(100) || d.Random() == nil || d.Peek([]byte("3")) == nil || n != 20 || d.Len() != 10 {
		t.Errorf("met %d keys, %d are left; want 20 and 10", n, d.Len())
	}
	s.Loading = false
	if d.Peek([]byte("3")) != nil || d.Len() != 9 {
		t.Error("an expired key is visible after the replay")
	}
}

func TestAs(t *testing.T) {
	s := newSpace(t)
	d := s.DB(0)
	list := d.Add([]byte("list"), KindList, NewList())
	if l, ok := As[*List](nil); l != nil || !ok {
		t.Errorf("an absent key: %v, %v; want nil, true", l, ok)
	}
	if l, ok := As[*List](list); l == nil || !ok || list.Encoding() != "listpack" {
		t.Errorf("a list: %v, %v, encoding %s", l, ok, list.Encoding())
	}
	if l, ok := As[*List](put(d, "string", "v")); l != nil || ok {
		t.Errorf("a string: %v, %v; want nil, false", l, ok)
	}
}
