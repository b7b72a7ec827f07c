package command_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"mini-redis/services/mini-redis/internal/command"
	"mini-redis/services/mini-redis/internal/engine"
)

// TestDrop: nothing is left of a connection that is gone.
func TestDrop(t *testing.T) {
	h := newHarness(t)
	gone, other := h.connect(), h.connect()
	gone.do("SUBSCRIBE", "a")
	gone.do("PSUBSCRIBE", "a*")
	h.engine.Drop(gone.session)
	other.must("PUBLISH a x", ":0")

	gone = h.connect()
	gone.do("BLPOP", "q", "p", "100")
	h.engine.Drop(gone.session)
	other.must("RPUSH q x", ":1")
	other.must("LLEN q", ":1")
	if h.engine.BlockedClients() != 0 || h.engine.NextDeadline() != 0 {
		t.Errorf("%d clients are blocked, a deadline at %d", h.engine.BlockedClients(), h.engine.NextDeadline())
	}

	gone = h.connect()
	gone.do("WATCH", "w")
	gone.do("MULTI")
	gone.do("SET", "w", "1")
	h.engine.Drop(gone.session)
	other.must("GET w", "$-1")

	gone = h.connect()
	other.do("CLIENT", "PAUSE", "60000", "WRITE")
	gone.do("SET", "k", "v")
	h.engine.Drop(gone.session)
	other.must("CLIENT UNPAUSE", "+OK")
	other.must("GET k", "$-1")
	gone.mustHave("the one who has gone", "")
}

// TestTransactionMemory: a transaction may not fill the memory.
func TestTransactionMemory(t *testing.T) {
	h := newHarness(t)
	h.engine = engine.New(engine.Config{Commands: command.All(), Clock: &h.clock, Host: h, Observer: h, TxBytes: 10_000})
	g := h.connect()
	big := strings.Repeat("x", 4000)
	g.must("MULTI", "+OK")
	g.must("SET a "+big, "+QUEUED")
	g.must("SET b "+big, "+QUEUED")
	g.must("SET c "+big, "-ERR the commands queued by MULTI take too much memory")
	g.must("SET d x", "+QUEUED")
	g.must("EXEC", "-EXECABORT Transaction discarded because of previous errors.")
	g.must("EXISTS a b c d", ":0")
	g.must("MULTI", "+OK")
	for range 200 {
		g.do("PING") // many small ones weigh, too
	}
	g.must("EXEC", "-EXECABORT Transaction discarded because of previous errors.")
}

// TestReplyMemory: a request cannot make a reply of any size out of one value.
func TestReplyMemory(t *testing.T) {
	h := newHarness(t)
	h.engine = engine.New(engine.Config{Commands: command.All(), Clock: &h.clock, Host: h, Observer: h, Reply: 10_000})
	g := h.connect()
	g.do("SET", "k", strings.Repeat("x", 3000))
	g.must("MGET k k k k k k", "-ERR the reply is too large")
	g.do("MULTI")
	for range 6 {
		g.do("GET", "k")
	}
	g.do("SET", "done", "1")
	if got := g.do("EXEC"); len(got) > 0 || !g.session.Closing {
		t.Errorf("%d bytes, closing: %v; want none and true", len(got), g.session.Closing)
	}
	h.connect().must("GET done", "$1 1")
}

func TestClientList(t *testing.T) {
	h := newHarness(t)
	a, b, c := h.connect(), h.connect(), h.connect()
	a.do("CLIENT", "SETNAME", "alice")
	a.do("CLIENT", "SETINFO", "LIB-NAME", "lib")
	a.do("CLIENT", "SETINFO", "LIB-VER", "1.0")
	a.do("SELECT", "3")
	h.clock.elapsed = 90 * time.Second
	b.do("HELLO", "3")
	b.do("SUBSCRIBE", "x", "y")
	c.do("BLPOP", "q", "0")
	want := []string{
		"id=1 addr=127.0.0.1:50001 laddr=127.0.0.1:6379 name=alice age=90 idle=0 flags=N db=3 sub=0 psub=0 ssub=0 multi=-1 " +
			"multi-mem=0 cmd=client|list user=default redir=-1 resp=2 lib-name=lib lib-ver=1.0",
		"id=2 addr=127.0.0.1:50002 laddr=127.0.0.1:6379 name= age=90 idle=0 flags=P db=0 sub=2 psub=0 ssub=0 multi=-1 " +
			"multi-mem=0 cmd=subscribe user=default redir=-1 resp=3 lib-name= lib-ver=",
		"id=3 addr=127.0.0.1:50003 laddr=127.0.0.1:6379 name= age=90 idle=0 flags=b db=0 sub=0 psub=0 ssub=0 multi=-1 " +
			"multi-mem=0 cmd=blpop user=default redir=-1 resp=2 lib-name= lib-ver=",
	}
	list := func(words ...string) string {
		t.Helper()
		_, body, _ := strings.Cut(a.do(append([]string{"CLIENT", "LIST"}, words...)...), "\r\n")
		return strings.TrimSuffix(body, "\r\n")
	}
	if got := list(); got != strings.Join(want, "\n")+"\n" {
		t.Errorf("got\n%s", got)
	}
	if got := list("TYPE", "pubsub"); got != want[1]+"\n" {
		t.Errorf("subscribers:\n%s", got)
	}
	if got := list("ID", "3", "2", "99"); got != want[2]+"\n"+want[1]+"\n" {
		t.Errorf("by number:\n%s", got)
	}
	c.got()
}

func TestClientFlags(t *testing.T) {
	h := newHarness(t)
	g, other := h.connect(), h.connect()
	g.do("CLIENT", "NO-EVICT", "ON")
	g.do("CLIENT", "NO-TOUCH", "ON")
	g.do("WATCH", "k")
	other.do("SET", "k", "v")
	g.do("MULTI")
	if info := other.do("CLIENT", "LIST", "ID", "1"); !strings.Contains(info, " flags=xdeT ") || !strings.Contains(info, " multi=0 ") {
		t.Error(info)
	}
}

func TestClientKill(t *testing.T) {
	f := func(want string, killed string, words ...string) {
		t.Helper()
		h := newHarness(t)
		a, b, c := h.connect(), h.connect(), h.connect()
		c.do("SUBSCRIBE", "x")
		a.must(strings.Join(words, " "), want)
		got := ""
		for _, g := range []*client{a, b, c} {
			if g.killed || g.session.Closing {
				got += fmt.Sprint(g.session.ID)
			}
		}
		if got != killed {
			t.Errorf("%q killed %q, want %q", words, got, killed)
		}
	}
	f("+OK", "2", "CLIENT", "KILL", "127.0.0.1:50002")
	f("+OK", "1", "CLIENT", "KILL", "127.0.0.1:50001")
	f(":1", "3", "CLIENT", "KILL", "TYPE", "pubsub")
	f(":1", "2", "CLIENT", "KILL", "TYPE", "normal")
	f(":2", "12", "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "no")
	f(":2", "23", "CLIENT", "KILL", "USER", "default")
	f(":2", "23", "CLIENT", "KILL", "LADDR", "127.0.0.1:6379")
	f(":1", "2", "CLIENT", "KILL", "ID", "2", "ADDR", "127.0.0.1:50002")
	f(":0", "", "CLIENT", "KILL", "ID", "2", "ADDR", "127.0.0.1:50003")
	f(":0", "", "CLIENT", "KILL", "ID", "1")
}

// TestPauseKeepsTheOrder: what a pause held up runs in the order in which it came.
func TestPauseKeepsTheOrder(t *testing.T) {
	h := newHarness(t)
	admin, a, b := h.connect(), h.connect(), h.connect()
	admin.do("CLIENT", "PAUSE", "1000", "WRITE")
	a.do("APPEND", "k", "a")
	b.do("APPEND", "k", "b")
	a.do("APPEND", "k", "c")
	admin.must("GET k", "$-1")
	if got := h.engine.NextDeadline(); got != int64(time.Second)+1 {
		t.Errorf("the pause ends at %d", got)
	}
	h.pass(time.Second)
	a.mustHave("the first", ":1 :3")
	b.mustHave("the second", ":2")
	admin.must("GET k", "$3 abc")
}

// TestUnpauseInsideExec: a transaction stays one, even when it ends a pause.
func TestUnpauseInsideExec(t *testing.T) {
	h := newHarness(t)
	admin, g := h.connect(), h.connect()
	admin.do("CLIENT", "PAUSE", "60000", "WRITE")
	g.do("RPUSH", "q", "x")
	admin.do("MULTI")
	admin.do("LLEN", "q")
	admin.do("CLIENT", "UNPAUSE")
	admin.do("LLEN", "q")
	admin.must("EXEC", "*3 :0 +OK :0")
	g.mustHave("what waited", ":1")
}

// TestLongerPauseWins: a pause that is under way is neither cut short nor weakened.
func TestLongerPauseWins(t *testing.T) {
	h := newHarness(t)
	admin, g := h.connect(), h.connect()
	admin.do("MULTI")
	admin.do("CLIENT", "PAUSE", "100", "ALL")
	admin.do("CLIENT", "PAUSE", "50", "WRITE")
	admin.must("EXEC", "*2 +OK +OK")
	g.do("PING")
	h.pass(99 * time.Millisecond)
	g.mustHave("before its end", "")
	h.pass(time.Millisecond)
	g.mustHave("at its end", "+PONG")
}

// TestPausesDoNotAddUp: a pause of all that is over leaves nothing to the next.
func TestPausesDoNotAddUp(t *testing.T) {
	h := newHarness(t)
	admin, g := h.connect(), h.connect()
	admin.do("CLIENT", "PAUSE", "10", "ALL")
	h.pass(20 * time.Millisecond)
	admin.must("CLIENT PAUSE 1000 WRITE", "+OK")
	g.must("GET k", "$-1")
	admin.must("CLIENT UNPAUSE", "+OK")
	g.must("SET k v", "+OK")
}

func TestShutdown(t *testing.T) {
	h := newHarness(t)
	g := h.connect()
	g.must("SHUTDOWN NOSAVE", "")
	if !h.stopped || !g.session.Closing {
		t.Error("it goes on")
	}
}

func TestActiveExpiryRunsByItself(t *testing.T) {
	h := newHarness(t)
	g := h.connect()
	for i := range 5000 {
		g.do("SET", fmt.Sprint("k", i), "v", "PX", "50")
	}
	h.pass(400 * time.Millisecond)
	g.must("DBSIZE", ":0")
	if got := h.engine.Keyspace().Stats().Expired; got != 5000 {
		t.Errorf("%d expired", got)
	}
}

func TestTouchAndNoTouch(t *testing.T) {
	h := newHarness(t)
	g := h.connect()
	g.do("SET", "k", "v")
	g.do("CLIENT", "NO-TOUCH", "ON")
	h.clock.elapsed = 10 * time.Second
	g.do("GET", "k")
	g.must("OBJECT IDLETIME k", ":10")
	g.must("TOUCH k", ":1")
	g.must("OBJECT IDLETIME k", ":0")
}
