package engine_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"mini-redis/internal/resp"
	"mini-redis/services/mini-redis/internal/engine"
)

// recorder keeps copies of the units of execution that it gets.
type recorder struct{ units [][]engine.Change }

func (r *recorder) Record(changes []engine.Change) {
	unit := make([]engine.Change, len(changes))
	for i, c := range changes {
		unit[i].DB = c.DB
		for _, arg := range c.Args {
			unit[i].Args = append(unit[i].Args, bytes.Clone(arg))
		}
	}
	r.units = append(r.units, unit)
}

// take returns the units since the last call as text: the units are separated by " | ",
// their changes by "; ", and a change outside of database 0 begins with its number.
func (r *recorder) take() string {
	var units []string
	for _, unit := range r.units {
		units = append(units, textOf(unit))
	}
	r.units = nil
	return strings.Join(units, " | ")
}

func textOf(unit []engine.Change) string {
	var changes []string
	for _, c := range unit {
		text := string(bytes.Join(c.Args, []byte(" ")))
		if c.DB != 0 {
			text = fmt.Sprintf("%d:%s", c.DB, text)
		}
		changes = append(changes, text)
	}
	return strings.Join(changes, "; ")
}

// TestCanonicalForms: a change is recorded as a command whose effect depends neither on
// the time nor on what the key holds.
func TestCanonicalForms(t *testing.T) {
	at := func(d time.Duration) string { return fmt.Sprint(epoch.Add(d).UnixMilli()) }
	f := func(want string, requests ...string) {
		t.Helper()
		h, r := newHarness(t), &recorder{}
		g := h.connect()
		for _, line := range requests[:len(requests)-1] {
			g.do(line)
		}
		h.engine.SetRecorder(r)
		reply := g.do(requests[len(requests)-1])
		if got := r.take(); got != want {
			t.Errorf("%s (%s):\n got %s\nwant %s", requests[len(requests)-1], reply, got, want)
		}
	}
	// As sent.
	f("SET k v", "SET k v")
	f("mset a 1 b 2", "mset a 1 b 2")
	f("INCR n", "INCR n")
	f("APPEND k x", "SET k v EX 10", "APPEND k x")
	f("RPUSH l a b", "RPUSH l a b")
	f("DEL a b", "SET a 1", "DEL a b")
	f("3:SET k v", "SELECT 3", "SET k v")
	f("FLUSHALL ASYNC", "SET k v", "FLUSHALL ASYNC")
	f("RENAME a b", "SET a 1", "RENAME a b")
	f("PERSIST k", "SET k v EX 10", "PERSIST k")
	// The condition has been met.
	f("SET k v", "SETNX k v")
	f("SET k v", "SET k v NX")
	f("SET k w", "SET k v", "SET k w XX GET")
	f("SET k w", "SET k v", "GETSET k w")
	f("MSET a 1 b 2", "MSETNX a 1 b 2")
	f("RENAME a b", "SET a 1", "RENAMENX a b")
	f("SET k w KEEPTTL", "SET k v EX 10", "SET k w KEEPTTL")
	// Times are absolute.
	f("SET k v PXAT "+at(10*time.Second), "SET k v EX 10")
	f("SET k v PXAT "+at(10*time.Millisecond), "SET k v PX 10")
	f("SET k v PXAT 4000000000000", "SET k v EXAT 4000000000")
	f("SET k v PXAT "+at(10*time.Second), "SETEX k 10 v")
	f("SET k v PXAT "+at(10*time.Millisecond), "PSETEX k 10 v")
	f("PEXPIREAT k "+at(10*time.Second), "SET k v", "EXPIRE k 10")
	f("PEXPIREAT k "+at(10*time.Millisecond), "SET k v", "PEXPIRE k 10 NX")
	f("PEXPIREAT k 4000000000000", "SET k v", "EXPIREAT k 4000000000")
	f("PEXPIREAT k "+at(10*time.Second), "SET k v", "GETEX k EX 10")
	f("PERSIST k", "SET k v EX 10", "GETEX k PERSIST")
	f("DEL k", "SET k v", "EXPIRE k -1")
	f("DEL k", "SET k v", "PEXPIREAT k 1")
	f("DEL k", "SET k v", "GETEX k PXAT 1")
	// What the client got is gone.
	f("DEL k", "SET k v", "GETDEL k")
	f("LPOP q", "RPUSH q a b", "BLPOP none q 0")
	f("RPOP q", "RPUSH q a b", "BRPOP q 0")
	// A result of floating-point arithmetic is recorded, not the operation.
	f("SET k 10.6 KEEPTTL", "SET k 10.5 EX 10", "INCRBYFLOAT k 0.1")
	// Nothing has changed.
	f("", "GET k")
	f("", "SET k v", "SET k w NX")
	f("", "SET k v", "SETNX k w")
	f("", "DEL none")
	f("", "GETEX none EX 10")
	f("", "SET k v", "GETEX k")
	f("", "SET k v", "GETEX k PERSIST")
	f("", "SET k v EX 10", "EXPIRE k 100 NX")
	f("", "SET k v", "INCRBYFLOAT k x")
	f("", "LPUSHX none a")
	f("", "RPUSH l a", "LREM l 0 b")
	f("", "FLUSHALL")
	f("", "FLUSHDB")
	f("", "BLPOP q 1")
}

// TestTransactionIsOneUnit: the changes of EXEC belong together, and the clients that it
// serves follow in units of their own.
func TestTransactionIsOneUnit(t *testing.T) {
	h, r := newHarness(t), &recorder{}
	h.engine.SetRecorder(r)
	g, first, second := h.connect(), h.connect(), h.connect()
	first.do("BLPOP q 0")
	second.do("BRPOP other q 0")
	for _, line := range []string{"MULTI", "SET a 1", "SELECT 2", "SET b 2 EX 1", "SELECT 0", "GET a", "RPUSH q x y z", "INCR a"} {
		g.do(line)
	}
	if got := r.take(); got != "" {
		t.Errorf("before EXEC: %s", got)
	}
	g.do("EXEC")
	want := fmt.Sprintf("SET a 1; 2:SET b 2 PXAT %d; RPUSH q x y z; INCR a | LPOP q | RPOP q", epoch.UnixMilli()+1000)
	if got := r.take(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for _, line := range []string{"MULTI", "INCR a", "LPUSH a x", "INCR a"} {
		g.do(line)
	}
	g.do("EXEC")
	if got := r.take(); got != "INCR a; INCR a" {
		t.Errorf("with a command that failed: %s", got)
	}
}

// TestServedClientsAreRecorded: the change that serves a client comes first.
func TestServedClientsAreRecorded(t *testing.T) {
	h, r := newHarness(t), &recorder{}
	h.engine.SetRecorder(r)
	g, a, b := h.connect(), h.connect(), h.connect()
	a.do("BLPOP q 0")
	b.do("BRPOP q 0")
	g.do("RPUSH q x y z")
	if got := r.take(); got != "RPUSH q x y z | LPOP q | RPOP q" {
		t.Errorf("two clients: %s", got)
	}
	a.do("SELECT 1")
	a.do("BLPOP q 0")
	g.do("SELECT 1")
	g.do("RPUSH list x")
	g.do("RENAME list q")
	if got := r.take(); got != "1:RPUSH list x | 1:RENAME list q | 1:LPOP q" {
		t.Errorf("by RENAME: %s", got)
	}
	a.do("BLPOP q 1")
	h.pass(time.Second)
	if got := r.take(); got != "" {
		t.Errorf("a timeout: %s", got)
	}
}

// TestExpiriesAreRecorded: the deletion of an expired key precedes the command that
// noticed it.
func TestExpiriesAreRecorded(t *testing.T) {
	f := func(want string, requests ...string) {
		t.Helper()
		h, r := newHarness(t), &recorder{}
		g := h.connect()
		g.do("SET k v PX 10")
		g.do("SET a v PX 10")
		h.engine.SetRecorder(r)
		h.clock.elapsed = time.Second
		for _, line := range requests {
			g.do(line)
		}
		if got := r.take(); got != want {
			t.Errorf("%s:\n got %s\nwant %s", requests, got, want)
		}
	}
	f("DEL k", "GET k")
	f("DEL k", "WATCH k")
	f("DEL k", "DEL k")
	f("DEL k; APPEND k x", "APPEND k x")
	f("DEL k; SET k w", "SETNX k w")
	f("DEL k", "SET k w XX")
	f("DEL k; SET k w KEEPTTL", "SET k w KEEPTTL")
	f("DEL a; DEL k; MSET a 1 k 2", "MSETNX a 1 k 2")
	f("SET x y | DEL k; RENAME x k", "SET x y", "RENAME x k")
	f("DEL k; DEL a; INCR k", "MULTI", "GET k", "GET a", "INCR k", "EXEC")
	f("DEL k", "BLPOP k 1")
	f("FLUSHALL", "FLUSHALL")
}

func TestActiveExpiryIsRecorded(t *testing.T) {
	h, r := newHarness(t), &recorder{}
	g := h.connect()
	g.do("SET k v PX 10")
	g.do("SELECT 2")
	g.do("RPUSH l x")
	g.do("PEXPIRE l 10")
	h.engine.SetRecorder(r)
	h.pass(time.Second)
	h.pass(time.Second)
	if got := strings.ReplaceAll(r.take(), " | ", "; "); got != "DEL k; 2:DEL l" {
		t.Errorf("got %s", got)
	}
}

// TestPostponedRequestsAreRecorded: each request that a pause postponed is a unit.
func TestPostponedRequestsAreRecorded(t *testing.T) {
	h, r := newHarness(t), &recorder{}
	h.engine.SetRecorder(r)
	admin, a, b := h.connect(), h.connect(), h.connect()
	admin.do("CLIENT PAUSE 60000 WRITE")
	a.do("SET k a EX 10")
	b.do("SET k b")
	admin.do("CLIENT UNPAUSE")
	want := fmt.Sprintf("SET k a PXAT %d | SET k b", epoch.UnixMilli()+10000)
	if got := r.take(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestReplay: a record can be replayed whatever the password, the memory limit and the
// time; a change that fails is reported.
func TestReplay(t *testing.T) {
	h := newHarness(t)
	h.engine.SetPassword("sesame")
	h.engine.SetMaxMemory(1)
	s := h.engine.NewSession(1, nil)
	unit := []engine.Change{
		{DB: 0, Args: toBytes("SET k v PXAT 1")},
		{DB: 0, Args: toBytes("APPEND k w")},
		{DB: 1, Args: toBytes("RPUSH l a")},
	}
	if failure := h.engine.Replay(s, unit); failure != "" {
		t.Fatal(failure)
	}
	if n := h.engine.Keyspace().DB(0).Len() + h.engine.Keyspace().DB(1).Len(); n != 2 {
		t.Errorf("%d keys, want 2", n)
	}
	var w resp.Writer
	s.DB = 0
	h.engine.BeginTurn(engine.Turn{})
	h.engine.Call(s, toBytes("EXISTS k"), &w)
	if string(w.Buf) != ":0\r\n" {
		t.Errorf("after the replay a key has not expired: %s", w.Buf)
	}
	f := func(want string, c engine.Change) {
		t.Helper()
		if got := h.engine.Replay(s, []engine.Change{c}); got != want {
			t.Errorf("%q: got %q, want %q", c.Args, got, want)
		}
	}
	f("-ERR DB index is out of range\r\n", engine.Change{DB: 16, Args: toBytes("SET k v")})
	f("-ERR unknown command 'NOSUCH', with args beginning with: \r\n", engine.Change{Args: toBytes("NOSUCH")})
	f("-WRONGTYPE Operation against a key holding the wrong kind of value\r\n", engine.Change{DB: 1, Args: toBytes("INCR l")})
}

// TestNoRecorderNoAllocation: commands that record a canonical form allocate nothing
// while there is no recorder.
func TestNoRecorderNoAllocation(t *testing.T) {
	h := newHarness(t)
	g := h.connect()
	for _, line := range []string{"SET k 1", "RPUSH l a", "SET n 1", "SET gone x"} {
		g.do(line)
	}
	var w resp.Writer
	f := func(lines ...string) {
		t.Helper()
		var requests [][][]byte
		for _, line := range lines {
			requests = append(requests, toBytes(line))
		}
		run := func() {
			w.Buf = w.Buf[:0]
			for _, words := range requests {
				h.engine.Exec(g.session, words, false, &w)
			}
		}
		run()
		if n := testing.AllocsPerRun(100, run); n > 0 {
			t.Errorf("%s: %v allocations", lines, n)
		}
	}
	f("SET k value EX 10")
	f("SET k value KEEPTTL")
	f("SETEX k 10 value")
	f("GETSET k value")
	f("EXPIRE k 100")
	f("PEXPIREAT k 9000000000000")
	f("GETEX k EX 10")
	f("PERSIST k", "EXPIRE k 10")
	f("MSET k a n b")
	f("INCRBY n2 1")
	f("RPUSH l b", "LPOP l")
}
