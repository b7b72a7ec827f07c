package keyspace

import (
	"fmt"
	"testing"
	"time"
)

func TestWatch(t *testing.T) {
	s := newSpace(t)
	d := s.DB(0)
	changes := func(what string, want bool, do func()) {
		t.Helper()
		var w Watcher
		d.Watch([]byte("k"), &w)
		do()
		if got := w.Changed(); got != want {
			t.Errorf("%s: changed is %v", what, got)
		}
		w.Release()
		if w.Changed() || w.Len() != 0 {
			t.Errorf("%s: changed is %v and %d keys are watched after Release", what, w.Changed(), w.Len())
		}
	}
	k := func() *Entry { return d.Peek([]byte("k")) }
	changes("a read", false, func() { d.Read([]byte("k")) })
	changes("another key", false, func() { put(d, "other", "v") })
	changes("another database", false, func() { put(s.DB(1), "k", "v") })
	changes("a creation", true, func() { put(d, "k", "v") })
	changes("a new value", true, func() { put(d, "k", "v") })
	changes("an expiry", true, func() { d.SetExpiry(k(), s.Now()+10) })
	changes("being expired", true, func() { s.SetNow(s.Now() + 10); k() })
	changes("a flush without the key", false, d.Flush)
	put(d, "k", "v")
	changes("a flush with the key", true, d.Flush)
	put(d, "other", "v")
	changes("a rename onto it", true, func() { d.Rename(d.Peek([]byte("other")), []byte("k")) })
	changes("a rename of it", true, func() { d.Rename(k(), []byte("other")) })
	if n := d.watchedKeys(); n != 0 {
		t.Errorf("%d keys are still watched", n)
	}
}

// TestWatchOfExpiredKeys covers keys that expire before and after WATCH.
func TestWatchOfExpiredKeys(t *testing.T) {
	s := newSpace(t)
	d := s.DB(0)
	d.SetExpiry(put(d, "before", "v"), s.Now()+10)
	d.SetExpiry(put(d, "after", "v"), s.Now()+20)
	put(d, "stays", "v")
	s.SetNow(s.Now() + 10)
	var w Watcher
	for _, key := range []string{"before", "after", "stays", "absent", "after"} {
		d.Watch([]byte(key), &w)
	}
	if w.Len() != 4 || w.Expired() || w.Changed() {
		t.Fatalf("%d keys, expired %v, changed %v; want 4, false, false",
			w.Len(), w.Expired(), w.Changed())
	}
	s.SetNow(s.Now() + 10)
	if !w.Expired() || w.Changed() {
		t.Errorf("expired %v, changed %v; want true, false before the deletion", w.Expired(), w.Changed())
	}
	d.Peek([]byte("after"))
	if w.Expired() || !w.Changed() {
		t.Errorf("expired %v, changed %v; want false, true after the deletion", w.Expired(), w.Changed())
	}
}

// TestManyWatchers checks that Watch is idempotent and that Release does not affect
// other watchers, for short and long lists on both sides.
func TestManyWatchers(t *testing.T) {
	s := newSpace(t)
	d := s.DB(0)
	for _, size := range []struct{ watchers, keys int }{{1, 1}, {1, 100}, {100, 1}, {20, 20}} {
		watchers := make([]Watcher, size.watchers)
		for range 2 {
			for i := range watchers {
				for k := range size.keys {
					d.Watch([]byte(fmt.Sprint(k)), &watchers[i])
				}
			}
		}
		for i := range watchers {
			if watchers[i].Len() != size.keys {
				t.Fatalf("%+v: %d keys are watched", size, watchers[i].Len())
			}
		}
		for i := range watchers {
			if i%2 == 0 {
				watchers[i].Release()
			}
		}
		put(d, fmt.Sprint(size.keys-1), "v")
		for i := range watchers {
			if got := watchers[i].Changed(); got != (i%2 == 1) {
				t.Fatalf("%+v: watcher %d has changed %v", size, i, got)
			}
			watchers[i].Release()
		}
		if n := d.watchedKeys(); n != 0 {
			t.Fatalf("%+v: %d keys are still watched", size, n)
		}
	}
}

// TestWatchIsFast checks that Watch and Release take constant time per key. The
// limit is generous: quadratic time would take minutes.
func TestWatchIsFast(t *testing.T) {
	s := newSpace(t)
	d := s.DB(0)
	start := time.Now()
	var many Watcher
	for i := range 200_000 {
		d.Watch(fmt.Appendf(nil, "key %d", i), &many)
	}
	many.Release()
	watchers := make([]Watcher, 50_000)
	for i := range watchers {
		d.Watch([]byte("k"), &watchers[i])
	}
	for i := range watchers {
		watchers[i].Release()
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
}

// watchedKeys returns the number of keys that have watchers.
func (d *DB) watchedKeys() int { return d.watched.count }
