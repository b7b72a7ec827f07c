package server

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	"mini-redis/services/mini-redis/internal/command"
	"mini-redis/services/mini-redis/internal/engine"
)

// unobserved is an observer that keeps nothing.
type unobserved struct{}

func (unobserved) Extract([][]byte) (trace.SpanContext, bool)        { return trace.SpanContext{}, true }
func (unobserved) Command(*engine.Turn, *engine.Call) engine.Pending { return nil }
func (unobserved) Flushed([]engine.Pending, int64)                   {}

// start serves on a free port until the test ends.
func start(t testing.TB, change func(*Config)) *Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{
		Listener: l, Observer: unobserved{}, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Engine: engine.Config{Commands: command.All(), Clock: NewClock()},
	}
	if change != nil {
		change(&cfg)
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return s
}

// eachTransport runs a test over epoll, over several loops, and over goroutines.
func eachTransport(t *testing.T, f func(t *testing.T, change func(*Config))) {
	t.Run("loop", func(t *testing.T) { f(t, func(c *Config) { c.Loops = 1 }) })
	t.Run("loops", func(t *testing.T) { f(t, func(c *Config) { c.Loops = 3 }) })
	t.Run("goroutines", func(t *testing.T) { f(t, func(c *Config) { c.Goroutines = true }) })
}

// client speaks raw bytes.
type testClient struct {
	t testing.TB
	net.Conn
	r *bufio.Reader
}

func dial(t testing.TB, s *Server) *testClient {
	t.Helper()
	nc, err := net.Dial("tcp", s.cfg.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(20 * time.Second))
	return &testClient{t: t, Conn: nc, r: bufio.NewReader(nc)}
}

func (c *testClient) send(s string) {
	c.t.Helper()
	if _, err := io.WriteString(c.Conn, s); err != nil {
		c.t.Fatalf("send: %v", err)
	}
}

// mustRead reads exactly want.
func (c *testClient) mustRead(want string) {
	c.t.Helper()
	got := make([]byte, len(want))
	n, err := io.ReadFull(c.r, got)
	if string(got[:n]) != want {
		c.t.Fatalf("read %q (%v), want %q", clip(string(got[:n])), err, clip(want))
	}
}

// clip shortens what a failure prints.
func clip(s string) string { return s[:min(len(s), 200)] }

// mustDo sends a request of words and reads its exact reply.
func (c *testClient) mustDo(want string, words ...string) {
	c.t.Helper()
	c.send(request(words...))
	c.mustRead(want)
}

// mustEnd reads the end of the connection.
func (c *testClient) mustEnd() {
	c.t.Helper()
	if rest, err := io.ReadAll(c.r); err != nil && !strings.Contains(err.Error(), "reset") || len(rest) > 0 {
		c.t.Fatalf("read %q, %v; want the end", rest, err)
	}
}

func request(words ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(words))
	for _, w := range words {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(w), w)
	}
	return b.String()
}

func TestRequestsAndReplies(t *testing.T) {
	eachTransport(t, func(t *testing.T, change func(*Config)) {
		c := dial(t, start(t, change))
		c.mustDo("+PONG\r\n", "PING")
		c.mustDo("+OK\r\n", "SET", "k", "v")
		c.mustDo("$1\r\nv\r\n", "get", "k")
		c.send("PING\r\n\r\nGET k\n" + request("PING") + "GET none\r\n")
		c.mustRead("+PONG\r\n$1\r\nv\r\n+PONG\r\n$-1\r\n")
		c.mustDo("+OK\r\n", "QUIT")
		c.mustEnd()
	})
}

func TestEverySplitOfAPipeline(t *testing.T) {
	eachTransport(t, func(t *testing.T, change func(*Config)) {
		c := dial(t, start(t, change))
		in := request("SET", "k", "a\r\nb") + "GET k\r\n" + request("APPEND", "k", "c") + request("GET", "k")
		out := "+OK\r\n$4\r\na\r\nb\r\n:5\r\n$5\r\na\r\nbc\r\n"
		for i := range len(in) {
			c.send(in[:i])
			if i%4 == 0 {
				time.Sleep(200 * time.Microsecond) // so that the server sees two reads
			}
			c.send(in[i:])
			c.mustRead(out)
		}
	})
}

func TestRandomPipelines(t *testing.T) {
	eachTransport(t, func(t *testing.T, change func(*Config)) {
		s := start(t, change)
		rnd := rand.New(rand.NewPCG(1, 2))
		c := dial(t, s)
		for range 30 {
			var in, out bytes.Buffer
			for range rnd.IntN(2000) {
				v := strings.Repeat("x", rnd.IntN(200))
				in.WriteString(request("ECHO", v))
				fmt.Fprintf(&out, "$%d\r\n%s\r\n", len(v), v)
			}
			sent := make(chan struct{})
			go func() {
				defer close(sent)
				for in.Len() > 0 {
					c.send(string(in.Next(1 + rnd.IntN(9000))))
				}
			}()
			c.mustRead(out.String())
			<-sent
		}
	})
}

func TestMalformedRequestIsAnsweredThenClosed(t *testing.T) {
	eachTransport(t, func(t *testing.T, change func(*Config)) {
		s := start(t, change)
		f := func(in, want string) {
			t.Helper()
			c := dial(t, s)
			c.send(in)
			c.mustRead(want)
			c.mustEnd()
		}
		f("PING\r\n*x\r\nPING\r\n", "+PONG\r\n-ERR Protocol error: invalid multibulk length\r\n")
		f("*1\r\n!", "-ERR Protocol error: expected '$', got '!'\r\n")
		f("*1\r\n$-5\r\n", "-ERR Protocol error: invalid bulk length\r\n")
		f("GET 'a\r\n", "-ERR Protocol error: unbalanced quotes in request\r\n")
		f(strings.Repeat("a", 70000), "-ERR Protocol error: too big inline request\r\n")
	})
}

// An incomplete request may hold so much of the server's memory and no more.
func TestEndlessRequestIsRefused(t *testing.T) {
	eachTransport(t, func(t *testing.T, change func(*Config)) {
		s := start(t, func(c *Config) { change(c); c.Limits.Input = 1 << 20 })
		c := dial(t, s)
		sent := make(chan error, 1)
		go func() {
			v := strings.Repeat("x", 64<<10)
			_, err := io.WriteString(c.Conn, "*1000\r\n"+strings.Repeat(fmt.Sprintf("$%d\r\n%s\r\n", len(v), v), 17))
			sent <- err
		}()
		c.mustRead("-ERR Protocol error: too big request\r\n")
		<-sent
	})
}

func TestLargeValue(t *testing.T) {
	eachTransport(t, func(t *testing.T, change func(*Config)) {
		c := dial(t, start(t, change))
		v := strings.Repeat("0123456789abcdef", 1<<16)
		for range 3 {
			c.mustDo("+OK\r\n", "SET", "k", v)
			c.mustDo(fmt.Sprintf("$%d\r\n%s\r\n", len(v), v), "GET", "k")
		}
	})
}

// A client that sends and never reads must not fill the server's memory: its
// requests wait until it reads.
func TestClientThatDoesNotReadIsNotReadFrom(t *testing.T) {
	eachTransport(t, func(t *testing.T, change func(*Config)) {
		s := start(t, func(c *Config) { change(c); c.Limits.Backlog = 64 << 10 })
		c := dial(t, s)
		v := strings.Repeat("x", 32<<10)
		c.mustDo("+OK\r\n", "SET", "k", v)
		const gets = 4000 // 128 MB of replies
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			c.send(strings.Repeat(request("GET", "k"), gets))
		}()
		other := dial(t, s)
		for range 50 {
			other.mustDo("+PONG\r\n", "PING")
			time.Sleep(time.Millisecond)
		}
		if out := s.Stats().OutputBytes; out > 32<<20 {
			t.Errorf("%d bytes were sent to a client that does not read", out)
		}
		reply := fmt.Sprintf("$%d\r\n%s\r\n", len(v), v)
		for range gets {
			c.mustRead(reply)
		}
		<-sent
	})
}

func TestHalfARequestHoldsNobodyUp(t *testing.T) {
	eachTransport(t, func(t *testing.T, change func(*Config)) {
		s := start(t, change)
		slow, quick := dial(t, s), dial(t, s)
		slow.send("*2\r\n$3\r\nGET\r\n$400000000\r\nabc")
		quick.mustDo("+PONG\r\n", "PING")
		slow.Close()
		quick.mustDo("+PONG\r\n", "PING")
	})
}

func TestHalfClosedClientGetsItsReplies(t *testing.T) {
	eachTransport(t, func(t *testing.T, change func(*Config)) {
		c := dial(t, start(t, change))
		v := strings.Repeat("x", 1<<20)
		c.mustDo("+OK\r\n", "SET", "k", v)
		c.send(strings.Repeat(request("GET", "k"), 20))
		_ = c.Conn.(*net.TCPConn).CloseWrite()
		for range 20 {
			c.mustRead(fmt.Sprintf("$%d\r\n%s\r\n", len(v), v))
		}
		c.mustEnd()
	})
}

func TestConnectionLimit(t *testing.T) {
	eachTransport(t, func(t *testing.T, change func(*Config)) {
		s := start(t, func(c *Config) { change(c); c.MaxClients = 2 })
		a, b := dial(t, s), dial(t, s)
		a.mustDo("+PONG\r\n", "PING")
		b.mustDo("+PONG\r\n", "PING")
		over := dial(t, s)
		over.mustRead("-ERR max number of clients reached\r\n")
		over.mustEnd()
		a.mustDo("+OK\r\n", "QUIT")
		a.mustEnd()
		waitFor(t, "a place", func() bool { return s.Stats().Clients == 1 })
		dial(t, s).mustDo("+PONG\r\n", "PING")
		if got := s.Stats().Rejected; got != 1 {
			t.Errorf("%d connections counted as rejected, want 1", got)
		}
	})
}

func waitFor(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for range 2000 {
		if ok() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("%s: not in time", what)
}

func TestBlockedClientIsServedAcrossLoops(t *testing.T) {
	eachTransport(t, func(t *testing.T, change func(*Config)) {
		s := start(t, change)
		waiting := make([]*testClient, 4)
		for i := range waiting {
			waiting[i] = dial(t, s)
			waiting[i].send(request("BLPOP", "q", "0") + request("PING"))
			waitFor(t, "blocked", func() bool { return blockedClients(s) == i+1 })
		}
		pusher := dial(t, s)
		for i, c := range waiting {
			pusher.mustDo(":1\r\n", "RPUSH", "q", fmt.Sprint(i))
			c.mustRead(fmt.Sprintf("*2\r\n$1\r\nq\r\n$1\r\n%d\r\n+PONG\r\n", i))
		}
		waiting[0].mustDo("*-1\r\n", "BLPOP", "q", "0.01")
	})
}

func blockedClients(s *Server) (n int) {
	s.Locked(func() {
		n = s.engine.BlockedClients()
	})
	return n
}

func TestPublishReachesSubscribersOnEveryLoop(t *testing.T) {
	eachTransport(t, func(t *testing.T, change func(*Config)) {
		s := start(t, change)
		subs := make([]*testClient, 7)
		for i := range subs {
			subs[i] = dial(t, s)
			subs[i].mustDo("*3\r\n$9\r\nsubscribe\r\n$2\r\nch\r\n:1\r\n", "SUBSCRIBE", "ch")
		}
		pub := dial(t, s)
		for i := range 20 {
			pub.mustDo(":7\r\n", "PUBLISH", "ch", fmt.Sprintf("%02d", i))
		}
		for _, c := range subs {
			for i := range 20 {
				c.mustRead(fmt.Sprintf("*3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$2\r\n%02d\r\n", i))
			}
		}
	})
}

func TestSubscriberThatDoesNotReadIsClosed(t *testing.T) {
	eachTransport(t, func(t *testing.T, change func(*Config)) {
		s := start(t, func(c *Config) { change(c); c.Limits.SubscriberOutput = 1 << 20 })
		sub := dial(t, s)
		sub.mustDo("*3\r\n$9\r\nsubscribe\r\n$2\r\nch\r\n:1\r\n", "SUBSCRIBE", "ch")
		pub := dial(t, s)
		v := strings.Repeat("x", 64<<10)
		waitFor(t, "the subscriber closed", func() bool {
			pub.send(request("PUBLISH", "ch", v))
			_, err := pub.r.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			return s.Stats().Clients == 1
		})
		if s.Stats().OutputLimitKills != 1 {
			t.Error("the closed client is not counted")
		}
		pub.mustDo("+PONG\r\n", "PING")
	})
}

func TestShutdownAnswersWhatHasArrived(t *testing.T) {
	eachTransport(t, func(t *testing.T, change func(*Config)) {
		s := start(t, change)
		idle, busy := dial(t, s), dial(t, s)
		idle.mustDo("+PONG\r\n", "PING")
		busy.mustDo("+OK\r\n", "SET", "n", "0")
		const n = 500
		busy.send(strings.Repeat(request("INCR", "n"), n))
		waitFor(t, "the first reply", func() bool { _, err := busy.r.Peek(1); return err == nil })
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			busy.mustRead(fmt.Sprintf(":%d\r\n", i+1))
		}
		busy.mustEnd()
		idle.mustEnd()
		if nc, err := net.Dial("tcp", s.cfg.Listener.Addr().String()); err == nil {
			nc.Close()
			t.Error("a stopped server accepts")
		}
	})
}

func TestShutdownDeadlineClosesWhoDoesNotRead(t *testing.T) {
	eachTransport(t, func(t *testing.T, change func(*Config)) {
		s := start(t, change)
		c := dial(t, s)
		v := strings.Repeat("x", 32<<20)
		c.mustDo("+OK\r\n", "SET", "k", v)
		c.send(strings.Repeat(request("GET", "k"), 4))
		waitFor(t, "the first reply", func() bool { _, err := c.r.Peek(1); return err == nil })
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel()
		if err := s.Shutdown(ctx); err != context.DeadlineExceeded {
			t.Errorf("shutdown: %v, want the deadline's error", err)
		}
	})
}
