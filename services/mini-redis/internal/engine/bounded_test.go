package engine_test

import (
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"mini-redis/internal/resp"
)

// sizes returns the numbers of arguments that are compared, n and 8 n, and the largest
// ratio of their times. A linear command has a ratio of 8, more if only the small request
// fits into the processor's cache; a quadratic one has 64. The long form takes some
// minutes: MINI_REDIS_LONG=1 go test -run Bounded ./services/mini-redis/internal/engine
func sizes() (small, large int, mostGrowth float64) {
	if os.Getenv("MINI_REDIS_LONG") != "" {
		return 1 << 17, 1 << 20, 16
	}
	return 1 << 12, 1 << 15, 32
}

// comparedSizes is sizes, but it skips the test under the race detector.
func comparedSizes(t *testing.T) (small, large int) {
	t.Helper()
	if raceEnabled {
		t.Skip("the race detector changes the times")
	}
	small, large, _ = sizes()
	return small, large
}

const (
	// fastEnough is a time for one argument with which a command passes without being
	// compared: 33 ms for 2^15 arguments, for which a quadratic one takes several times as
	// long.
	fastEnough = time.Microsecond
	// attempts is how often a command is measured before it fails.
	attempts = 3
)

// negligible returns the time in which the larger request passes.
func negligible() time.Duration {
	_, large, _ := sizes()
	return time.Duration(large) * fastEnough
}

// measure returns how long a request takes on an engine that prepare has filled, with
// the end of the session after it: the shortest of up to three runs.
func measure(t *testing.T, spec string, f filler, prepare func(words [][]byte) [][][]byte) time.Duration {
	t.Helper()
	shortest := time.Hour
	for i := 0; i < 3 && shortest >= negligible(); i++ {
		h := newHarness(t)
		g := h.connect()
		words := f.fillRequest(h.engine.Table().Find(spec))
		var w resp.Writer
		for _, request := range prepare(words) {
			h.engine.Exec(g.session, request, false, &w)
			w.Buf = w.Buf[:0]
		}
		runtime.GC()
		shortest = min(shortest, processorTime(func() {
			h.engine.Exec(g.session, words, false, &w)
			h.engine.Drop(g.session)
		}))
	}
	return shortest
}

// prepared returns the requests that make a command with these words do the most work:
// the keys exist, the channels are subscribed to, the transaction is full.
func prepared(name string, words [][]byte) [][][]byte {
	args := words[1+strings.Count(name, "|"):]
	rename := func(command string, args [][]byte) [][]byte {
		return append([][]byte{[]byte(command)}, args...)
	}
	switch name {
	case "unsubscribe":
		return [][][]byte{rename("SUBSCRIBE", args)}
	case "punsubscribe":
		return [][][]byte{rename("PSUBSCRIBE", args)}
	case "pubsub|numsub":
		return [][][]byte{toBytes("HELLO 3"), rename("SUBSCRIBE", args)}
	case "del", "unlink", "exists", "touch", "mget", "watch":
		pairs := [][]byte{[]byte("MSET")}
		for _, key := range args {
			pairs = append(pairs, key, []byte("v"))
		}
		return [][][]byte{pairs}
	}
	return nil
}

// TestTurnsAreBoundedByTheArguments: the time of every command grows at most as N log N
// with the number of its arguments.
func TestTurnsAreBoundedByTheArguments(t *testing.T) {
	small, large := comparedSizes(t)
	table := newHarness(t).engine.Table()
	variadic := 0
	for _, s := range table.All() {
		if s.Handler == nil || s.Arity >= 0 {
			continue
		}
		variadic++
		for _, f := range []filler{{distinct: true}, {distinct: true, optional: true}, {distinct: false}} {
			if list, _ := s.Arguments(); f.optional && !slices.ContainsFunc(list, once) {
				continue
			}
			mustGrowLinearly(t, s.Name+" with "+f.String(), func(size int) time.Duration {
				f.n = []int{small, large}[size]
				return measure(t, s.Name, f, func(words [][]byte) [][][]byte { return prepared(s.Name, words) })
			})
		}
	}
	if variadic < 30 {
		t.Errorf("only %d commands have a variable number of arguments", variadic)
	}
}

// mustGrowLinearly compares the times of the small (0) and the large (1) size.
func mustGrowLinearly(t *testing.T, what string, run func(size int) time.Duration) {
	t.Helper()
	var ratios []float64
	for range attempts {
		large := run(1)
		if large < negligible() {
			return
		}
		ratio := float64(large) / float64(run(0))
		if _, _, most := sizes(); ratio <= most {
			return
		}
		ratios = append(ratios, ratio)
	}
	slices.Sort(ratios)
	t.Errorf("%s: 8 times the size takes %.1f times as long", what, ratios[0])
}

// TestTurnsAreBoundedByTheData: the time of a short request grows at most as N log N with
// the size of what it works on.
func TestTurnsAreBoundedByTheData(t *testing.T) {
	small, large := comparedSizes(t)
	numbered := func(command, prefix string, n int) [][]byte {
		words := toBytes(command)
		for i := range n {
			words = append(words, strconv.AppendInt([]byte(prefix), int64(i), 10))
		}
		return words
	}
	f := func(request string, prepare func(n int) [][][]byte) {
		t.Helper()
		mustGrowLinearly(t, request, func(size int) time.Duration {
			n := []int{small, large}[size]
			shortest := time.Hour
			for i := 0; i < 3 && shortest >= negligible(); i++ {
				shortest = min(shortest, timeAfter(t, prepare(n), toBytes(request)))
			}
			return shortest
		})
	}
	f("UNSUBSCRIBE", func(n int) [][][]byte { return [][][]byte{numbered("SUBSCRIBE", "c", n)} })
	f("PUNSUBSCRIBE", func(n int) [][][]byte { return [][][]byte{numbered("PSUBSCRIBE", "c*", n)} })
	f("RESET", func(n int) [][][]byte {
		return [][][]byte{numbered("SUBSCRIBE", "c", n), numbered("PSUBSCRIBE", "c*", n)}
	})
	f("UNWATCH", func(n int) [][][]byte { return [][][]byte{numbered("WATCH", "k", n)} })
	f("CLIENT LIST", func(n int) [][][]byte { return [][][]byte{numbered("WATCH", "k", n)} })
	f("PUBSUB CHANNELS c*", func(n int) [][][]byte {
		return [][][]byte{toBytes("HELLO 3"), numbered("SUBSCRIBE", "c", n)}
	})
	for _, end := range []string{"EXEC", "DISCARD"} {
		f(end, func(n int) [][][]byte {
			requests := [][][]byte{toBytes("MULTI")}
			for i := range n {
				requests = append(requests, toBytes("SET k"+strconv.Itoa(i)+" v"))
			}
			return requests
		})
	}
	list := func(n int) [][][]byte { return [][][]byte{numbered("RPUSH l", "e", n)} }
	for _, request := range []string{
		"LRANGE l 0 -1", "LREM l 0 none", "LREM l 0 e1", "LINSERT l AFTER e100 x", "LTRIM l 100 200", "LPOP l 1000000", "LINDEX l 4000", "DEL l",
	} {
		f(request, list)
	}
	f("LREM l 0 e", func(n int) [][][]byte { return [][][]byte{slices.Repeat(toBytes("RPUSH l e e"), n/4)[:n]} })
	keys := func(n int) [][][]byte {
		pairs := toBytes("MSET")
		for i := range n {
			pairs = append(pairs, strconv.AppendInt([]byte("k"), int64(i), 10), []byte("v"))
		}
		return [][][]byte{pairs}
	}
	for _, request := range []string{"KEYS *", "SCAN 0 COUNT 1000000", "FLUSHALL", "RANDOMKEY", "DBSIZE"} {
		f(request, keys)
	}
}

// timeAfter returns how long a request takes after others on the same connection.
func timeAfter(t *testing.T, before [][][]byte, request [][]byte) time.Duration {
	t.Helper()
	h := newHarness(t)
	g := h.connect()
	var w resp.Writer
	for _, words := range before {
		h.engine.Exec(g.session, words, false, &w)
		w.Buf = w.Buf[:0]
	}
	runtime.GC()
	return processorTime(func() { h.engine.Exec(g.session, request, false, &w) })
}

// TestTurnsAreBoundedByTheClients: the time of a command about connections grows at most
// as N log N with their number.
func TestTurnsAreBoundedByTheClients(t *testing.T) {
	small, large := comparedSizes(t)
	f := func(request, state string) {
		t.Helper()
		mustGrowLinearly(t, request+" after "+state, func(size int) time.Duration {
			h := newHarness(t)
			for range []int{small, large}[size] / 4 {
				h.connect().do(state)
			}
			g := h.connect()
			words := toBytes(request)
			runtime.GC()
			return processorTime(func() { g.send(words) })
		})
	}
	f("CLIENT LIST", "PING")
	f("CLIENT KILL TYPE normal", "BLPOP q 0")
	f("CLIENT KILL TYPE pubsub", "SUBSCRIBE c")
	f("CLIENT KILL SKIPME yes", "WATCH k")
	f("PUBLISH c x", "SUBSCRIBE c")
	f("RPUSH q x", "BLPOP q 0")
	f("CLIENT UNPAUSE", "PING")
	f("SET k v", "WATCH k")
}
