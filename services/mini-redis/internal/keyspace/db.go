package keyspace

import "time"

// DB is one numbered database.
type DB struct {
	Index int

	space    *Space
	dict     table[Entry]
	expiring []*Entry // the entries that have an expiry, in no order; see Entry.slot
	sweep    int      // where in expiring the active expiry goes on
	used     int64    // memory of the entries, bytes
	watched  table[watchedKey]
	awaited  table[awaitedKey]
}

// Len is the number of keys. It includes keys that have expired and have not been
// deleted yet.
func (d *DB) Len() int { return d.dict.count }

// Expiring is the number of keys that have an expiry.
func (d *DB) Expiring() int { return len(d.expiring) }

// memory estimates the bytes that the database takes.
func (d *DB) memory() int64 {
	return d.used + int64(d.dict.size()+pointersSize(cap(d.expiring)))
}

// Read returns the entry of a key for a command that reads its value: it counts a
// hit or a miss and updates the access time. It returns nil if there is no such
// key.
func (d *DB) Read(key []byte) *Entry {
	e := d.Edit(key)
	d.countLookup(e)
	return e
}

// Look returns the entry of a key for a command that asks about it: it counts a
// hit or a miss but does not update the access time.
func (d *DB) Look(key []byte) *Entry {
	e := d.Peek(key)
	d.countLookup(e)
	return e
}

func (d *DB) countLookup(e *Entry) {
	if e == nil {
		d.space.stats.Misses++
	} else {
		d.space.stats.Hits++
	}
}

// Edit returns the entry of a key for a command that changes its value: it
// updates the access time.
func (d *DB) Edit(key []byte) *Entry {
	e := d.Peek(key)
	if e != nil && !d.space.NoTouch {
		e.access = d.space.access
	}
	return e
}

// Peek returns the entry of a key without updating its access time or the hit
// counters. It deletes the entry if it has expired.
func (d *DB) Peek(key []byte) *Entry {
	e := d.dict.find(key, hashOf(key))
	if e != nil && d.expired(e) {
		d.expire(e)
		return nil
	}
	return e
}

// Add makes an empty value of a kind under a key that is absent. value is nil
// for a string. The caller then sets the contents, by SetBytes or SetInt or by
// changing value and calling Changed.
func (d *DB) Add(key []byte, kind Kind, value Value) *Entry {
	e := d.newEntry(key, 0)
	e.setValue(kind, value)
	if kind != KindString {
		e.setAccounted(0)
	}
	d.insert(e)
	return e
}

// AddBytes adds a string under a key that is absent. It is Add and SetBytes in
// one step.
func (d *DB) AddBytes(key, v []byte) *Entry {
	var e *Entry
	if n, ok := CanonicalInt(v); ok {
		e = d.newEntry(key, intSize)
		e.setInt(n)
	} else if len(v) <= embedMost {
		e = d.newEntry(key, len(v))
		e.setEmbedded(v)
	} else {
		e = d.newEntry(key, 0)
		e.setLarge(append([]byte(nil), v...))
	}
	d.insert(e)
	d.touched(&e.node)
	return e
}

// newEntry makes an entry whose value is an empty string, with room for n bytes.
func (d *DB) newEntry(key []byte, n int) *Entry {
	e := &Entry{slot: -1, access: d.space.access}
	e.setRoom(e.setKey(key, hashOf(key), n))
	return e
}

func (d *DB) insert(e *Entry) {
	d.dict.insert(e)
	d.used += e.size()
}

// Remove deletes an entry.
func (d *DB) Remove(e *Entry) {
	d.Persist(e)
	d.dict.remove(e)
	d.used -= e.size()
	d.touched(&e.node)
}

// Changed must follow every change of a value that is not a string: it accounts
// for the value's memory and notifies those who watch the key or wait for it.
func (d *DB) Changed(e *Entry) {
	if e.kind != KindString {
		size := int64(e.Value().Size())
		d.used += size - e.accounted()
		e.setAccounted(size)
		if d.awaited.count > 0 {
			d.announce(&e.node)
		}
	}
	d.touched(&e.node)
}

// Touch notifies those who watch the key that its expiry has changed.
func (d *DB) Touch(e *Entry) { d.touched(&e.node) }

// Rename gives an entry another key and replaces the entry that has it now. The
// expiry goes with the entry.
func (d *DB) Rename(e *Entry, key []byte) {
	if e.Key() == string(key) {
		return
	}
	if other := d.Peek(key); other != nil {
		d.Remove(other)
	}
	d.dict.remove(e)
	d.touched(&e.node)
	d.used -= e.size()
	e.rebuild(string(key), 0)
	e.hash = hashOf(key)
	d.insert(e)
	d.Changed(e)
}

// touched counts a change and notifies the watchers of the key.
func (d *DB) touched(n *node) {
	d.space.stats.Changes++
	if d.watched.count > 0 {
		d.notify(n)
	}
}

func (d *DB) notify(n *node) {
	if w := d.watched.find(bytesOf(n.Key()), n.hash); w != nil {
		w.changed()
	}
}

// Flush deletes every key in constant time: the garbage collector frees the
// memory. Only the keys that are watched are looked up.
func (d *DB) Flush() {
	d.watched.each(func(w *watchedKey) bool {
		if d.dict.find(bytesOf(w.Key()), w.hash) != nil {
			w.changed()
		}
		return true
	})
	d.space.stats.Changes += int64(d.dict.count)
	d.used = 0
	d.dict = table[Entry]{}
	d.expiring, d.sweep = nil, 0
}

// Random returns an entry that has not expired, each about as likely; nil if
// there is none.
func (d *DB) Random() *Entry {
	for {
		e := d.dict.random(d.space.random)
		if e == nil || !d.expired(e) {
			return e
		}
		d.expire(e)
	}
}

// Each calls f for every entry that has not expired until f returns false. f
// must not add or remove keys.
func (d *DB) Each(f func(*Entry) bool) {
	d.dict.each(func(e *Entry) bool { return d.expired(e) || f(e) })
}

// Scan calls f for the keys of a part of the database and returns the cursor of
// the next part, 0 at the end. It begins at cursor, 0 for the start, and ends
// after count keys or, in a sparse database, after 10 * count buckets. It deletes
// the expired keys that it meets. A key that exists from the start of a scan to
// its end is met at least once, whatever else is added and removed. f must not
// add or remove keys.
func (d *DB) Scan(cursor uint64, count int, f func(*Entry)) uint64 {
	seen := 0
	var expired []*Entry
	for range int64(count) * 10 {
		cursor = d.dict.scan(cursor, func(e *Entry) {
			seen++
			if d.expired(e) {
				expired = append(expired, e)
			} else {
				f(e)
			}
		})
		if cursor == 0 || seen >= count {
			break
		}
	}
	for _, e := range expired {
		d.expire(e)
	}
	return cursor
}

// AverageTTL estimates the average time to live of the keys that expire, from the
// first 100.
func (d *DB) AverageTTL() time.Duration {
	const sample = 100
	n := min(sample, len(d.expiring))
	if n == 0 {
		return 0
	}
	var sum int64
	for _, e := range d.expiring[:n] {
		at, _ := e.ExpireAt()
		sum += max(0, at-d.space.now)
	}
	return time.Duration(sum/int64(n)) * time.Millisecond
}
