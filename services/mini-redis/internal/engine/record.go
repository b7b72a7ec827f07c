package engine

import (
	"mini-redis/internal/resp"
	"mini-redis/services/mini-redis/internal/keyspace"
)

// SetRecorder makes r consume the record of changes from now on; nil records nothing
// and costs nothing.
func (e *Engine) SetRecorder(r Recorder) {
	e.recorder = r
	e.space.OnExpire = nil
	if r != nil {
		e.space.OnExpire = e.recordExpiry
	}
}

// Recording reports whether changes are recorded.
func (c *Ctx) Recording() bool { return c.Engine.recorder != nil }

// Record records the canonical command that repeats a change which the command has
// made, in place of the request as the client sent it. A command whose effect
// depends on the time, on randomness or on what the key holds must call it, once for
// each change. name is in upper case; args must not change before the request ends.
func (c *Ctx) Record(name string, args ...[]byte) {
	if c.Engine.recorder == nil {
		return
	}
	c.recorded = true
	c.Engine.recordChange(c.DB.Index, name, args)
}

func (e *Engine) recordChange(db int, name string, args [][]byte) {
	if e.recorder == nil {
		return
	}
	e.changes = append(e.changes, Change{db, append([][]byte{[]byte(name)}, args...)})
}

// runRecorded runs a handler. If it has changed the data and recorded nothing
// itself, the request is recorded as it was sent.
func (e *Engine) runRecorded(c *Ctx) {
	changes, expired := e.space.Changes(), e.expired
	c.Spec.Handler(c)
	if c.recorded || !c.Spec.Has(Write) {
		return
	}
	if e.space.Changes()-changes != e.expired-expired {
		e.changes = append(e.changes, Change{c.DB.Index, c.Args})
	}
}

// recordExpiry records the deletion of a key that has expired.
func (e *Engine) recordExpiry(db *keyspace.DB, key string) {
	e.expired++
	e.recordChange(db.Index, "DEL", [][]byte{[]byte(key)})
}

// flushRecord passes the changes of a unit of execution to the recorder.
func (e *Engine) flushRecord() {
	if len(e.changes) == 0 {
		return
	}
	e.recorder.Record(e.changes)
	clear(e.changes)
	e.changes = e.changes[:0]
}

// Replay repeats changes of a record. No key expires meanwhile: the record holds its
// deletion. s is a session without a connection. It returns the error reply of the
// first change that fails, "" if all succeed. The memory limit does not apply.
func (e *Engine) Replay(s *Session, changes []Change) (failure string) {
	e.space.Loading = true
	for i := 0; i < len(changes) && failure == ""; i++ {
		failure = e.replayChange(s, &changes[i])
	}
	e.space.Loading = false
	e.endCall()
	return failure
}

func (e *Engine) replayChange(s *Session, change *Change) (failure string) {
	var w resp.Writer
	if change.DB < 0 || change.DB >= e.space.Len() {
		w.Error("ERR DB index is out of range")
		return string(w.Buf)
	}
	s.DB = change.DB
	e.callOrRefuse(s, change.Args, &w)
	if resp.ErrorCode(w.Buf) != "" {
		return string(w.Buf)
	}
	return ""
}
