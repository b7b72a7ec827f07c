package command

import (
	"time"

	"mini-redis/internal/resp"
)

// The active expiry: how often it runs, how soon again when it found much to
// do, and how many keys it looks at in one go, which bounds the time that the
// execution lock is held for it.
const (
	expireEvery = 100 * time.Millisecond
	expireSoon  = time.Millisecond
	expireKeys  = 1000
)

// NextDeadline is the monotonic time at which Cron has something to do, 0 when
// there is no such time yet.
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

// Cron does what is due: it ends the requests that have waited long enough, and
// from time to time removes expired keys that nobody asks for. The server calls
// it with the execution lock held, about ten times a second and when
// NextDeadline has come.
func (e *Engine) Cron() {
	now := e.cfg.Clock.Mono()
	e.tick = now
	e.setClock()
	for len(e.waiting.deadlines) > 0 && e.waiting.deadlines[0].deadline <= now {
		w := e.waiting.deadlines[0]
		out := resp.Writer{Proto: w.session.Proto}
		w.empty(&out)
		e.release(w, now, out.Buf)
	}
	if e.pause.until != 0 && now >= e.pause.until {
		e.pause.end()
		e.resumeAll()
	}
	if now >= e.expireAt {
		e.expireMore = e.space.Expire(expireKeys)
		e.expireAt = now + int64(expireEvery)
		if e.expireMore {
			e.expireAt = now + int64(expireSoon)
		}
	}
}
