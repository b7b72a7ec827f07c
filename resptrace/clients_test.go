package resptrace_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"mini-redis/resptrace"
)

func TestARingIsInstrumentedThroughItsOptions(t *testing.T) {
	l, a, b := newLab(t), newServer(t), newServer(t, isStock)
	made := 0
	o := &redis.RingOptions{
		Addrs:              map[string]string{"a": a.addr, "b": b.addr},
		HeartbeatFrequency: 5 * time.Millisecond,
		PipelinePoolSize:   -1,
		NewClient:          func(o *redis.Options) *redis.Client { made++; return redis.NewClient(o) },
	}
	must(t, resptrace.InstrumentRing(o, l.options()...))
	ring := redis.NewRing(o)
	defer ring.Close()
	if err := resptrace.Instrument(ring); !errors.Is(err, resptrace.ErrRing) {
		t.Errorf("Instrument: %v", err)
	}
	if made != 2 {
		t.Errorf("the options' own NewClient made %d clients", made)
	}
	waitFor(t, "a heartbeat", func() bool { return len(a.all()) > 10 })
	if spans := l.ended(); len(spans) > 0 {
		t.Errorf("heartbeats have spans: %q", text(spans))
	}
	ctx, _ := inTrace()
	for _, key := range []string{"1", "2", "3", "4", "5", "6", "7", "8"} {
		must(t, ring.Incr(ctx, key).Err())
	}
	_, err := ring.Pipelined(ctx, func(p redis.Pipeliner) error { p.Get(ctx, "1"); p.Get(ctx, "2"); return nil })
	must(t, err)
	isIncr := func(line string) bool { return strings.Contains(line, "incr") }
	onA, onB := only(a.sent(), isIncr), only(b.sent(), isIncr)
	if len(onA) == 0 || len(onB) == 0 || len(onA)+len(onB) != 8 {
		t.Fatalf("a %q, b %q", onA, onB)
	}
	for _, line := range onA {
		if !strings.HasPrefix(line, tracedWord) {
			t.Errorf("to the shard that knows TRACED: %q", line)
		}
	}
	for _, line := range onB {
		if strings.HasPrefix(line, "TRACED") {
			t.Errorf("to the stock shard: %q", line)
		}
	}
	if names := only(l.names(), func(n string) bool { return n == "INCR" }); len(names) != 8 {
		t.Errorf("%d spans", len(names))
	}
}

func TestAFailoverClientFollowsItsMaster(t *testing.T) {
	l, first, second := newLab(t), newServer(t), newServer(t)
	master := first
	sentinel := newServer(t)
	sentinel.set(func(s *server) {
		s.answer = func(_ *client, args []string) (string, bool) {
			if args[0] != "sentinel" {
				return "", false
			}
			if args[1] != "get-master-addr-by-name" {
				return "*0\r\n", true
			}
			host, port, _ := net.SplitHostPort(master.addr)
			return "*2\r\n" + bulk(host) + bulk(port), true
		}
	})
	c := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: "m", SentinelAddrs: []string{sentinel.addr}, MaxRetries: -1, PipelinePoolSize: -1})
	defer c.Close()
	must(t, resptrace.Instrument(c, l.options()...))
	ctx, _ := inTrace()
	use := func(s *server) {
		t.Helper()
		must(t, c.Incr(ctx, "n").Err())
		span := l.one()
		server := net.JoinHostPort(attr(span, "server.address").AsString(), attr(span, "server.port").String())
		peer := net.JoinHostPort(attr(span, "network.peer.address").AsString(), attr(span, "network.peer.port").String())
		if server != s.addr || peer != s.addr {
			t.Errorf("server %s, peer %s, want %s", server, peer, s.addr)
		}
	}
	use(first)
	mustLines(t, "first", first.sent(), tracedWord+"incr n")
	sentinel.set(func(*server) { master = second })
	first.stop()
	_ = c.Ping(ctx).Err() // finds the old connection closed, or the new master at once
	l.ended()
	second.sent()
	use(second)
	mustLines(t, "second", second.sent(), tracedWord+"incr n")
}

// TestPeersThatDiffer: a hook does not learn which connection a call takes, so with two
// servers behind one name it names neither.
func TestPeersThatDiffer(t *testing.T) {
	l, a, b := newLab(t), newServer(t), newServer(t)
	servers := []*server{a, b}
	c := l.client(a, func(o *redis.Options) {
		o.Dialer = func(context.Context, string, string) (net.Conn, error) {
			next := servers[0]
			servers = append(servers[1:], next)
			return net.Dial("tcp", next.addr)
		}
	})
	ctx, _ := inTrace()
	must(t, c.Ping(ctx).Err())
	if got := attr(l.one(), "network.peer.port").String(); !strings.HasSuffix(a.addr, ":"+got) {
		t.Errorf("peer port %s, want %s", got, a.addr)
	}
	conn := c.Conn() // holds the first connection, so that the next call needs another
	defer conn.Close()
	must(t, conn.Ping(ctx).Err())
	must(t, c.Ping(ctx).Err())
	spans := l.ended()
	if got := attr(spans[1], "network.peer.port").String(); got != "" && got != "INVALID" {
		t.Errorf("peer port %s of one of two servers", got)
	}
	if got := net.JoinHostPort(attr(spans[1], "server.address").AsString(), attr(spans[1], "server.port").String()); got != a.addr {
		t.Errorf("server %s", got)
	}
}

func TestAClientThatIsNotKnownIsRefused(t *testing.T) {
	type other struct{ redis.UniversalClient }
	if err := resptrace.Instrument(other{}); err == nil || !strings.Contains(err.Error(), "other") {
		t.Errorf("error %v", err)
	}
}

// TestCopiesOfAClient: Conn and Tx share its hook. What WithTimeout returns has no hooks, which
// is go-redis's doing and stands in the package's documentation.
func TestCopiesOfAClient(t *testing.T) {
	l, s := newLab(t), newServer(t)
	c := l.client(s, nil)
	ctx, _ := inTrace()
	conn := c.Conn()
	defer conn.Close()
	must(t, conn.Incr(ctx, "a").Err())
	must(t, c.Watch(ctx, func(tx *redis.Tx) error { return tx.Incr(ctx, "b").Err() }))
	must(t, c.WithTimeout(time.Second).Incr(ctx, "c").Err())
	mustLines(t, "sent", s.sent(), tracedWord+"incr a", tracedWord+"incr b", "incr c")
	mustLines(t, "spans", l.names(), "INCR", "INCR")
}

func only(lines []string, keep func(string) bool) []string {
	return slices.DeleteFunc(lines, func(l string) bool { return !keep(l) })
}

func waitFor(t testing.TB, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no %s", what)
		}
	}
}
