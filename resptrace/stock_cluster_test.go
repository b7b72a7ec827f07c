package resptrace_test

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"mini-redis/resptrace"
	"mini-redis/resptrace/internal/redistest"
)

// stockCluster is a cluster of three redis-server nodes, each with a third of the slots.
type stockCluster struct {
	addrs []string
	ids   []string
}

const thirdOfSlots = 16384 / 3

func newStockCluster(t *testing.T) *stockCluster {
	t.Helper()
	cl := &stockCluster{}
	for range 3 {
		cl.addrs = append(cl.addrs, redistest.Start(t, "--cluster-enabled", "yes", "--cluster-node-timeout", "5000"))
	}
	for i, addr := range cl.addrs {
		last := (i+1)*thirdOfSlots - 1
		if i == 2 {
			last = 16383
		}
		mustDo(t, addr, "+OK", "CLUSTER ADDSLOTSRANGE %d %d", i*thirdOfSlots, last)
		id, err := redistest.Do(addr, "CLUSTER MYID")
		must(t, err)
		cl.ids = append(cl.ids, id)
		if i > 0 {
			host, port, _ := net.SplitHostPort(cl.addrs[0])
			mustDo(t, addr, "+OK", "CLUSTER MEET %s %s", host, port)
		}
	}
	waitFor(t, "agreement of the cluster's nodes", func() bool {
		for _, addr := range cl.addrs {
			info, err := redistest.Do(addr, "CLUSTER INFO")
			must(t, err)
			if !strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, "cluster_known_nodes:3") {
				return false
			}
			slots, err := redistest.Do(addr, "CLUSTER NODES")
			must(t, err)
			if strings.Count(slots, " connected ") != 3 || strings.Contains(slots, "handshake") {
				return false
			}
		}
		return true
	})
	return cl
}

func mustDo(t *testing.T, addr, want, format string, args ...any) {
	t.Helper()
	line := fmt.Sprintf(format, args...)
	if got, err := redistest.Do(addr, line); err != nil || got != want {
		t.Fatalf("%s: %q, %v", line, got, err)
	}
}

// calls returns the number of executions of a command on all nodes. Redirected calls do not count.
func (cl *stockCluster) calls(t *testing.T, command string) int {
	t.Helper()
	sum := 0
	for _, addr := range cl.addrs {
		info, err := redistest.Do(addr, "INFO commandstats")
		must(t, err)
		for line := range strings.Lines(info) {
			if rest, ok := strings.CutPrefix(line, "cmdstat_"+command+":calls="); ok {
				n, _, _ := strings.Cut(rest, ",")
				calls, err := strconv.Atoi(n)
				must(t, err)
				sum += calls
			}
		}
	}
	return sum
}

func (cl *stockCluster) node(slot int) int { return min(slot/thirdOfSlots, 2) }

// migrate starts to migrate a key's slot from its owner to the next node. The slot
// is empty, so its owner answers ASK. finish completes the migration; then the
// old owner answers MOVED.
func (cl *stockCluster) migrate(t *testing.T, key string) (finish func()) {
	t.Helper()
	n := slot(key)
	from := cl.node(n)
	to := (from + 1) % 3
	mustDo(t, cl.addrs[to], "+OK", "CLUSTER SETSLOT %d IMPORTING %s", n, cl.ids[from])
	mustDo(t, cl.addrs[from], "+OK", "CLUSTER SETSLOT %d MIGRATING %s", n, cl.ids[to])
	return func() {
		for _, i := range []int{to, from, (from + 2) % 3} {
			mustDo(t, cl.addrs[i], "+OK", "CLUSTER SETSLOT %d NODE %s", n, cl.ids[to])
		}
		cl.waitForOwner(t, key, to)
	}
}

// waitForOwner waits until all nodes have reported three times in a row that the
// key's slot belongs to the given node. Once is not enough, because older cluster
// bus messages may still arrive.
func (cl *stockCluster) waitForOwner(t *testing.T, key string, owner int) {
	t.Helper()
	for agreed, deadline := 0, time.Now().Add(20*time.Second); agreed < 3; time.Sleep(50 * time.Millisecond) {
		agreed++
		for i, addr := range cl.addrs {
			got, err := redistest.Do(addr, "GET "+key)
			must(t, err)
			if elsewhere := strings.HasPrefix(got, "-MOVED "); elsewhere != (i != owner) || elsewhere && !strings.HasSuffix(strings.TrimSpace(got), cl.addrs[owner]) {
				agreed = 0
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("timeout: the nodes do not agree on the owner of %s", key)
		}
	}
}

// TestStockCluster uses a real cluster while slots migrate. It expects spans, no
// errors, and that each increment is executed once. In the subtest "claimed" the
// replies of HELLO wrongly announce TRACED, so the hook must fall back.
func TestStockCluster(t *testing.T) {
	cl := newStockCluster(t)
	// "plain" is first, because the rejected requests of "claimed" remain in the nodes' statistics.
	for _, name := range []string{"plain", "claimed"} {
		var dialer func(context.Context, string, string) (net.Conn, error)
		if name == "claimed" {
			dialer = dialClaimingTraced
		}
		t.Run(name, func(t *testing.T) {
			l := newTestTelemetry(t)
			newClient := func() *redis.ClusterClient {
				c := redis.NewClusterClient(&redis.ClusterOptions{Addrs: cl.addrs, Dialer: dialer, PipelinePoolSize: -1})
				t.Cleanup(func() { _ = c.Close() })
				must(t, resptrace.Instrument(c, l.options()...))
				return c
			}
			before := cl.calls(t, "incr")
			expected := useCluster(t, cl, name, newClient)
			if ran := cl.calls(t, "incr") - before; ran != expected {
				t.Errorf("INCR ran %d times, want %d", ran, expected)
			}
			redirects := map[string]int{}
			for _, span := range l.takeSpans() {
				redirects[attr(span, "db.response.status_code").AsString()]++
				if line := describe(span); strings.Contains(line, "rror") && !(name == "claimed" && strings.HasPrefix(line, "MULTI")) {
					t.Error(line)
				}
			}
			if redirects["ASK"] < 3 || redirects["MOVED"] < 1 {
				t.Errorf("redirects %v, want at least 3 ASK and 1 MOVED", redirects)
			}
			if name == "plain" {
				for _, addr := range cl.addrs {
					if errors := stats(t, addr, "errorstats"); errors["errorstat_EXECABORT"] != "" {
						t.Errorf("%s: %v", addr, errors)
					}
				}
			}
		})
	}
}

// useCluster increments keys with single commands, pipelines, transactions and
// during slot migrations. It returns the number of increments.
func useCluster(t *testing.T, cl *stockCluster, prefix string, newClient func() *redis.ClusterClient) int {
	t.Helper()
	ctx, _ := sampledContext()
	total := 0
	incr := func(c *redis.ClusterClient, key string, want int64) {
		t.Helper()
		total++
		if n, err := c.Incr(ctx, key).Result(); n != want || err != nil {
			t.Errorf("%s is %d, %v, want %d", key, n, err, want)
		}
	}
	key := func(i int) string { return fmt.Sprintf("%s:%d", prefix, i) }
	c := newClient()
	for i := range 12 {
		incr(c, key(i), 1)
	}
	pipelined := func(c *redis.ClusterClient, keys []string, want int64) {
		t.Helper()
		cmds, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
			for _, k := range keys {
				p.Incr(ctx, k)
			}
			return nil
		})
		must(t, err)
		total += len(keys)
		for i, cmd := range cmds {
			if n := cmd.(*redis.IntCmd).Val(); n != want {
				t.Errorf("%s is %d, want %d", keys[i], n, want)
			}
		}
	}
	all := []string{key(0), key(1), key(2), key(3), key(4), key(5), key(6), key(7), key(8), key(9), key(10), key(11)}
	pipelined(newClient(), all, 2)

	useMultiKeyCommands(t, ctx, newClient(), prefix)

	c = newClient()
	transact := func() error {
		_, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error { p.Incr(ctx, key(0)); p.Incr(ctx, key(0)); return nil })
		return err
	}
	if err := transact(); err != nil && (prefix != "claimed" || !strings.Contains(err.Error(), "TRACED") && !redis.IsExecAbortError(err)) {
		t.Errorf("transaction: %v", err)
	} else if err != nil {
		must(t, transact())
	}
	total += 2

	for i, use := range []func(c *redis.ClusterClient, key string, want int64){
		incr,
		func(c *redis.ClusterClient, key string, want int64) { pipelined(c, []string{key}, want) },
	} {
		moving := fmt.Sprintf("%s:moving:%d", prefix, i)
		stale := newClient()
		incr(stale, key(20+i), 1) // loads the slot table
		finish := cl.migrate(t, moving)
		use(stale, moving, 1)       // ASK
		use(newClient(), moving, 2) // ASK
		finish()
		use(stale, moving, 3)       // MOVED
		use(newClient(), moving, 4) // no redirect, or MOVED
	}
	return total
}

// useMultiKeyCommands writes, reads and deletes keys of all nodes with MSET, MGET and DEL.
func useMultiKeyCommands(t *testing.T, ctx context.Context, c *redis.ClusterClient, prefix string) {
	t.Helper()
	c.SetCommandInfoResolver(c.NewDynamicResolver())
	var keys []string
	var pairs []any
	for i := range 12 {
		keys = append(keys, fmt.Sprintf("%s:many:%d", prefix, i))
		pairs = append(pairs, keys[i], strconv.Itoa(i))
	}
	must(t, c.MSet(ctx, pairs...).Err())
	values, err := c.MGet(ctx, keys...).Result()
	must(t, err)
	for i, v := range values {
		if v != strconv.Itoa(i) {
			t.Errorf("%s is %v", keys[i], v)
		}
	}
	if n, err := c.Del(ctx, keys...).Result(); n != int64(len(keys)) || err != nil {
		t.Errorf("deleted %d, %v", n, err)
	}
}
