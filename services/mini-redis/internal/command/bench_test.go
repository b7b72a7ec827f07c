package command_test

import (
	"fmt"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	"mini-redis/internal/resp"
	"mini-redis/services/mini-redis/internal/command"
	"mini-redis/services/mini-redis/internal/engine"
)

// idle is an observer that records nothing.
type idle struct{}

func (idle) Extract([][]byte) (trace.SpanContext, bool)        { return trace.SpanContext{}, false }
func (idle) Command(*engine.Turn, *engine.Call) engine.Pending { return nil }
func (idle) Flushed([]engine.Pending, int64)                   {}

// realClock is the machine's clock.
type realClock struct{ start time.Time }

func (c *realClock) Now() time.Time { return time.Now() }
func (c *realClock) Mono() int64    { return int64(time.Since(c.start)) + 1 }

// bench runs requests round-robin as one pipelining connection does, with a turn for every
// 16 requests.
func bench(b *testing.B, prepare [][]string, requests ...[]string) {
	b.Helper()
	e := engine.New(engine.Config{Commands: command.All(), Clock: &realClock{time.Now()}, Observer: idle{}})
	s := e.NewSession(1, nil)
	var w resp.Writer
	for _, words := range prepare {
		e.Exec(s, toBytes(words), false, &w)
	}
	var list [][][]byte
	for _, words := range requests {
		list = append(list, toBytes(words))
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%16 == 0 {
			e.BeginTurn(engine.Turn{})
			w.Buf = w.Buf[:0]
		}
		e.Exec(s, list[i%len(list)], false, &w)
	}
}

func toBytes(words []string) [][]byte {
	list := make([][]byte, len(words))
	for i, w := range words {
		list[i] = []byte(w)
	}
	return list
}

const value64 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+/"

func manyKeys(n int, request func(key string) []string) [][]string {
	list := make([][]string, n)
	for i := range list {
		list[i] = request(fmt.Sprintf("key:%012d", i*7919%n))
	}
	return list
}

func BenchmarkEnginePing(b *testing.B) { bench(b, nil, []string{"PING"}) }

func BenchmarkEngineGet(b *testing.B) {
	bench(b, [][]string{{"SET", "key", value64}}, []string{"GET", "key"})
}

func BenchmarkEngineGetMany(b *testing.B) {
	set := manyKeys(100_000, func(k string) []string { return []string{"SET", k, value64} })
	get := manyKeys(100_000, func(k string) []string { return []string{"GET", k} })
	bench(b, set, get...)
}

func BenchmarkEngineGetMissing(b *testing.B) { bench(b, nil, []string{"GET", "key"}) }

func BenchmarkEngineSet(b *testing.B) { bench(b, nil, []string{"SET", "key", value64}) }

func BenchmarkEngineSetExpiring(b *testing.B) {
	bench(b, nil, []string{"SET", "key", value64, "EX", "100"})
}

func BenchmarkEngineSetMany(b *testing.B) {
	set := manyKeys(100_000, func(k string) []string { return []string{"SET", k, value64} })
	bench(b, set, set...)
}

func BenchmarkEngineIncr(b *testing.B) { bench(b, nil, []string{"INCR", "key"}) }

func BenchmarkEngineMset(b *testing.B) {
	request := []string{"MSET"}
	for i := range 10 {
		request = append(request, fmt.Sprintf("key:%d", i), value64)
	}
	bench(b, nil, request)
}

func BenchmarkEnginePushPop(b *testing.B) {
	bench(b, nil, []string{"RPUSH", "list", value64}, []string{"LPOP", "list"})
}

func BenchmarkEngineLrange100(b *testing.B) {
	request := []string{"RPUSH", "list"}
	for range 10_000 {
		request = append(request, value64)
	}
	bench(b, [][]string{request}, []string{"LRANGE", "list", "5000", "5099"})
}

func BenchmarkEngineTraced(b *testing.B) {
	bench(b, [][]string{{"SET", "key", value64}},
		[]string{"TRACED", "1", "traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "GET", "key"})
}

func BenchmarkEngineTransaction(b *testing.B) {
	bench(b, nil, []string{"MULTI"}, []string{"INCR", "a"}, []string{"INCR", "b"}, []string{"EXEC"})
}

func BenchmarkEnginePublishNobody(b *testing.B) {
	bench(b, nil, []string{"PUBLISH", "channel", value64})
}

// TestHotPathsDoNotAllocate: frequent commands do not allocate.
func TestHotPathsDoNotAllocate(t *testing.T) {
	e := engine.New(engine.Config{Commands: command.All(), Clock: &realClock{time.Now()}, Observer: idle{}})
	s := e.NewSession(1, nil)
	w := resp.Writer{Buf: make([]byte, 0, 1<<16)}
	for _, request := range [][]string{
		{"SET", "key", value64}, {"GET", "key"}, {"PING"}, {"INCR", "n"}, {"EXISTS", "key", "nosuch"}, {"SET", "key", value64, "EX", "10"},
		{"MSET", "key", value64, "n", "5"}, {"MGET", "key", "n"}, {"PUBLISH", "c", "x"}, {"EXPIRE", "key", "100"}, {"GET"},
		{"TRACED", "1", "traceparent", parentA, "GET", "key"},
	} {
		words := toBytes(request)
		e.Exec(s, words, false, &w)
		most := 0.0
		if len(request) == 1 && request[0] == "GET" {
			most = 2 // for the text of the error
		}
		got := testing.AllocsPerRun(100, func() {
			w.Buf = w.Buf[:0]
			e.BeginTurn(engine.Turn{})
			e.Exec(s, words, false, &w)
		})
		if got > most {
			t.Errorf("%q: %.0f allocations", request, got)
		}
	}
}

// BenchmarkEngineSetNew measures SET of keys that do not exist.
func BenchmarkEngineSetNew(b *testing.B) {
	e := engine.New(engine.Config{Commands: command.All(), Clock: &realClock{time.Now()}, Observer: idle{}})
	s := e.NewSession(1, nil)
	var w resp.Writer
	b.ReportAllocs()
	key := make([]byte, 0, 32)
	for i := 0; b.Loop(); i++ {
		w.Buf = w.Buf[:0]
		key = fmt.Appendf(key[:0], "key:%012d", i)
		e.Exec(s, [][]byte{[]byte("SET"), key, []byte(value64)}, false, &w)
	}
}
