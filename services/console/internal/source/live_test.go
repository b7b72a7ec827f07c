package source_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	"mini-redis/console"
	"mini-redis/console/watch"
	"mini-redis/console/wire/goroutinespb"
	"mini-redis/services/console/internal/export"
	"mini-redis/services/console/internal/lint"
	"mini-redis/services/console/internal/model"
	"mini-redis/services/console/internal/record"
	"mini-redis/services/console/internal/source"
)

const ms = time.Millisecond

// watcher runs a source that fills a store while the test reads it.
type watcher struct {
	t      *testing.T
	mu     sync.Mutex
	store  *model.Store
	live   *source.Live
	buf    *bytes.Buffer
	writer *record.Writer
	stop   func()
}

// watchTargets receives events of the targets until the test ends, and records them.
func watchTargets(t *testing.T, targets ...string) *watcher {
	t.Helper()
	var specs []source.Spec
	for _, text := range targets {
		s, err := source.ParseSpec(text, nil, "")
		if err != nil {
			t.Fatal(err)
		}
		specs = append(specs, s)
	}
	h := &watcher{t: t, store: &model.Store{RetainFor: -1}, live: source.NewLive(specs, source.Options{Interval: 50 * ms}), buf: &bytes.Buffer{}}
	h.live.Targets(h.store)
	h.writer = record.NewWriter(h.buf, time.Now(), targets)
	ctx, cancel := context.WithCancel(context.Background())
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		_ = h.live.Run(ctx, func(e source.Event) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.writer.Write(e)
			source.Apply(h.store, e)
		})
	}()
	h.stop = sync.OnceFunc(func() { cancel(); <-finished })
	t.Cleanup(h.stop)
	return h
}

func (h *watcher) until(what string, is func(store *model.Store) bool) {
	h.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(ms) {
		h.mu.Lock()
		ok := is(h.store)
		h.mu.Unlock()
		if ok {
			return
		}
		if time.Now().After(deadline) {
			h.t.Fatalf("timed out after 20 s waiting for %s", what)
		}
	}
}

func named(t *model.Target, name string) *model.Task {
	for _, x := range t.Tasks {
		if x.Name == name {
			return x
		}
	}
	return nil
}

func serve(t *testing.T, c *console.Console, addr string) *console.Server {
	t.Helper()
	s, err := c.Listen(console.ServeOptions{Addr: addr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeServer(s) })
	return s
}

func closeServer(s *console.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), 100*ms)
	defer cancel()
	_ = s.Close(ctx)
}

type fixedGoroutines struct{}

func (fixedGoroutines) Snapshot(context.Context, int) (*goroutinespb.Snapshot, error) {
	return &goroutinespb.Snapshot{Total: 1, Goroutines: []*goroutinespb.Goroutine{{Id: 77, Name: "main.main"}}}, nil
}
func (fixedGoroutines) Rest() {}

// fixedSpans provides one ended span with an event, and one open span.
type fixedSpans struct{}

func (fixedSpans) Subscribe(int) console.SpanStream { return &fixedStream{} }

type fixedStream struct{ sent bool }

func (*fixedStream) Close() {}

func (s *fixedStream) Next(ctx context.Context, dst []console.Span) (int, uint64, error) {
	if s.sent {
		<-ctx.Done()
		return 0, 0, ctx.Err()
	}
	s.sent = true
	id := func(n byte) trace.SpanContext {
		return trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{15: 7}, SpanID: trace.SpanID{7: n}})
	}
	at := time.Unix(10, 0)
	return copy(dst, []console.Span{
		{Name: "GET", Context: id(1), Start: at, End: at.Add(ms), Events: []console.SpanEvent{{Name: "retry", Time: at}}},
		{Name: "BLPOP", Context: id(2), Start: at, Open: true},
	}), 0, nil
}

func TestUnservedStreamsAreReported(t *testing.T) {
	s := serve(t, console.New(console.Options{PublishInterval: 2 * ms}), "127.0.0.1:0")
	h := watchTargets(t, s.Addr().String())
	h.live.Spans()
	h.live.Events()
	h.until("the status of both streams", func(store *model.Store) bool {
		x := store.Targets[0]
		return x.SpanStatus.Text == "the program does not serve them" && x.EventStatus.Text == "the program does not serve them" && x.Status.Connected
	})
}

func TestPauseAndRestart(t *testing.T) {
	c := console.New(console.Options{PublishInterval: 5 * ms, Goroutines: fixedGoroutines{}})
	s := serve(t, c, "127.0.0.1:0")
	addr := s.Addr().String()
	h := watchTargets(t, addr)
	c.NewTask(console.TaskOptions{Name: "first", Fields: []console.Field{console.Int("goroutine", 77)}})
	h.until("the first task", func(store *model.Store) bool { return named(store.Targets[0], "first") != nil })
	h.live.Goroutines()
	h.until("the goroutine and its task", func(store *model.Store) bool {
		g := store.Targets[0].Goroutines.GetGoroutines()
		return len(g) == 1 && g[0].Task == named(store.Targets[0], "first").WireID
	})
	h.live.Pause(true)
	h.until("the pause", func(store *model.Store) bool { return store.Targets[0].Paused })
	c.NewTask(console.TaskOptions{Name: "during the pause"})
	time.Sleep(100 * ms)
	h.mu.Lock()
	if named(h.store.Targets[0], "during the pause") != nil {
		t.Error("a task is sent during the pause")
	}
	h.mu.Unlock()
	h.live.Pause(false)
	h.until("the task created during the pause", func(store *model.Store) bool {
		return named(store.Targets[0], "during the pause") != nil && !store.Targets[0].Paused
	})

	closeServer(s)
	h.until("the end of the connection", func(store *model.Store) bool {
		return !store.Targets[0].Status.Connected && store.Targets[0].Status.Text != ""
	})
	other := console.New(console.Options{PublishInterval: 5 * ms})
	other.NewTask(console.TaskOptions{Name: "another program's task"})
	serve(t, other, addr)
	h.until("the other program's task", func(store *model.Store) bool { return named(store.Targets[0], "another program's task") != nil })
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.store.Targets[0].Tasks) != 1 {
		t.Errorf("%d tasks, want only that of the other program", len(h.store.Targets[0].Tasks))
	}
}

func TestDetailsOfTheRequestedTask(t *testing.T) {
	c := console.New(console.Options{PublishInterval: 5 * ms})
	s := serve(t, c, "127.0.0.1:0")
	h := watchTargets(t, s.Addr().String())
	a, b := c.NewTask(console.TaskOptions{Name: "a"}), c.NewTask(console.TaskOptions{Name: "b"})
	h.until("both tasks", func(store *model.Store) bool { return len(store.Targets[0].Tasks) == 2 })
	h.live.Details(0, a.ID())
	h.until("the details of a", func(store *model.Store) bool { return store.Targets[0].Details[a.ID()] != nil })
	at := c.Mono()
	a.Polled(at, at+1000, at+5000)
	b.Polled(at, at+1000, at+5000)
	h.until("the poll in the histograms", func(store *model.Store) bool {
		d := store.Targets[0].Details[a.ID()]
		return d.Polls != nil && d.Polls.Total() == 1 && d.Scheduled.Total() == 1
	})
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.store.Targets[0].Details[b.ID()] != nil {
		t.Error("the details of b were sent without a request")
	}
}

func TestUnixSocketTarget(t *testing.T) {
	dir, err := os.MkdirTemp("", "console") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Skip(err)
	}
	c := console.New(console.Options{PublishInterval: 5 * ms})
	c.NewTask(console.TaskOptions{Name: "here"})
	s, err := c.Listen(console.ServeOptions{Listener: l})
	if err != nil {
		t.Fatal(err)
	}
	defer closeServer(s)
	h := watchTargets(t, "file://"+filepath.Join(dir, "s"))
	h.until("the task", func(store *model.Store) bool { return named(store.Targets[0], "here") != nil })
}

func TestUnreachableTarget(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	h := watchTargets(t, addr, "pprof="+addr)
	h.live.Goroutines()
	h.until("the errors", func(store *model.Store) bool {
		return store.Targets[0].Status.Text != "" && store.Targets[1].Pprof.Text != ""
	})
}

// TestReplayEndsInTheSameTables records a running program and replays the recording.
func TestReplayEndsInTheSameTables(t *testing.T) {
	tap := console.NewLogTap(slog.NewTextHandler(io.Discard, nil))
	c := console.New(console.Options{PublishInterval: 2 * ms, Goroutines: fixedGoroutines{}, Spans: fixedSpans{}, Logs: tap})
	s := serve(t, c, "127.0.0.1:0")
	h := watchTargets(t, s.Addr().String(), s.Addr().String())
	h.live.Goroutines()
	h.live.Spans()
	h.live.Events()
	slog.New(tap).Warn("one event", "n", 1)
	lock := watch.NewMutex(c, "lock")
	for range 20 {
		c.Go(t.Context(), "worker", func(ctx context.Context) {
			for range 5 {
				lock.Lock()
				_ = watch.Sleep(ctx, c, ms/4)
				lock.Unlock()
			}
		})
	}
	h.until("the end of all tasks", func(store *model.Store) bool {
		for _, target := range store.Targets {
			done := 0
			for _, x := range target.Tasks {
				if x.State() == model.Done {
					done++
				}
			}
			if done < 20 || target.Goroutines == nil || target.SpanCount == 0 || len(target.OpenSpans()) == 0 || target.EventCount == 0 {
				return false
			}
		}
		return true
	})
	h.stop()
	if err := h.writer.Flush(); err != nil {
		t.Fatal(err)
	}
	recording := bytes.Clone(h.buf.Bytes())
	replayed, err := replay(recording)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := exported(t, replayed), exported(t, h.store); got != want {
		t.Errorf("the replay ends in different tables:\n%.2000s\nwant\n%.2000s", got, want)
	}
	// A truncated recording is replayed up to its end.
	for cut := 0; cut < len(recording); cut += 1 + len(recording)/200 {
		store, err := replay(recording[:cut])
		if cut < len("mini-redis console recording 1\n") {
			if err == nil {
				t.Errorf("%d bytes were accepted as a recording", cut)
			}
		} else if err != nil || len(store.Targets) > 2 {
			t.Errorf("recording truncated at %d bytes: %v", cut, err)
		}
	}
}

func replay(b []byte) (*model.Store, error) {
	r, err := record.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	store := &model.Store{RetainFor: -1}
	p := record.NewReplay(r, 0)
	p.Targets(store)
	err = p.Run(context.Background(), func(e source.Event) { source.Apply(store, e) })
	if err == nil && !p.Ended() {
		err = errors.New("the replay does not report its end")
	}
	return store, err
}

// exported returns the store as JSON. The JSON does not contain the stream statuses, which change
// at the end of the test.
func exported(t *testing.T, store *model.Store) string {
	t.Helper()
	var b bytes.Buffer
	if err := export.JSON(&b, store, lint.Check(store, lint.Defaults())); err != nil {
		t.Fatal(err)
	}
	if !json.Valid(b.Bytes()) {
		t.Error("the export is not valid JSON")
	}
	return b.String()
}

func TestReplaySpeedAndPause(t *testing.T) {
	var b bytes.Buffer
	began := time.Now()
	w := record.NewWriter(&b, began, []string{"x"})
	yes := true
	for i := range 3 {
		w.Write(source.Event{At: began.Add(time.Duration(i) * 50 * ms), Paused: &yes})
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	run := func(speed float64, pause bool) time.Duration {
		t.Helper()
		r, err := record.NewReader(bytes.NewReader(b.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		p := record.NewReplay(r, speed)
		from, n := time.Now(), 0
		if pause {
			p.Pause(true)
			time.AfterFunc(60*ms, func() { p.Pause(false) })
		}
		if err := p.Run(t.Context(), func(source.Event) { n++ }); err != nil || n != 3 {
			t.Errorf("%d events, want 3; error %v", n, err)
		}
		return time.Since(from)
	}
	for _, x := range []struct {
		speed float64
		pause bool
		least time.Duration
	}{{1, false, 100 * ms}, {2, false, 50 * ms}, {1, true, 160 * ms}, {0, true, 60 * ms}} {
		if d := run(x.speed, x.pause); d < x.least {
			t.Errorf("speed %g, paused %t: took %v, want at least %v", x.speed, x.pause, d, x.least)
		}
	}
}

func TestConnectionErrorTexts(t *testing.T) {
	f := func(target, want string) {
		t.Helper()
		h := watchTargets(t, target)
		h.until("the error text", func(store *model.Store) bool { return store.Targets[0].Status.Text == want })
	}
	f("127.0.0.1:1", "not reachable: connection refused")
	f("file:///does/not/exist", "not reachable: no such file or directory")
}

func TestParseSpec(t *testing.T) {
	f := func(text, name, addr, pprof string) {
		t.Helper()
		s, err := source.ParseSpec(text, nil, "t")
		if err != nil || s.Name != name || s.Console != addr || s.Pprof != pprof || s.Token != "t" {
			t.Errorf("%q: %+v, %v", text, s, err)
		}
	}
	f("127.0.0.1:7000", "127.0.0.1:7000", "dns:///127.0.0.1:7000", "")
	f("http://localhost:6669", "localhost:6669", "dns:///localhost:6669", "")
	f("server", "server", "dns:///server:6669", "")
	f("[::1]:7", "[::1]:7", "dns:///[::1]:7", "")
	f("pod-0=10.0.0.1:6669,pprof=10.0.0.1:6060", "pod-0", "dns:///10.0.0.1:6669", "http://10.0.0.1:6060")
	f("pprof=127.0.0.1:6060", "pprof=127.0.0.1:6060", "", "http://127.0.0.1:6060")
	f("file:///run/x.sock", "file:///run/x.sock", "unix:///run/x.sock", "")
	for _, bad := range []string{"", "ftp://x", "a,b", "http://", "pprof=", "x,pprof=ftp://y", "file://"} {
		if s, err := source.ParseSpec(bad, nil, ""); err == nil {
			t.Errorf("%q is accepted: %+v", bad, s)
		}
	}
	if s, err := source.ParseSpec("https://x:1", nil, ""); err != nil || s.TLS == nil {
		t.Errorf("https target: %+v, %v", s, err)
	}
}
