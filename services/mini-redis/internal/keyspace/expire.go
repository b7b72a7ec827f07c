package keyspace

// SetExpiry gives a key a time to die, in unix milliseconds.
func (d *DB) SetExpiry(e *Entry, at int64) {
	if e.slot < 0 {
		e.slot = int32(len(d.expiring))
		d.expiring = append(d.expiring, e)
	}
	e.expire = at
	d.touched(e.key)
}

// Persist makes a key stay, and reports whether it had an expiry.
func (d *DB) Persist(e *Entry) bool {
	if e.slot < 0 {
		return false
	}
	last := d.expiring[len(d.expiring)-1]
	d.expiring[e.slot], last.slot = last, e.slot
	d.expiring[len(d.expiring)-1] = nil
	d.expiring = d.expiring[:len(d.expiring)-1]
	e.slot, e.expire = -1, 0
	return true
}

// expired reports whether the entry's expiration time has passed.
func (d *DB) expired(e *Entry) bool {
	return e.slot >= 0 && e.expire <= d.space.now && !d.space.Loading
}

// expire deletes an entry whose time has come.
func (d *DB) expire(e *Entry) {
	if d.space.OnExpire != nil {
		d.space.OnExpire(d, e.key)
	}
	d.space.stats.Expired++
	d.Remove(e)
}

// expireSample is how many keys one step of the active expiry looks at.
const expireSample = 20

// Expire looks for keys whose time has come and that nobody asks for, and
// deletes them: steps of a few keys in each database in turn, for at most budget
// keys in all. more reports whether it found so many that it is worth to go on
// soon. Every key with an expiry is looked at once before any is again.
func (s *Space) Expire(budget int) (more bool) {
	if s.Loading {
		return false
	}
	for range len(s.dbs) {
		d := s.dbs[s.cursor]
		for {
			looked, gone := d.expireStep(min(expireSample, budget))
			budget -= looked
			if stale := looked > 0 && gone*4 >= looked; !stale {
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

// expireStep looks at n keys, from where the last step ended.
func (d *DB) expireStep(n int) (looked, gone int) {
	for range min(n, len(d.expiring)) {
		if d.sweep >= len(d.expiring) {
			d.sweep = 0
		}
		e := d.expiring[d.sweep]
		looked++
		if e.expire > d.space.now {
			d.sweep++
			continue
		}
		gone++
		d.expire(e) // the last entry takes its place and is looked at next
		if len(d.expiring) == 0 {
			break
		}
	}
	return looked, gone
}
