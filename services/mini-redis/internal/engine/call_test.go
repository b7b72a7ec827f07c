package engine_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"mini-redis/internal/resp"
	"mini-redis/services/mini-redis/internal/engine"
)

// callRow is a command that calls the command in its arguments, as a script would, reads
// the key k, and replies with the reply of that command and its own last argument.
func callRow() *engine.Spec {
	return &engine.Spec{Name: "x.call", Arity: -2, Handler: func(c *engine.Ctx) {
		spec, db, depth := c.Spec, c.DB, c.Nested
		var words [][]byte
		for _, arg := range c.Args[1:] {
			words = append(words, bytes.Clone(arg))
		}
		c.W.Array(2)
		c.Engine.Call(c.Session, words, c.W)
		for _, word := range words {
			clear(word) // its memory may be reused after the call
		}
		c.DB.Read([]byte("k"))
		if c.Spec != spec || c.DB != db || c.Nested != depth {
			c.W.Error("ERR the call changed its caller's context")
			return
		}
		c.W.Bulk(c.Args[len(c.Args)-1])
	}}
}

// transactionRow is a command that runs its arguments, one command each, by EXEC on a
// session without a connection.
func transactionRow() *engine.Spec {
	return &engine.Spec{Name: "x.exec", Arity: -2, Handler: func(c *engine.Ctx) {
		s := c.Engine.NewSession(1<<40, nil)
		defer c.Engine.Drop(s)
		s.DB, s.Tx = c.Session.DB, &engine.Tx{}
		for _, arg := range c.Args[1:] {
			words, _ := resp.SplitWords(arg, nil)
			s.Tx.Queue = append(s.Tx.Queue, engine.Queued{Spec: c.Engine.Table().Lookup(words), Args: words})
		}
		c.Engine.Call(s, [][]byte{[]byte("EXEC")}, c.W)
	}}
}

// TestNestedCalls: Call may be called by a handler at any depth, inside and outside of
// EXEC, and the changes belong to one unit.
func TestNestedCalls(t *testing.T) {
	f := func(want, record string, requests ...string) {
		t.Helper()
		h, r := newHarness(t, callRow(), transactionRow()), &recorder{}
		h.engine.SetRecorder(r)
		g := h.connect()
		for _, line := range requests[:len(requests)-1] {
			g.do(line)
		}
		r.take()
		g.must(requests[len(requests)-1], want)
		if got := r.take(); got != record {
			t.Errorf("%s: recorded %q, want %q", requests, got, record)
		}
	}
	f("*2 +OK $1 v", "SET k v", "X.CALL SET k v")
	f("*2 *2 *2 +OK $1 v $1 v $1 v", "SET k v", "X.CALL X.CALL X.CALL SET k v")
	f("*2 $-1 $1 k", "", "X.CALL GET k")
	f("*2 *-1 $1 0", "", "X.CALL BLPOP q 0")
	f("*2 -ERR wrong number of arguments for 'get' command $3 GET", "", "X.CALL GET")
	f("*2 -ERR unknown command 'NOSUCH', with args beginning with:  $6 NOSUCH", "", "X.CALL NOSUCH")
	f("*3 :1 *2 *2 :2 $1 n $1 n :3", "INCR n; INCR n; INCR n", "MULTI", "INCR n", "X.CALL X.CALL INCR n", "INCR n", "EXEC")
	f("*2 :1 *2 :2 :3", "INCR n; INCR n; INCR n", "X.EXEC 'INCR n' 'X.EXEC \"INCR n\" \"INCR n\"'")
	f("*3 :1 *2 :2 *2 :3 $1 n :4", "INCR n; INCR n; INCR n; INCR n",
		"MULTI", "INCR n", "X.EXEC 'INCR n' 'X.CALL INCR n'", "INCR n", "EXEC")
	f("*2 +OK $1 3", "", "X.CALL SELECT 3")
	f("*2 *2 $1 q $1 x *2 :1 $1 y", "LPOP q; RPUSH p y", "RPUSH q x", "MULTI", "BLPOP q 0", "X.CALL RPUSH p y", "EXEC")
}

// TestNestedCallServesOthers: a client that waits for the effect of a nested call is
// served after the whole command.
func TestNestedCallServesOthers(t *testing.T) {
	h, r := newHarness(t, callRow()), &recorder{}
	h.engine.SetRecorder(r)
	waiter, g := h.connect(), h.connect()
	waiter.do("BLPOP q 0")
	g.must("X.CALL RPUSH q x", "*2 :1 $1 x")
	if got := waiter.got(); got != "*2 $1 q $1 x" {
		t.Errorf("the waiting client received %q", got)
	}
	if got := r.take(); got != "RPUSH q x | LPOP q" {
		t.Errorf("recorded %q", got)
	}
}

// TestNestedCallCopies: a nested call keeps no part of the request, whose memory is
// reused, and leaves the settings of its caller as they are.
func TestNestedCallCopies(t *testing.T) {
	h := newHarness(t, callRow())
	g := h.connect()
	value := strings.Repeat("v", 100_000)
	g.do("X.CALL SET k " + value)
	g.do("MULTI")
	g.do("X.CALL SET k2 " + value)
	g.do("EXEC")
	for _, key := range []string{"k", "k2"} {
		if got := g.do("GET " + key); got != "$100000 "+value {
			t.Errorf("the value of %s is %.20q...", key, got)
		}
	}
	g.do("CLIENT NO-TOUCH ON")
	h.clock.elapsed = 10 * time.Second
	g.do("X.CALL TOUCH none")
	g.must("OBJECT IDLETIME k", ":10")
}

// TestCallOutsideOfARequest: a call from outside is a unit of its own, and serves the
// clients that wait.
func TestCallOutsideOfARequest(t *testing.T) {
	h, r := newHarness(t), &recorder{}
	h.engine.SetRecorder(r)
	waiter := h.connect()
	waiter.do("BLPOP q 0")
	s := h.engine.NewSession(1<<40, nil)
	var w resp.Writer
	h.engine.Call(s, toBytes("RPUSH q x"), &w)
	h.engine.Call(s, toBytes("BLPOP q 0"), &w)
	if string(w.Buf) != ":1\r\n*-1\r\n" || s.Blocked() {
		t.Errorf("replies %q, blocked: %v", w.Buf, s.Blocked())
	}
	if got := waiter.got(); got != "*2 $1 q $1 x" {
		t.Errorf("the waiting client received %q", got)
	}
	h.engine.Call(s, toBytes("SET a 1"), &w)
	h.engine.Call(s, toBytes("SET b 2"), &w)
	if got := r.take(); got != "RPUSH q x | LPOP q | SET a 1 | SET b 2" {
		t.Errorf("recorded %q", got)
	}
}

// TestScriptedSession: a script may call every command except those with NoScript, with
// the error text of redis-server.
func TestScriptedSession(t *testing.T) {
	h := newHarness(t)
	var w resp.Writer
	refused := map[string]bool{}
	for _, spec := range h.engine.Table().All() {
		if spec.Handler == nil {
			continue
		}
		s := h.engine.NewSession(1<<40, nil)
		s.Scripted = true
		words := toBytes(strings.ReplaceAll(spec.Name, "|", " "))
		for !spec.ArityOK(len(words)) {
			words = append(words, []byte("1"))
		}
		w.Buf = nil
		h.engine.Call(s, words, &w)
		refused[spec.Name] = string(w.Buf) == "-ERR This Redis command is not allowed from script\r\n"
		if refused[spec.Name] != spec.Has(engine.NoScript) {
			t.Errorf("%s: the reply is %q", words, w.Buf)
		}
		h.engine.Drop(s)
	}
	for _, name := range []string{"multi", "exec", "watch", "subscribe", "client|kill", "auth", "shutdown"} {
		if !refused[name] {
			t.Errorf("%s is allowed in scripts", name)
		}
	}
}

// TestSessionWithoutConnection: such a session needs no password and is no client.
func TestSessionWithoutConnection(t *testing.T) {
	h := newHarness(t)
	h.engine.SetPassword("sesame")
	g := h.connect()
	g.do("AUTH sesame")
	s := h.engine.NewSession(g.session.ID, nil)
	var w resp.Writer
	h.engine.Call(s, toBytes("SET k v"), &w)
	h.engine.Call(s, toBytes("SUBSCRIBE a"), &w)
	h.engine.Call(s, toBytes("PUBLISH a x"), &w)
	if got := string(w.Buf); got != "+OK\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n-ERR Can't execute 'publish': only "+
		"(P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context\r\n" {
		t.Errorf("replies %q", got)
	}
	g.must("PUBLISH a x", ":1")
	if list := h.engine.Sessions(); len(list) != 1 || list[0] != g.session {
		t.Errorf("%d sessions are listed", len(list))
	}
	h.engine.Drop(s)
	if h.engine.Session(g.session.ID) != g.session {
		t.Error("Drop removed another session of the same ID")
	}
	g.must("PUBLISH a x", ":0")
}

// TestMemoryLimit: above the limit the commands that may add data fail, alone, in a
// transaction and in a script; those that read or delete succeed.
func TestMemoryLimit(t *testing.T) {
	const oom = "-OOM command not allowed when used memory > 'maxmemory'."
	h := newHarness(t, callRow())
	queued, g := h.connect(), h.connect()
	for _, line := range []string{"SET k v", "SET k2 v", "RPUSH l a b", "SET large " + strings.Repeat("x", 100_000)} {
		g.do(line)
	}
	queued.do("MULTI")
	queued.do("SET k w")
	h.engine.SetMaxMemory(h.engine.Keyspace().Memory() - 50_000)
	for _, spec := range h.engine.Table().All() {
		if spec.Has(engine.DenyOOM) {
			words := strings.Repeat(" 1", max(spec.Arity, -spec.Arity)-1)
			g.must(spec.Name+words, oom)
		}
	}
	queued.must("EXEC", "-EXECABORT Transaction discarded because of: "+oom[1:])
	g.must("GET k", "$1 v")
	g.must("EXPIRE k 10", ":1")
	g.must("LPOP l", "$1 a")
	g.must("BLPOP l 0", "*2 $1 l $1 b")
	g.must("DEL k", ":1")
	g.must("X.CALL SET k v", "*2 "+oom+" $1 v")
	g.must("X.CALL GET k2", "*2 $1 v $2 k2")
	g.must("MULTI", "+OK")
	g.must("GET k2", oom)
	g.must("EXEC", "-EXECABORT Transaction discarded because of previous errors.")
	g.must("DEL large", ":1")
	g.must("SET k v", "+OK")
}
