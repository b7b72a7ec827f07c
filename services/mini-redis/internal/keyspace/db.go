package keyspace

import "time"

// DB is one numbered database.
type DB struct {
	Index int

	space    *Space
	dict     dict
	expiring []*Entry // the entries that have an expiry, in no order; see Entry.slot
	sweep    int      // where in expiring the active expiry goes on
	used     int64    // estimate of the memory that keys and values take, bytes
	watched  map[string]*watchedKey
	awaited  map[string]*awaited
}

// Len is the number of keys, those that have expired unnoticed included.
func (d *DB) Len() int { return d.dict.count }

// Expiring is the number of keys that have an expiry.
func (d *DB) Expiring() int { return len(d.expiring) }

// Read looks a key up for a command that reads its value: it counts as a hit or
// a miss, and as a use. It returns nil when there is no such key.
func (d *DB) Read(key []byte) *Entry {
	e := d.Edit(key)
	d.count(e)
	return e
}

// Look looks a key up for a command that asks about it: it counts as a hit or a
// miss, but not as a use.
func (d *DB) Look(key []byte) *Entry {
	e := d.Peek(key)
	d.count(e)
	return e
}

func (d *DB) count(e *Entry) {
	if e == nil {
		d.space.stats.Misses++
	} else {
		d.space.stats.Hits++
	}
}

// Edit looks a key up for a command that changes its value.
func (d *DB) Edit(key []byte) *Entry {
	e := d.Peek(key)
	if e != nil && !d.space.NoTouch {
		e.access = d.space.access
	}
	return e
}

// Peek looks a key up without a trace.
func (d *DB) Peek(key []byte) *Entry {
	e := d.dict.find(key, d.dict.hash(key))
	if e != nil && d.expired(e) {
		d.expire(e)
		return nil
	}
	return e
}

// Add makes an empty value of a kind under a key that is absent. value is nil
// for a string. The caller gives it its contents, by SetBytes or SetInt or by
// changing value and calling Changed.
func (d *DB) Add(key []byte, kind Kind, value Value) *Entry {
	e := &Entry{key: string(key), hash: d.dict.hash(key), slot: -1, access: d.space.access, kind: kind, value: value}
	d.dict.insert(e)
	d.used += e.size()
	return e
}

// AddBytes adds a string under a key that is absent. It is Add and SetBytes in
// one step.
func (d *DB) AddBytes(key, v []byte) *Entry {
	e := d.Add(key, KindString, nil)
	d.SetBytes(e, v)
	return e
}

// Remove deletes an entry.
func (d *DB) Remove(e *Entry) {
	d.drop(e)
	d.touched(e.key)
}

// drop takes an entry out of the tables.
func (d *DB) drop(e *Entry) {
	d.Persist(e)
	d.dict.remove(e)
	d.used -= e.size()
}

// Changed must follow every change of a value that is not a string: it accounts
// for its memory and tells those who watch the key or wait for it.
func (d *DB) Changed(e *Entry) {
	if e.kind != KindString {
		size := int64(e.value.Size())
		d.used += size - e.num
		e.num = size
		if len(d.awaited) > 0 {
			d.announce(e.key)
		}
	}
	d.touched(e.key)
}

// Touch tells those who watch the key that its expiry has changed.
func (d *DB) Touch(e *Entry) { d.touched(e.key) }

// Rename gives an entry another key, in place of what was there. The expiry goes
// with it.
func (d *DB) Rename(e *Entry, key []byte) {
	if e.key == string(key) {
		return
	}
	if other := d.Peek(key); other != nil {
		d.Remove(other)
	}
	d.dict.remove(e)
	d.touched(e.key)
	d.used += int64(len(key) - len(e.key))
	e.key, e.hash = string(key), d.dict.hash(key)
	d.dict.insert(e)
	d.Changed(e)
}

// touched tells those who watch a key that it has changed.
func (d *DB) touched(key string) {
	d.space.stats.Changes++
	if len(d.watched) == 0 {
		return
	}
	if w := d.watched[key]; w != nil {
		w.changed()
	}
}

// Flush deletes every key, in a time that does not depend on how many there are:
// their memory is the garbage collector's.
func (d *DB) Flush() {
	for key, w := range d.watched {
		if d.Peek([]byte(key)) != nil {
			w.changed()
		}
	}
	d.space.stats.Changes += int64(d.dict.count)
	d.used = 0
	seed := d.dict.seed
	d.dict = newDict()
	d.dict.seed = seed
	d.expiring, d.sweep = nil, 0
}

// Random returns an entry that has not expired, each about as likely; nil when
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
	d.dict.each(func(e *Entry) bool {
		if d.expired(e) {
			return true
		}
		return f(e)
	})
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
// first few.
func (d *DB) AverageTTL() time.Duration {
	const sample = 100
	n := min(sample, len(d.expiring))
	if n == 0 {
		return 0
	}
	var sum int64
	for _, e := range d.expiring[:n] {
		sum += max(0, e.expire-d.space.now)
	}
	return time.Duration(sum/int64(n)) * time.Millisecond
}
