package engine

import "time"

// The active expiry: how often it runs, how soon again if it has found many expired
// keys, and how many keys it looks at. The last one bounds the time that the
// execution lock is held.
const (
	expireInterval = 100 * time.Millisecond
	expireSoon     = time.Millisecond
	expireKeys     = 1000
)

// rehashBuckets is the number of buckets that a run of the housekeeping moves in hash
// tables that are being resized.
const rehashBuckets = 4096

// NextDeadline returns the monotonic time at which Cron has something to do, 0 if
// there is none.
func (e *Engine) NextDeadline() int64 {
	at := int64(0)
	if len(e.waiting.deadlines) > 0 {
		at = e.waiting.deadlines[0].deadline
	}
	if e.pause.until != 0 && (at == 0 || e.pause.until < at) {
		at = e.pause.until
	}
	if e.expireMore && (at == 0 || e.expireAt < at) {
		at = e.expireAt
	}
	return at
}

// Cron does what is due: it ends requests whose timeout has passed and pauses, deletes
// expired keys that no command reads, and continues resizes of hash tables. The server
// calls it under the execution lock, about ten times a second and at NextDeadline.
func (e *Engine) Cron() {
	now := e.cfg.Clock.Mono()
	e.tick = now
	e.setClock()
	e.expireWaiters(now)
	if e.pause.until != 0 && now >= e.pause.until {
		e.pause.end()
		e.resumeAll()
	}
	if now >= e.expireAt {
		e.expireMore = e.space.Expire(expireKeys)
		e.expireMore = e.space.Rehash(rehashBuckets) || e.expireMore
		e.expireAt = now + int64(expireInterval)
		if e.expireMore {
			e.expireAt = now + int64(expireSoon)
		}
	}
	e.endUnit()
}
