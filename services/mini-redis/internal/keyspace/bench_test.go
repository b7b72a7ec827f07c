package keyspace

import (
	"fmt"
	"runtime"
	"testing"
	"time"
)

// benchKeys is the number of keys of a benchmark: large enough that a lookup
// misses the processor's caches.
const benchKeys = 1 << 20

var benchValue = []byte("a value of 64 bytes that is not a number, as in many benchmarks.")

// benchKey writes the key of number i to buf.
func benchKey(buf []byte, i uint32) []byte {
	buf = append(buf[:0], "key:000000000000"...)
	for at := len(buf) - 1; i > 0; at, i = at-1, i/10 {
		buf[at] = byte('0' + i%10)
	}
	return buf
}

// shuffled maps the numbers below benchKeys to each other in a fixed order that
// has no locality.
func shuffled(i int) uint32 { return uint32(i) * 2654435761 % benchKeys }

func filled(b *testing.B, f func(d *DB, key []byte)) *DB {
	s := newSpace(b)
	d := s.DB(0)
	buf := make([]byte, 0, 32)
	for i := range benchKeys {
		buf = benchKey(buf, shuffled(i))
		f(d, buf)
	}
	return d
}

func filledWithText(b *testing.B) *DB {
	return filled(b, func(d *DB, key []byte) { addBytes(d, key, benchValue) })
}

// measure runs f with shuffled keys.
func measure(b *testing.B, f func(key []byte)) {
	buf := make([]byte, 0, 32)
	runtime.GC()
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		buf = benchKey(buf, shuffled(i*7))
		i++
		f(buf)
	}
}

func BenchmarkRead(b *testing.B) {
	d := filledWithText(b)
	n := 0
	measure(b, func(key []byte) { n += len(d.Read(key).Text()) })
}

func BenchmarkPeekMiss(b *testing.B) {
	d := filledWithText(b)
	measure(b, func(key []byte) {
		key[0] = 'x'
		if d.Peek(key) != nil {
			b.Fatal("the key exists")
		}
	})
}

func BenchmarkSetSameSize(b *testing.B) {
	d := filledWithText(b)
	measure(b, func(key []byte) {
		e := d.Edit(key)
		d.Persist(e)
		d.SetBytes(e, benchValue)
	})
}

func BenchmarkSetNew(b *testing.B) {
	s := newSpace(b)
	d := s.DB(0)
	measure(b, func(key []byte) {
		if d.Edit(key) != nil {
			d.Flush()
		}
		addBytes(d, key, benchValue)
	})
}

func BenchmarkIncrement(b *testing.B) {
	d := filled(b, func(d *DB, key []byte) { addBytes(d, key, []byte("1")) })
	measure(b, func(key []byte) {
		e := d.Edit(key)
		n, _ := e.Int()
		d.SetInt(e, n+1)
	})
}

func BenchmarkAddRemove(b *testing.B) {
	d := filledWithText(b)
	measure(b, func(key []byte) {
		d.Remove(d.Edit(key))
		addBytes(d, key, benchValue)
	})
}

// BenchmarkHot measures the instructions: everything is in the processor's caches.
func BenchmarkHot(b *testing.B) {
	d := newSpace(b).DB(0)
	key, number := []byte("key:000000000001"), []byte("n")
	addBytes(d, key, benchValue)
	addBytes(d, number, []byte("1"))
	for _, c := range []struct {
		name string
		f    func()
	}{
		{"Read", func() { d.Read(key).Text() }},
		{"SetSameSize", func() { e := d.Edit(key); d.Persist(e); d.SetBytes(e, benchValue) }},
		{"Increment", func() { e := d.Edit(number); n, _ := e.Int(); d.SetInt(e, n+1) }},
		{"AppendText", func() { var tmp [20]byte; d.Read(number).AppendText(tmp[:0]) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				c.f()
			}
		})
	}
}

// BenchmarkListKey is LPUSH and LPOP of a list that has one element at most.
func BenchmarkListKey(b *testing.B) {
	d := newSpace(b).DB(0)
	measure(b, func([]byte) {
		key := []byte("mylist")
		l := NewList()
		e := d.Add(key, KindList, l)
		l.PushFront(benchValue[:16])
		d.Changed(e)
		l.PopFront()
		d.Remove(d.Edit(key))
	})
}

func BenchmarkListPushPop(b *testing.B) {
	d := filled(b, func(d *DB, key []byte) {
		l := NewList()
		e := d.Add(key, KindList, l)
		l.PushFront(benchValue[:10])
		d.Changed(e)
	})
	measure(b, func(key []byte) {
		e := d.Edit(key)
		l := e.Value().(*List)
		l.PushFront(benchValue[:10])
		d.Changed(e)
		l.PopBack()
		d.Changed(e)
	})
}

func BenchmarkExpiringRead(b *testing.B) {
	d := filled(b, func(d *DB, key []byte) { d.SetExpiry(addBytes(d, key, benchValue), 1<<50) })
	measure(b, func(key []byte) { d.Read(key) })
}

func BenchmarkAs(b *testing.B) {
	d := newSpace(b).DB(0)
	e := d.Add([]byte("k"), KindList, NewList())
	n := 0
	for b.Loop() {
		if l, ok := As[*List](e); ok {
			n += l.Len()
		}
	}
}

// BenchmarkWatchManyKeys is a client that watches 1 M keys and then none.
func BenchmarkWatchManyKeys(b *testing.B) {
	d := filledWithText(b)
	for b.Loop() {
		var w Watcher
		buf := make([]byte, 0, 32)
		for i := range uint32(benchKeys) {
			buf = benchKey(buf, i)
			d.Watch(buf, &w)
		}
		w.Release()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchKeys, "ns/key")
}

// BenchmarkWatchPopularKey is one client of 10,000 that watch the same key.
func BenchmarkWatchPopularKey(b *testing.B) {
	d := newSpace(b).DB(0)
	key := []byte("k")
	watchers := make([]Watcher, 10_000)
	for i := range watchers {
		d.Watch(key, &watchers[i])
	}
	i := 0
	for b.Loop() {
		w := &watchers[i%len(watchers)]
		i++
		w.Release()
		d.Watch(key, w)
	}
}

// sparse returns a database from which all but two of many keys were deleted.
func sparse(b *testing.B) *DB {
	d := filledWithText(b)
	for i := range uint32(benchKeys - 2) {
		d.Remove(d.Peek(benchKey(nil, i)))
	}
	return d
}

func BenchmarkRandomAfterDeletions(b *testing.B) {
	d := sparse(b)
	for b.Loop() {
		d.Random()
	}
}

func BenchmarkScanAfterDeletions(b *testing.B) {
	d := sparse(b)
	calls := 0
	for b.Loop() {
		for cursor := uint64(0); ; {
			calls++
			if cursor = d.Scan(cursor, 10, func(*Entry) {}); cursor == 0 {
				break
			}
		}
	}
	b.ReportMetric(float64(calls)/float64(b.N), "calls/op")
}

// benchmarkResident reports the heap that a key takes after garbage collection,
// hash table included, beside the server's own estimate.
func benchmarkResident(b *testing.B, keys int, add func(d *DB, key []byte)) {
	for range b.N {
		s := newSpace(b)
		d := s.DB(0)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&before)
		buf := make([]byte, 0, 32)
		start := time.Now()
		for i := range keys {
			buf = benchKey(buf, uint32(i))
			add(d, buf)
		}
		took := time.Since(start)
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(keys), "heap-B/key")
		b.ReportMetric(float64(after.HeapInuse-before.HeapInuse)/float64(keys), "inuse-B/key")
		b.ReportMetric(float64(s.Memory())/float64(keys), "estimate-B/key")
		b.ReportMetric(float64(took.Nanoseconds())/float64(keys), "ns/key")
		runtime.KeepAlive(d)
	}
}

func BenchmarkResidentStrings(b *testing.B) {
	benchmarkResident(b, 950_000, func(d *DB, key []byte) { addBytes(d, key, benchValue) })
}

func BenchmarkResidentLists(b *testing.B) {
	benchmarkResident(b, 632_000, func(d *DB, key []byte) {
		l := NewList()
		e := d.Add(key, KindList, l)
		l.PushBack(fmt.Append(nil, "element"))
		d.Changed(e)
	})
}

func addBytes(d *DB, key, v []byte) *Entry { return d.AddBytes(key, v) }
