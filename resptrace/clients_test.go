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

func TestInstrumentRing(t *testing.T) {
	l, a, b := newTestTelemetry(t), newServer(t), newServer(t, isStock)
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
		t.Errorf("NewClient of the options was called %d times, want 2", made)
	}
	waitFor(t, "a heartbeat", func() bool { return len(a.all()) > 10 })
	if spans := l.takeSpans(); len(spans) > 0 {
		t.Errorf("heartbeats have spans: %q", describeAll(spans))
	}
	ctx, _ := sampledContext()
	for _, key := range []string{"1", "2", "3", "4", "5", "6", "7", "8"} {
		must(t, ring.Incr(ctx, key).Err())
	}
	_, err := ring.Pipelined(ctx, func(p redis.Pipeliner) error { p.Get(ctx, "1"); p.Get(ctx, "2"); return nil })
	must(t, err)
	isIncr := func(line string) bool { return strings.Contains(line, "incr") }
	onA, onB := filterLines(a.sent(), isIncr), filterLines(b.sent(), isIncr)
	if len(onA) == 0 || len(onB) == 0 || len(onA)+len(onB) != 8 {
		t.Fatalf("a %q, b %q", onA, onB)
	}
	for _, line := range onA {
		if !strings.HasPrefix(line, tracedPrefix) {
			t.Errorf("sent to the shard with TRACED support: %q", line)
		}
	}
	for _, line := range onB {
		if strings.HasPrefix(line, "TRACED") {
			t.Errorf("sent to the stock shard: %q", line)
		}
	}
	if names := filterLines(l.takeNames(), func(n string) bool { return n == "INCR" }); len(names) != 8 {
		t.Errorf("%d spans", len(names))
	}
}

func TestFailoverClientFollowsItsMaster(t *testing.T) {
	l, first, second := newTestTelemetry(t), newServer(t), newServer(t)
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
	ctx, _ := sampledContext()
	use := func(s *server) {
		t.Helper()
		must(t, c.Incr(ctx, "n").Err())
		span := l.takeSpan()
		server := net.JoinHostPort(attr(span, "server.address").AsString(), attr(span, "server.port").String())
		peer := net.JoinHostPort(attr(span, "network.peer.address").AsString(), attr(span, "network.peer.port").String())
		if server != s.addr || peer != s.addr {
			t.Errorf("server %s, peer %s, want %s", server, peer, s.addr)
		}
	}
	use(first)
	mustLines(t, "first", first.sent(), tracedPrefix+"incr n")
	sentinel.set(func(*server) { master = second })
	first.stop()
	_ = c.Ping(ctx).Err() // fails on the closed connection, or already uses the new master
	l.takeSpans()
	second.sent()
	use(second)
	mustLines(t, "second", second.sent(), tracedPrefix+"incr n")
}

// A hook does not know which connection a call uses. With two servers behind one
// address it sets no peer attributes.
func TestNoPeerAttributesIfPeersDiffer(t *testing.T) {
	l, a, b := newTestTelemetry(t), newServer(t), newServer(t)
	servers := []*server{a, b}
	c := l.client(a, func(o *redis.Options) {
		o.Dialer = func(context.Context, string, string) (net.Conn, error) {
			next := servers[0]
			servers = append(servers[1:], next)
			return net.Dial("tcp", next.addr)
		}
	})
	ctx, _ := sampledContext()
	must(t, c.Ping(ctx).Err())
	if got := attr(l.takeSpan(), "network.peer.port").String(); !strings.HasSuffix(a.addr, ":"+got) {
		t.Errorf("peer port %s, want %s", got, a.addr)
	}
	conn := c.Conn() // occupies the first connection, so that the next call opens a second one
	defer conn.Close()
	must(t, conn.Ping(ctx).Err())
	must(t, c.Ping(ctx).Err())
	spans := l.takeSpans()
	if got := attr(spans[1], "network.peer.port").String(); got != "" && got != "INVALID" {
		t.Errorf("peer port %s, want none", got)
	}
	if got := net.JoinHostPort(attr(spans[1], "server.address").AsString(), attr(spans[1], "server.port").String()); got != a.addr {
		t.Errorf("server %s", got)
	}
}

func TestUnknownClientTypeIsAnError(t *testing.T) {
	type other struct{ redis.UniversalClient }
	if err := resptrace.Instrument(other{}); err == nil || !strings.Contains(err.Error(), "other") {
		t.Errorf("error %v", err)
	}
}

// Conn and Tx share the client's hook. The client that WithTimeout of go-redis
// returns has no hooks, which the package documentation states.
func TestDerivedClients(t *testing.T) {
	l, s := newTestTelemetry(t), newServer(t)
	c := l.client(s, nil)
	ctx, _ := sampledContext()
	conn := c.Conn()
	defer conn.Close()
	must(t, conn.Incr(ctx, "a").Err())
	must(t, c.Watch(ctx, func(tx *redis.Tx) error { return tx.Incr(ctx, "b").Err() }))
	must(t, c.WithTimeout(time.Second).Incr(ctx, "c").Err())
	mustLines(t, "sent", s.sent(), tracedPrefix+"incr a", tracedPrefix+"incr b", "incr c")
	mustLines(t, "spans", l.takeNames(), "INCR", "INCR")
}

func filterLines(lines []string, keep func(string) bool) []string {
	return slices.DeleteFunc(lines, func(l string) bool { return !keep(l) })
}

func waitFor(t testing.TB, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("timeout: no %s", what)
		}
	}
}
