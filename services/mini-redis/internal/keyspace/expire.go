package keyspace

import "encoding/binary"

// SetExpiry sets the key's expiration time, in unix milliseconds.
func (d *DB) SetExpiry(e *Entry, at int64) {
	if e.flags&flagTimed == 0 {
		before := e.size()
		e.flags |= flagTimed
		e.rebuild(e.Key(), 0)
		d.used += e.size() - before
	}
	if e.slot < 0 {
		e.slot = int32(len(d.expiring))
		d.expiring = append(d.expiring, e)
	}
	binary.NativeEndian.PutUint64(e.time()[:], uint64(at))
	d.touched(&e.node)
}

// Persist removes the key's expiration time and reports whether it had one.
func (d *DB) Persist(e *Entry) bool {
	if e.slot < 0 {
		return false
	}
	d.removeExpiry(e)
	return true
}

// removeExpiry takes an entry out of d.expiring.
func (d *DB) removeExpiry(e *Entry) {
	end := len(d.expiring) - 1
	last := d.expiring[end]
	d.expiring[e.slot], last.slot = last, e.slot
	d.expiring[end] = nil
	d.expiring = d.expiring[:end]
	e.slot = -1
	if free := cap(d.expiring); free > 64 && end < free/4 {
		d.expiring = append(make([]*Entry, 0, free/2), d.expiring...)
	}
}

// expired reports whether the entry's expiration time has passed.
func (d *DB) expired(e *Entry) bool {
	at, expires := e.ExpireAt()
	return expires && at <= d.space.now && !d.space.Loading
}

// expire deletes an entry that has expired.
func (d *DB) expire(e *Entry) {
	if d.space.OnExpire != nil {
		d.space.OnExpire(d, e.Key())
	}
	d.space.stats.Expired++
	d.Remove(e)
}

// expireSample is the number of keys that a step of the active expiry checks.
const expireSample = 20

// Expire is the active expiry: it deletes expired keys that no command looks up.
// It checks at most budget keys, in steps of 20 keys, in each database in turn.
// It stays in a database while a quarter of a step's keys have expired; more
// reports that the budget ended in such a database. It checks every key that has
// an expiry once before it checks one again.
func (s *Space) Expire(budget int) (more bool) {
	if s.Loading {
		return false
	}
	for range len(s.dbs) {
		d := s.dbs[s.cursor]
		for {
			checked, deleted := d.expireStep(min(expireSample, budget))
			budget -= checked
			if many := checked > 0 && deleted*4 >= checked; !many {
				break
			}
			if budget <= 0 {
				return true
			}
		}
		s.cursor = (s.cursor + 1) % len(s.dbs)
		if budget <= 0 {
			return false
		}
	}
	return false
}

// expireStep checks n keys, from where the last step ended.
func (d *DB) expireStep(n int) (checked, deleted int) {
	for range min(n, len(d.expiring)) {
		if d.sweep >= len(d.expiring) {
			d.sweep = 0
		}
		e := d.expiring[d.sweep]
		checked++
		if !d.expired(e) {
			d.sweep++
			continue
		}
		deleted++
		d.expire(e) // the last entry takes its place and is checked next
		if len(d.expiring) == 0 {
			break
		}
	}
	return checked, deleted
}
