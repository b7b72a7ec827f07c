package resptrace_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"mini-redis/resptrace"
)

// cluster is two servers, each with half of the slots. For keys in moved and asked
// the owner of the slot redirects the client to the other server, with MOVED or
// with ASK.
type cluster struct {
	a, b         *server
	moved, asked map[string]bool
}

func newCluster(t *testing.T, set ...func(*server)) *cluster {
	t.Helper()
	cl := &cluster{moved: map[string]bool{}, asked: map[string]bool{}}
	cl.a, cl.b = newServer(t, set...), newServer(t, set...)
	cl.a.set(func(s *server) { s.answer = cl.node(0) })
	cl.b.set(func(s *server) { s.answer = cl.node(1) })
	return cl
}

func (cl *cluster) addr(i int) string { return []*server{cl.a, cl.b}[i].addr }

// node returns the answer function of node i: CLUSTER SLOTS, COMMAND and redirects.
func (cl *cluster) node(i int) func(*client, []string) (string, bool) {
	return func(c *client, args []string) (string, bool) {
		switch strings.ToLower(args[0]) {
		case "cluster":
			return cl.slots(), true
		case "command":
			return "*3\r\n" + commandInfo("mget", -2, 1, "nondeterministic_output") + commandInfo("mset", -3, 2, "response_policy:all_succeeded") + commandInfo("del", -2, 1, "response_policy:agg_sum"), true
		}
		if len(args) < 2 || c.asking || c.multi || strings.EqualFold(args[0], "client") {
			return "", false
		}
		switch key := args[1]; {
		case owner(key) == i && cl.moved[key]:
			return fmt.Sprintf("-MOVED %d %s\r\n", slot(key), cl.addr(1-i)), true
		case owner(key) == i && cl.asked[key]:
			return fmt.Sprintf("-ASK %d %s\r\n", slot(key), cl.addr(1-i)), true
		case owner(key) != i && cl.asked[key]:
			return fmt.Sprintf("-MOVED %d %s\r\n", slot(key), cl.addr(1-i)), true
		}
		return "", false
	}
}

// commandInfo returns the entry of COMMAND for a command that clients split by slot.
func commandInfo(name string, arity, step int, response string) string {
	return fmt.Sprintf("*10\r\n%s:%d\r\n*0\r\n:1\r\n:-1\r\n:%d\r\n*0\r\n*2\r\n%s%s*0\r\n*0\r\n",
		bulk(name), arity, step, bulk("request_policy:multi_shard"), bulk(response))
}

func (cl *cluster) slots() string {
	reply := "*2\r\n"
	for i, r := range [][2]int{{0, 8191}, {8192, 16383}} {
		host, port, _ := net.SplitHostPort(cl.addr(i))
		reply += fmt.Sprintf("*3\r\n:%d\r\n:%d\r\n*3\r\n%s:%s\r\n%s", r[0], r[1], bulk(host), port, bulk(fmt.Sprintf("%040d", i)))
	}
	return reply
}

func (l *testTelemetry) cluster(cl *cluster, change func(*redis.ClusterOptions), more ...resptrace.Option) *redis.ClusterClient {
	l.t.Helper()
	o := &redis.ClusterOptions{Addrs: []string{cl.a.addr}, PipelinePoolSize: -1}
	if change != nil {
		change(o)
	}
	c := redis.NewClusterClient(o)
	l.t.Cleanup(func() { _ = c.Close() })
	must(l.t, resptrace.Instrument(c, l.options(more...)...))
	return c
}

// slot returns the slot of a key: CRC16 (XMODEM), without support for hash tags.
func slot(key string) int {
	crc := uint16(0)
	for i := range len(key) {
		crc ^= uint16(key[i]) << 8
		for range 8 {
			carry := crc&0x8000 != 0
			crc <<= 1
			if carry {
				crc ^= 0x1021
			}
		}
	}
	return int(crc % 16384)
}

func owner(key string) int { return slot(key) / 8192 }

// keysOf returns n keys whose slots are in the given half.
func keysOf(half, n int) []string {
	var keys []string
	for i := 0; len(keys) < n; i++ {
		if key := fmt.Sprintf("key%d", i); owner(key) == half {
			keys = append(keys, key)
		}
	}
	return keys
}

func TestClusterSpansHaveTheNodesAddress(t *testing.T) {
	l, cl := newTestTelemetry(t), newCluster(t)
	c := l.cluster(cl, nil)
	ctx, _ := sampledContext()
	inA, inB := keysOf(0, 1)[0], keysOf(1, 1)[0]
	must(t, c.Set(ctx, inA, "1", 0).Err())
	must(t, c.Set(ctx, inB, "2", 0).Err())
	spans := l.takeSpans()
	if len(spans) != 2 {
		t.Fatalf("spans %q", describeAll(spans))
	}
	for i, span := range spans {
		if got := net.JoinHostPort(attr(span, "server.address").AsString(), attr(span, "server.port").String()); got != cl.addr(i) {
			t.Errorf("span %d has the address %s, want %s", i, got, cl.addr(i))
		}
	}
	mustLines(t, "a", cl.a.sent(), tracedPrefix+"set "+inA+" 1")
	mustLines(t, "b", cl.b.sent(), tracedPrefix+"set "+inB+" 2")
}

// The cluster client hashes Args(). If commands were wrapped in the cluster client
// instead of the node's client, MGET and DEL would fail, and MSET would report
// success without writing.
func TestMultiKeyCommandsOnACluster(t *testing.T) {
	l, cl := newTestTelemetry(t), newCluster(t)
	c := l.cluster(cl, nil)
	c.SetCommandInfoResolver(c.NewDynamicResolver()) // splits commands by slot according to COMMAND
	ctx, _ := sampledContext()
	keys := append(keysOf(0, 2), keysOf(1, 2)...)
	var pairs []any
	for _, k := range keys {
		pairs = append(pairs, k, "v"+k)
	}
	must(t, c.MSet(ctx, pairs...).Err())
	values, err := c.MGet(ctx, keys...).Result()
	must(t, err)
	for i, k := range keys {
		if values[i] != "v"+k {
			t.Errorf("%s is %v", k, values[i])
		}
	}
	n, err := c.Del(ctx, keys...).Result()
	if n != 4 || err != nil {
		t.Errorf("deleted %d, %v", n, err)
	}
	for _, line := range append(cl.a.sent(), cl.b.sent()...) {
		if !strings.HasPrefix(line, tracedPrefix) {
			t.Errorf("sent %q", line)
		}
	}
}

func TestRedirectedCommand(t *testing.T) {
	l, cl := newTestTelemetry(t), newCluster(t)
	c := l.cluster(cl, nil)
	ctx, _ := sampledContext()
	keys := keysOf(0, 2)
	cl.moved[keys[0]], cl.asked[keys[1]] = true, true
	if n, err := c.Incr(ctx, keys[0]).Result(); n != 1 || err != nil {
		t.Error(n, err)
	}
	if n, err := c.Incr(ctx, keys[1]).Result(); n != 1 || err != nil {
		t.Error(n, err)
	}
	mustLines(t, "a", cl.a.sent(), tracedPrefix+"incr "+keys[0], tracedPrefix+"incr "+keys[1])
	mustLines(t, "b", cl.b.sent(), tracedPrefix+"incr "+keys[0], "asking", tracedPrefix+"incr "+keys[1])
	const incr = "INCR client db.namespace=0 db.operation.name=INCR "
	mustLines(t, "spans", describeAll(l.takeSpans()),
		incr+"db.response.status_code=MOVED db.system.name=redis", incr+"db.system.name=redis",
		incr+"db.response.status_code=ASK db.system.name=redis", incr+"db.system.name=redis")
}

// go-redis requeues the wrapped command, and the hook of the next node must not
// wrap it again.
func TestRedirectedCommandsInAPipeline(t *testing.T) {
	l, cl := newTestTelemetry(t), newCluster(t)
	c := l.cluster(cl, nil)
	ctx, _ := sampledContext()
	keys := keysOf(0, 3)
	cl.moved[keys[0]], cl.asked[keys[1]] = true, true
	var results []*redis.IntCmd
	_, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, k := range keys {
			results = append(results, p.Incr(ctx, k))
		}
		return nil
	})
	must(t, err)
	for i, r := range results {
		if r.Val() != 1 || r.Err() != nil {
			t.Errorf("%s: %d, %v", keys[i], r.Val(), r.Err())
		}
	}
	mustLines(t, "a", cl.a.sent(), tracedPrefix+"incr "+keys[0], tracedPrefix+"incr "+keys[1], tracedPrefix+"incr "+keys[2])
	mustLines(t, "b", cl.b.sent(), tracedPrefix+"incr "+keys[0], "asking", tracedPrefix+"incr "+keys[1])
	const batch = "PIPELINE INCR client db.namespace=0 "
	mustLines(t, "spans", describeAll(l.takeSpans()),
		batch+"db.operation.batch.size=3 db.operation.name=PIPELINE INCR db.response.status_code=MOVED db.system.name=redis",
		batch+"db.operation.batch.size=2 db.operation.name=PIPELINE INCR db.system.name=redis")
}

// A stock server rejects TRACED before it checks slots, and the rejected request
// consumes ASKING.
func TestFallbackOnAClusterNode(t *testing.T) {
	l, cl := newTestTelemetry(t), newCluster(t, claimsTraced)
	c := l.cluster(cl, nil)
	ctx, _ := sampledContext()
	keys := keysOf(0, 4)
	cl.asked[keys[0]], cl.moved[keys[1]], cl.asked[keys[2]] = true, true, true
	if n, err := c.Incr(ctx, keys[0]).Result(); n != 1 || err != nil {
		t.Error(n, err)
	}
	mustLines(t, "a", cl.a.sent(), tracedPrefix+"incr "+keys[0], "incr "+keys[0])
	mustLines(t, "b", cl.b.sent(), "asking", tracedPrefix+"incr "+keys[0], "asking", "incr "+keys[0])

	fresh := l.cluster(cl, nil)
	_, err := fresh.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, k := range keys[1:] {
			p.Incr(ctx, k)
		}
		return nil
	})
	must(t, err)
	ran := append(cl.a.executed(), cl.b.executed()...)
	slices.Sort(ran)
	want := []string{"INCR " + keys[0], "INCR " + keys[1], "INCR " + keys[2], "INCR " + keys[3]}
	slices.Sort(want)
	mustLines(t, "ran", ran, want...)
}

// The cluster client repeats a whole pipeline if the first command is answered
// LOADING, so the fallback must not resend anything.
func TestNoFallbackIfTheClusterClientRepeatsThePipeline(t *testing.T) {
	l, cl := newTestTelemetry(t), newCluster(t, claimsTraced)
	keys := keysOf(0, 2)
	node, loading := cl.node(0), true
	cl.a.set(func(s *server) {
		s.answer = func(c *client, args []string) (string, bool) {
			if args[0] == "get" && loading {
				loading = false
				return "-LOADING Redis is loading the dataset in memory\r\n", true
			}
			return node(c, args)
		}
	})
	c := l.cluster(cl, nil, resptrace.WithFilter(func(cmd redis.Cmder) bool { return cmd.Name() != "get" }))
	ctx, _ := sampledContext()
	_, err := c.Pipelined(ctx, func(p redis.Pipeliner) error { p.Get(ctx, keys[0]); p.Incr(ctx, keys[1]); return nil })
	must(t, err, redis.Nil)
	mustLines(t, "sent", cl.a.sent(), "get "+keys[0], tracedPrefix+"incr "+keys[1], "get "+keys[0], "incr "+keys[1])
	mustLines(t, "ran", cl.a.executed(), "GET "+keys[0], "INCR "+keys[1])
}

func TestClusterTransaction(t *testing.T) {
	l, cl := newTestTelemetry(t), newCluster(t)
	c := l.cluster(cl, nil)
	ctx, _ := sampledContext()
	key := keysOf(1, 1)[0]
	_, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error { p.Set(ctx, key, "1", 0); p.Incr(ctx, key); return nil })
	must(t, err)
	mustLines(t, "b", cl.b.sent(), "multi", tracedPrefix+"set "+key+" 1", tracedPrefix+"incr "+key, "exec")
	mustLines(t, "spans", l.takeNames(), "MULTI")
	err = c.Watch(ctx, func(tx *redis.Tx) error {
		_, err := tx.TxPipelined(ctx, func(p redis.Pipeliner) error { p.Incr(ctx, key); return nil })
		return err
	}, key)
	must(t, err)
	mustLines(t, "b", cl.b.sent(), "watch "+key, "multi", tracedPrefix+"incr "+key, "exec")
}

func TestClusterProbesHaveNoSpan(t *testing.T) {
	l, cl := newTestTelemetry(t), newCluster(t)
	c := l.cluster(cl, nil)
	must(t, c.ForEachShard(context.Background(), func(ctx context.Context, node *redis.Client) error { return node.Ping(ctx).Err() }))
	if spans := l.takeSpans(); len(spans) > 0 {
		t.Errorf("spans %q", describeAll(spans))
	}
	ctx, _ := sampledContext()
	must(t, c.ForEachShard(ctx, func(ctx context.Context, node *redis.Client) error { return node.Ping(ctx).Err() }))
	mustLines(t, "spans", l.takeNames(), "PING", "PING")
}
