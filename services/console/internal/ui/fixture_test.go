package ui

import (
	"bytes"
	"context"
	"flag"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/types/known/durationpb"

	"mini-redis/console"
	"mini-redis/console/consoletest"
	"mini-redis/console/watch"
	"mini-redis/console/wire/goroutinespb"
	"mini-redis/services/console/internal/lint"
	"mini-redis/services/console/internal/record"
	"mini-redis/services/console/internal/source"
)

var update = flag.Bool("update", false, "write the recording and the screens in testdata")

const ms = time.Millisecond

// fixtureProgram is a program with defined tasks, resources, spans, events and goroutines, on a
// clock that the test controls.
type fixtureProgram struct {
	c     *console.Console
	clock *consoletest.Clock
	locks []*watch.Mutex
	first *console.Task
	log   slog.Handler
}

// logs writes three records at fixed times: one in the context of the first task, one in the span
// GET, and one without a task.
func (k *fixtureProgram) logs() {
	at := func(d time.Duration, l slog.Level, text string, attrs ...slog.Attr) slog.Record {
		r := slog.NewRecord(time.Date(2026, 11, 23, 12, 0, 5, 0, time.UTC).Add(d), l, text, 0)
		r.AddAttrs(attrs...)
		return r
	}
	ctx := console.NewContext(context.Background(), k.first)
	in := trace.ContextWithSpanContext(context.Background(), spanContext(3))
	for _, x := range []struct {
		ctx context.Context
		r   slog.Record
	}{
		{ctx, at(-4*time.Second, slog.LevelInfo, "spinning", slog.Duration("for", 200*ms))},
		{in, at(230*time.Microsecond, slog.LevelWarn, "the key is large", slog.Int("bytes", 1<<20))},
		{context.Background(), at(time.Second, slog.LevelError, "the collector cannot be reached, and spans are dropped until it is back", slog.String("error", "connection refused"), slog.String("endpoint", "127.0.0.1:4317"))},
	} {
		_ = k.log.Handle(x.ctx, x.r)
	}
}

func spanContext(n byte) trace.SpanContext {
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{0: 0x0a, 15: 0xf7}, SpanID: trace.SpanID{0: 0xb7, 7: n}})
}

func newFixtureProgram(t *testing.T) *fixtureProgram {
	t.Helper()
	k := &fixtureProgram{clock: consoletest.NewClock()}
	tap := console.NewLogTap(slog.NewTextHandler(io.Discard, nil))
	k.c = console.New(console.Options{
		Clock: k.clock, PublishInterval: 5 * ms, AlwaysHistograms: true, Spans: k, Goroutines: k, Logs: tap,
	})
	k.log = tap
	k.spinner()
	k.connections()
	k.deadlock(t)
	brief := k.c.NewTask(console.TaskOptions{Name: "short-lived", Kind: console.KindBlocking, Parent: k.first})
	brief.BeginPoll(k.clock.Mono())
	k.clock.Pass(3 * ms)
	brief.Drop()
	loop := k.c.NewResource(console.ResourceOptions{Kind: "Loop", Type: "epoll", Name: "loop 0", Internal: true})
	loop.Set(console.Int("connections", 3))
	return k
}

// spinner adds a task that runs for 200 ms and then sleeps for 300 ms, five times.
func (k *fixtureProgram) spinner() {
	task := k.c.NewTask(console.TaskOptions{Name: "spins 200 ms, sleeps 300", Kind: console.KindBlocking})
	timer := k.c.NewResource(console.ResourceOptions{Kind: "Timer", Type: "time.Timer", Name: "sleep"})
	k.first = task
	task.BeginPoll(k.clock.Mono())
	for range 5 {
		k.clock.Pass(200 * ms)
		op := timer.Wait(task, "Timer.Wait", "fire")
		task.Park(k.clock.Mono())
		k.clock.Pass(300 * ms)
		due := k.clock.Mono()
		k.clock.Pass(ms)
		task.Unpark(due, k.clock.Mono())
		op.Ready()
	}
	k.clock.Pass(200 * ms)
	timer.Wait(task, "Timer.Wait", "fire", console.Int("after", 300).In("ms"))
	task.Park(k.clock.Mono())
}

// connections adds three tasks of an event loop: one that is busy, one that wakes itself, and one
// that is idle.
func (k *fixtureProgram) connections() {
	tasks := make([]*console.Task, 3)
	for i, peer := range []string{"10.0.0.1:50001", "10.0.0.2:50002", "10.0.0.3:50003"} {
		tasks[i] = k.c.NewTask(console.TaskOptions{
			Name: "connection", Key: peer, Fields: []console.Field{console.Text("peer", peer), console.Int("loop", int64(i%2))},
		})
	}
	for i := range 40 {
		woken := k.clock.Mono()
		k.clock.Pass(time.Duration(50+i) * time.Microsecond)
		began := k.clock.Mono()
		k.clock.Pass(time.Duration(100*(1+i%7)) * time.Microsecond)
		tasks[0].Polled(woken, began, k.clock.Mono())
		tasks[1].SelfWake(woken)
		tasks[1].Polled(0, began, began+1000)
	}
}

// deadlock adds two tasks, each of which holds the lock that the other one waits for.
func (k *fixtureProgram) deadlock(t *testing.T) {
	t.Helper()
	var ready sync.WaitGroup
	tasks := make([]*console.Task, 2)
	names := []string{"alice", "bob"}
	for i, name := range names {
		tasks[i] = k.c.NewTask(console.TaskOptions{Name: "clerk of " + name, Kind: console.KindBlocking})
		tasks[i].BeginPoll(k.clock.Mono())
		k.locks = append(k.locks, watch.NewMutex(k.c, name))
		k.locks[i].LockTask(tasks[i])
	}
	for i := range names {
		ready.Add(1)
		go func() {
			ready.Done()
			k.locks[1-i].LockTask(tasks[i])
			k.locks[1-i].Unlock()
		}()
	}
	ready.Wait()
	time.Sleep(50 * ms)
	t.Cleanup(func() {
		for _, l := range k.locks {
			l.Unlock()
		}
	})
	k.clock.Pass(2500 * ms)
}

// Subscribe implements console.SpanSource.
func (k *fixtureProgram) Subscribe(int) console.SpanStream { return &fixtureSpans{} }

type fixtureSpans struct{ calls int }

func (s *fixtureSpans) Close() {}

func (s *fixtureSpans) Next(ctx context.Context, dst []console.Span) (int, uint64, error) {
	s.calls++
	start := time.Date(2026, 11, 23, 12, 0, 5, 0, time.UTC)
	id := spanContext
	peer := []attribute.KeyValue{attribute.String("network.peer.address", "10.0.0.1"), attribute.Int("network.peer.port", 50001), attribute.String("db.system.name", "redis")}
	spans := []console.Span{
		{Name: "GET", Context: id(3), Parent: id(2), Kind: trace.SpanKindServer, Start: start.Add(200 * time.Microsecond), End: start.Add(260 * time.Microsecond), Attributes: peer, Scope: "mini-redis",
			Events: []console.SpanEvent{{Name: "expired key removed", Time: start.Add(220 * time.Microsecond), Attributes: []attribute.KeyValue{attribute.Int("db", 0)}}}, DroppedEvents: 2},
		{Name: "GET", Context: id(2), Parent: id(1), Kind: trace.SpanKindClient, Start: start.Add(100 * time.Microsecond), End: start.Add(400 * time.Microsecond), Scope: "resptrace"},
		{Name: "hello", Context: id(1), Kind: trace.SpanKindInternal, Start: start, End: start.Add(2 * ms), Status: codes.Error, Scope: "hello"},
	}
	switch s.calls {
	case 1:
		return copy(dst, spans), 7, nil
	case 2:
		return copy(dst, []console.Span{{Name: "BLPOP", Context: trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{0: 0x0b, 15: 0xf8}, SpanID: trace.SpanID{0: 0xb8, 7: 1}}),
			Kind: trace.SpanKindServer, Start: start.Add(-3 * time.Second), Attributes: peer, Scope: "mini-redis", Open: true}}), 0, nil
	}
	<-ctx.Done()
	return 0, 0, ctx.Err()
}

// Snapshot implements console.GoroutineSource.
func (k *fixtureProgram) Snapshot(context.Context, int) (*goroutinespb.Snapshot, error) {
	times := func(run, ready, wait time.Duration, n uint64) *goroutinespb.Times {
		return &goroutinespb.Times{Running: durationpb.New(run), Runnable: durationpb.New(ready), Waiting: durationpb.New(wait), Scheduled: n}
	}
	return &goroutinespb.Snapshot{
		Total: 3, Window: durationpb.New(500 * ms), LeaksKnown: true,
		Goroutines: []*goroutinespb.Goroutine{
			{Id: 1, Name: "main.main", State: "chan receive", BlockedFor: durationpb.New(3 * time.Minute), Times: times(0, 0, 500*ms, 0)},
			{Id: 8, Name: "main.spin", State: "running", CreatedBy: "main.start", Location: "behaviour/main.go:55", Parent: 1, Times: times(450*ms, 49*ms, ms, 12), Task: 1,
				Stack: []string{"main.spin behaviour/main.go:99", "main.start.func1 behaviour/main.go:57"}},
			{Id: 15, Name: "main.leak.func1", State: "chan receive", CreatedBy: "main.leak", Location: "behaviour/main.go:102", Parent: 1, Leaked: true, Times: times(0, 0, 500*ms, 0)},
		},
		Sites: []*goroutinespb.Site{
			{Name: "main.main", Count: 1, States: map[string]uint64{"chan receive": 1}, Times: times(0, 0, 500*ms, 0)},
			{Name: "main.spin", Location: "behaviour/main.go:55", CreatedBy: "main.start", Count: 1, States: map[string]uint64{"running": 1}, Times: times(450*ms, 49*ms, ms, 12)},
			{Name: "main.leak.func1", Location: "behaviour/main.go:102", CreatedBy: "main.leak", Count: 1, States: map[string]uint64{"chan receive": 1}, Leaked: 1},
		},
	}, nil
}

// Rest implements console.GoroutineSource.
func (k *fixtureProgram) Rest() {}

// makeRecording records the fixture program.
func makeRecording(t *testing.T, path string) {
	t.Helper()
	k := newFixtureProgram(t)
	s, err := k.c.Listen(console.ServeOptions{Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	spec, err := source.ParseSpec("server="+s.Addr().String(), nil, "")
	if err != nil {
		t.Fatal(err)
	}
	live := source.NewLive([]source.Spec{spec}, source.Options{})
	live.Spans()
	live.Events()
	k.logs()
	live.Goroutines()
	live.Details(0, 1)
	var b bytes.Buffer
	w := record.NewWriter(&b, time.Now(), []string{"server"})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	time.AfterFunc(time.Second, func() { k.clock.Pass(time.Second) }) // a deadlock is reported only if it is older than the previous update
	if err := live.Run(ctx, w.Write); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	shut, cancel := context.WithTimeout(context.Background(), ms)
	defer cancel()
	_ = s.Close(shut)
}

// recorded returns an App to which the recording of the fixture program has been applied, once for
// each of the targets.
func recorded(t *testing.T, targets int, styles Styles) *App {
	t.Helper()
	path := filepath.Join("testdata", "fixture.recording")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := record.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"server", "second"}[:targets]
	a := New(&fakeSource{names: names}, Options{Styles: styles, Lint: lint.Defaults(), RetainFor: -1, Zone: time.UTC})
	var events []source.Event
	for {
		e, _, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for i := range targets {
			e.Target = i
			events = append(events, e)
		}
	}
	a.Apply(events...)
	return a
}
