package main

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net"
	"slices"
	"testing"
	"time"

	"mini-redis/console"
	"mini-redis/console/goroutines"
	"mini-redis/internal/resp"
	"mini-redis/internal/servertest"
)

func TestMedianAndRatios(t *testing.T) {
	if m := (values{3, 1, 2}).median(); m != 2 {
		t.Errorf("median of three: %v", m)
	}
	if m := (values{4, 1, 2, 3}).median(); m != 2.5 {
		t.Errorf("median of four: %v", m)
	}
	if text := (values{3, 1, 2}).String(); text != "2.00 (1.00-3.00)" {
		t.Errorf("String() = %q", text)
	}
	a, b := series{{cpu: 2}, {cpu: 9}}, series{{cpu: 1}, {cpu: 3}}
	if r := a.ratios(b, cpuOf); !slices.Equal(r, values{2, 3}) {
		t.Errorf("ratios by round: %v", r)
	}
}

func TestReadCSV(t *testing.T) {
	s, err := readCSV(`"test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms"
"GET","57142.86","0.550","0.080","0.487","0.967","2.831","15.183"
`)
	if err != nil || s.rate != 57142.86 || s.p50 != 0.487 || s.p99 != 2.831 {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := readCSV("Could not connect"); err == nil {
		t.Error("readCSV of an error message returned no error")
	}
}

// TestLoad checks that the requests are well-formed and that the server's replies have the
// lengths that the load expects.
func TestLoad(t *testing.T) {
	l := load{pipeline: 16, requests: 8000, sampled: 0.5, aware: true}
	if _, err := l.run(context.Background(), servertest.MiniRedis(t)); err != nil {
		t.Error(err)
	}
	var p resp.Parser
	rnd := rand.New(rand.NewPCG(1, 1))
	traced := 0
	for range 1000 {
		out, _ := l.request(nil, rnd)
		args, n, err := p.Next(out, nil, &resp.DefaultLimits)
		if err != nil || n != len(out) {
			t.Fatalf("%q: %d, %v", out, n, err)
		}
		if string(args[0]) == "TRACED" {
			traced++
		}
	}
	if traced < 400 || traced > 600 {
		t.Errorf("%d of 1000 requests are traced, want about half", traced)
	}
}

// The loads of the sections publish and memory.
func TestPublishAndFill(t *testing.T) {
	addr := servertest.MiniRedis(t)
	for _, a := range []audience{{subscribers: 20}, {patterns: 2500}} {
		conns, err := a.subscribe(t.Context(), addr)
		if err != nil {
			t.Fatal(err)
		}
		s, err := a.run(t.Context(), addr, conns, 50)
		if err != nil || s.rate <= 0 || s.p50 <= 0 || s.p99 < s.p50 {
			t.Errorf("%+v: %+v, %v", a, s, err)
		}
		for _, c := range conns {
			if err := c.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
				t.Error(err)
			}
			if n, _ := c.Read(make([]byte, 1)); n > 0 {
				t.Errorf("%+v: run has not read all messages", a)
			}
			_ = c.Close()
		}
	}
	if err := fill(t.Context(), addr, "SET", value, 2345); err != nil {
		t.Error(err)
	}
	if got := servertest.Ask(t, addr, "DBSIZE"); got != ":2345\r\n" {
		t.Errorf("DBSIZE: %q", got)
	}
	if err := fill(t.Context(), addr, "RPUSH", value, 1); err == nil {
		t.Error("RPUSH to a string: no error")
	}
}

func TestConnect(t *testing.T) {
	conns, err := connect(context.Background(), servertest.MiniRedis(t), 50)
	if err != nil || len(conns) != 50 {
		t.Fatalf("%d connections: %v", len(conns), err)
	}
	for _, c := range conns {
		if err := ping(c); err != nil {
			t.Error(err)
		}
		_ = c.(*net.TCPConn).Close()
	}
}

// TestOpenViews opens each set of views of a console.
func TestOpenViews(t *testing.T) {
	c := console.New(console.Options{
		Spans: noSpans{}, Goroutines: &goroutines.Local{}, Logs: console.NewLogTap(slog.DiscardHandler), PublishInterval: 10 * time.Millisecond,
	})
	s, err := c.Listen(console.ServeOptions{Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(t.Context())
	for _, v := range []views{noViewer, tableViews, allViews} {
		stop, err := openViews(t.Context(), s.Addr().String(), v)
		if err != nil {
			t.Fatal(err)
		}
		if c.Watched() != (v > noViewer) {
			t.Errorf("views %d: Watched is %t", v, c.Watched())
		}
		stop()
		for c.Watched() {
			time.Sleep(time.Millisecond)
		}
	}
	if _, err := openViews(t.Context(), "127.0.0.1:1", tableViews); err == nil {
		t.Error("openViews without a server returned no error")
	}
}

// noSpans is a source without spans.
type noSpans struct{}

func (noSpans) Subscribe(int) console.SpanStream { return noSpans{} }
func (noSpans) Close()                           {}
func (noSpans) Next(ctx context.Context, _ []console.Span) (int, uint64, error) {
	<-ctx.Done()
	return 0, 0, ctx.Err()
}
