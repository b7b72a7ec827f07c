// Package keyspace is the server's data: numbered databases of typed values
// that may expire.
//
// It does no I/O, takes no lock and has no telemetry. Calls must not overlap. The
// caller sets the time by [Space.SetNow]. What the package returns ([Entry], the
// bytes of a value) belongs to it and is valid until the next change.
package keyspace

import "math/rand/v2"

// Space is all databases of a server and what they share.
type Space struct {
	dbs    []*DB
	random func() uint64

	now    int64  // unix milliseconds
	access uint32 // now in seconds, for Entry.access

	// NoTouch keeps reads from counting as a use of the key (CLIENT NO-TOUCH).
	NoTouch bool

	// Loading keeps expired keys: while it is set, no lookup hides or deletes them
	// and the active expiry does nothing. It is for the replay of a log, which
	// contains the deletions.
	Loading bool

	// OnExpire, if set, is called just before a key is deleted because it has
	// expired. It must not change the keyspace.
	OnExpire func(d *DB, key string)

	stats  Stats
	cursor int // database in which the next active expiry begins
	ready  []Ready
}

// Stats are totals since the start. CONFIG RESETSTAT does not reset them, because
// metrics must not decrease.
type Stats struct {
	Hits, Misses int64 // lookups by commands that read
	Expired      int64 // keys deleted because they had expired
	Changes      int64 // modifications of any key
}

// New makes n empty databases. random feeds RANDOMKEY; nil means the runtime's
// generator.
func New(n int, random func() uint64) *Space {
	if random == nil {
		random = rand.Uint64
	}
	s := &Space{random: random}
	for i := range n {
		s.dbs = append(s.dbs, &DB{Index: i, space: s})
	}
	return s
}

// SetNow sets the time, in unix milliseconds.
func (s *Space) SetNow(ms int64) {
	s.now = ms
	s.access = uint32(ms / 1000)
}

// Now returns the time that SetNow has set.
func (s *Space) Now() int64 { return s.now }

// DB returns database i.
func (s *Space) DB(i int) *DB { return s.dbs[i] }

// Len is the number of databases.
func (s *Space) Len() int { return len(s.dbs) }

// Stats returns the totals.
func (s *Space) Stats() Stats { return s.stats }

// Changes returns Stats().Changes.
func (s *Space) Changes() int64 { return s.stats.Changes }

// Rehash moves up to that many buckets of each database whose hash table is being
// resized. It reports whether a resize is still in progress.
func (s *Space) Rehash(buckets int) (more bool) {
	for _, d := range s.dbs {
		if d.dict.rehash(buckets) {
			more = true
		}
	}
	return more
}

// Memory estimates the bytes that keys, values and hash tables take, as the
// allocator rounds them.
func (s *Space) Memory() int64 {
	var n int64
	for _, d := range s.dbs {
		n += d.memory()
	}
	return n
}

// Expiring is the number of keys that have an expiry, in all databases.
func (s *Space) Expiring() int {
	n := 0
	for _, d := range s.dbs {
		n += len(d.expiring)
	}
	return n
}

// Flush empties every database.
func (s *Space) Flush() {
	for _, d := range s.dbs {
		d.Flush()
	}
}
