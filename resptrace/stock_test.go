package resptrace_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"mini-redis/resptrace"
	"mini-redis/resptrace/internal/redistest"
)

// These tests run against redis-server, which does not support TRACED. They are
// skipped if it is not installed.

// workload makes calls of many kinds in sequence.
func workload(t *testing.T, ctx context.Context, c redis.UniversalClient) {
	t.Helper()
	must(t, c.Set(ctx, "{w}k", "v", time.Minute).Err())
	must(t, c.Get(ctx, "{w}k").Err())
	must(t, c.Get(ctx, "{w}none").Err(), redis.Nil)
	must(t, c.Incr(ctx, "{w}n").Err())
	if err := c.LPush(ctx, "{w}k", "v").Err(); !redis.HasErrorPrefix(err, "WRONGTYPE") {
		t.Errorf("error %v", err)
	}
	must(t, c.MSet(ctx, "{w}a", 1, "{w}b", 2).Err())
	must(t, c.MGet(ctx, "{w}a", "{w}b").Err())
	_, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.Incr(ctx, "{w}n")
		p.Get(ctx, "{w}none")
		p.Incr(ctx, "{w}n")
		return nil
	})
	must(t, err, redis.Nil)
	_, err = c.TxPipelined(ctx, func(p redis.Pipeliner) error { p.Incr(ctx, "{w}n"); p.Incr(ctx, "{w}n"); return nil })
	must(t, err)
	must(t, c.Watch(ctx, func(tx *redis.Tx) error {
		must(t, tx.Get(ctx, "{w}n").Err())
		_, err := tx.TxPipelined(ctx, func(p redis.Pipeliner) error { p.Incr(ctx, "{w}n"); return nil })
		return err
	}, "{w}n"))
	n, err := c.Eval(ctx, "return redis.call('incr', KEYS[1])", []string{"{w}n"}).Int()
	if n != 7 || err != nil {
		t.Errorf("n is %d, %v", n, err)
	}
	must(t, c.RPush(ctx, "{w}l", "x").Err())
	must(t, c.BLPop(ctx, time.Second, "{w}l").Err())
	must(t, c.Publish(ctx, "news", "x").Err())
	must(t, c.Del(ctx, "{w}a").Err())
}

const spansOfWorkload = 17

// stats returns a section of INFO as a map. For commands it contains only the number of calls.
func stats(t *testing.T, addr, section string) map[string]string {
	t.Helper()
	reply, err := redistest.Do(addr, "INFO "+section)
	must(t, err)
	got := map[string]string{}
	for line := range strings.Lines(reply) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), ":")
		if ok && name != "cmdstat_info" && name != "cmdstat_ping" { // sent by redistest
			value, _, _ = strings.Cut(value, ",usec=")
			got[name] = value
		}
	}
	return got
}

// TestHookDoesNotChangeServerStatistics compares the statistics of redis-server
// for the same workload with and without the hook.
func TestHookDoesNotChangeServerStatistics(t *testing.T) {
	for name, protocol := range map[string]int{"RESP2": 2, "RESP3": 3} {
		t.Run(name, func(t *testing.T) {
			plainAddr, addr := redistest.Start(t), redistest.Start(t)
			plain := redis.NewClient(&redis.Options{Addr: plainAddr, Protocol: protocol})
			defer plain.Close()
			workload(t, context.Background(), plain)

			l := newTestTelemetry(t)
			c := redis.NewClient(&redis.Options{Addr: addr, Protocol: protocol})
			defer c.Close()
			must(t, resptrace.Instrument(c, l.options()...))
			ctx, _ := sampledContext()
			workload(t, ctx, c)

			for _, section := range []string{"commandstats", "errorstats"} {
				if got, want := stats(t, addr, section), stats(t, plainAddr, section); !maps.Equal(got, want) {
					t.Errorf("%s\n got %v\nwant %v", section, got, want)
				}
			}
			if n := len(l.takeSpans()); n != spansOfWorkload {
				t.Errorf("%d spans, want %d", n, spansOfWorkload)
			}
		})
	}
}

// TestFallbackOnAStockServer uses connections that wrongly announce TRACED, so
// that each kind of call falls back once. The server's statistics show that no
// command was executed twice.
func TestFallbackOnAStockServer(t *testing.T) {
	addr := redistest.Start(t, "--requirepass", "pw")
	l := newTestTelemetry(t)
	ctx, _ := sampledContext()
	newClaimedClient := func() *redis.Client {
		c := redis.NewClient(&redis.Options{Addr: addr, Password: "pw", Dialer: dialClaimingTraced, MaxRetries: -1, PipelinePoolSize: -1})
		t.Cleanup(func() { _ = c.Close() })
		must(t, resptrace.Instrument(c, l.options()...))
		return c
	}
	if n, err := newClaimedClient().Incr(ctx, "n").Result(); n != 1 || err != nil {
		t.Error(n, err)
	}
	cmds, err := newClaimedClient().Pipelined(ctx, func(p redis.Pipeliner) error { p.Incr(ctx, "n"); p.Incr(ctx, "n"); return nil })
	must(t, err)
	if n := cmds[1].(*redis.IntCmd).Val(); n != 3 {
		t.Errorf("n is %d", n)
	}
	c := newClaimedClient()
	transact := func() error {
		return c.Watch(ctx, func(tx *redis.Tx) error {
			_, err := tx.TxPipelined(ctx, func(p redis.Pipeliner) error { p.Incr(ctx, "n"); return nil })
			return err
		}, "n")
	}
	if err := transact(); !redis.IsExecAbortError(err) {
		t.Errorf("rejected transaction: error %v, want EXECABORT", err)
	}
	must(t, transact())
	if n, err := c.Get(ctx, "n").Int(); n != 4 || err != nil {
		t.Error(n, err)
	}
	if raw, err := newClaimedClient().DoRaw(ctx, "get", "n").Result(); string(raw) != "$1\r\n4\r\n" || err != nil {
		t.Errorf("%q, %v", raw, err)
	}
	admin := redis.NewClient(&redis.Options{Addr: addr, Password: "pw"})
	defer admin.Close()
	counted, err := admin.Info(ctx, "commandstats").Result()
	must(t, err)
	if !strings.Contains(counted, "cmdstat_incr:calls=4,") || !strings.Contains(counted, "cmdstat_get:calls=2,") {
		t.Error(counted)
	}
}

// dialClaimingTraced dials a server and adds tracecontext to the first reply of HELLO 3.
func dialClaimingTraced(_ context.Context, network, addr string) (net.Conn, error) {
	conn, err := net.Dial(network, addr)
	if err != nil {
		return nil, err
	}
	return &claimingConn{Conn: conn}, nil
}

type claimingConn struct {
	net.Conn
	once sync.Once
}

func (c *claimingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.once.Do(func() {
		const more = "$12\r\ntracecontext\r\n:1\r\n"
		reply := p[:n]
		if end := bytes.Index(reply, []byte("\r\n")); n > 1 && reply[0] == '%' && n+len(more) < len(p) {
			entries, _ := strconv.Atoi(string(reply[1:end]))
			changed := "%" + strconv.Itoa(entries+1) + string(reply[end:]) + more
			n = copy(p, changed)
		}
	})
	return n, err
}

// TestKeyPositionsMatchCommand compares the key positions with COMMAND of
// redis-server, for commands whose positions first key, last key and step describe.
func TestKeyPositionsMatchCommand(t *testing.T) {
	addr := redistest.Start(t)
	l := newTestTelemetry(t)
	c := redis.NewClient(&redis.Options{Addr: addr})
	defer c.Close()
	must(t, resptrace.Instrument(c, l.options(resptrace.WithKeys(true))...))
	ctx, _ := sampledContext()
	table, err := c.Command(ctx).Result()
	must(t, err)
	compared := 0
	for name, info := range table {
		if info.FirstKeyPos <= 0 || info.StepCount <= 0 || strings.Contains(name, "|") || hasMovableKeys(info) {
			continue
		}
		switch name {
		case "watch", "subscribe", "ssubscribe", "sunsubscribe", "restore-asking", "pfdebug", "object", "xgroup", "xinfo", "memory", "xsetid", "spublish", "migrate":
			continue // not sent by this test, or deliberately not in keyPositions
		}
		const words = 5 // the name and 4 arguments: an even number for MSET, and enough for all commands
		args := []any{name}
		want := strings.ToUpper(name)
		last := int(info.LastKeyPos)
		if last < 0 {
			last = words + last
		}
		for i := 1; i < words; i++ {
			args = append(args, "1")
			isKey := i >= int(info.FirstKeyPos) && i <= last && (i-int(info.FirstKeyPos))%int(info.StepCount) == 0
			if isKey {
				want += " 1"
			} else {
				want += " ?"
			}
		}
		conn := c.Conn()
		_ = conn.Do(ctx, args...).Err()
		_ = conn.Close()
		spans := l.takeSpans()
		if len(spans) != 1 {
			t.Fatalf("%s: %d spans", name, len(spans))
		}
		if got := attr(spans[0], "db.query.text").AsString(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		compared++
	}
	if compared < 100 {
		t.Errorf("%d commands compared, want at least 100", compared)
	}
}

func hasMovableKeys(info *redis.CommandInfo) bool {
	for _, flag := range info.Flags {
		if flag == "movablekeys" || flag == "blocking" {
			return true
		}
	}
	return false
}

func TestStoppedServer(t *testing.T) {
	l, s := newTestTelemetry(t), newServer(t)
	c := l.client(s, nil)
	ctx, _ := sampledContext()
	must(t, c.Ping(ctx).Err())
	s.stop()
	err := c.Ping(ctx).Err()
	var op *net.OpError
	if err == nil || !errors.As(err, &op) && !strings.Contains(err.Error(), "EOF") {
		t.Errorf("error %v", err)
	}
	l.takeSpans()
	if err := c.Ping(ctx).Err(); err == nil {
		t.Error("no error")
	}
	if got := attr(l.takeSpan(), "error.type").AsString(); got != "*net.OpError" {
		t.Errorf("error.type %q", got)
	}
}
