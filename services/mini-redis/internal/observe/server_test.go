package observe

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"mini-redis/services/mini-redis/internal/command"
	"mini-redis/services/mini-redis/internal/engine"
	"mini-redis/services/mini-redis/internal/server"
)

// startServer starts a server with an observer until the test ends.
func startServer(t testing.TB, o engine.Observer, change func(*server.Config)) *server.Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg := server.Config{
		Listener: l, Observer: o, Logger: slog.New(slog.DiscardHandler),
		Engine: engine.Config{Commands: command.All(), Clock: server.NewClock()},
	}
	change(&cfg)
	s, err := server.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = s.Shutdown(ctx)
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return s
}

// eachTransport runs a test with one, two and four event loops and with goroutines.
func eachTransport(t *testing.T, f func(t *testing.T, change func(*server.Config))) {
	for _, loops := range []int{1, 2, 4} {
		t.Run(fmt.Sprintf("loops=%d", loops), func(t *testing.T) {
			f(t, func(c *server.Config) { c.Loops = loops })
		})
	}
	t.Run("goroutines", func(t *testing.T) { f(t, func(c *server.Config) { c.Goroutines = true }) })
}

// wireClient is a client over TCP. A request is a line of inline words.
type wireClient struct {
	t testing.TB
	net.Conn
}

func dial(t testing.TB, s *server.Server) *wireClient {
	t.Helper()
	nc, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_ = nc.SetDeadline(time.Now().Add(60 * time.Second))
	return &wireClient{t, nc}
}

// send sends requests. The server may have closed the connection.
func (c *wireClient) send(requests ...string) {
	_, _ = io.WriteString(c.Conn, strings.Join(requests, "\r\n")+"\r\n")
}

// drain reads until a marker or the end of the connection.
func (c *wireClient) drain(marker string) {
	var got strings.Builder
	buf := make([]byte, 64<<10)
	for !strings.HasSuffix(got.String(), marker) {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		got.Write(buf[:n])
	}
}

const end = "$3\r\nend\r\n" // the reply of ECHO end

func await(t testing.TB, what string, done func() bool) {
	t.Helper()
	for range 4000 {
		if done() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("not within 20 s: %s", what)
}

// A server that stops ends every span, also of clients that wait.
func TestShutdownEndsEverySpan(t *testing.T) {
	eachTransport(t, func(t *testing.T, change func(*server.Config)) {
		r := newRig(t)
		r.sink.watched.Store(true)
		s := startServer(t, r, change)
		for _, request := range []string{"BLPOP nothing 0", "CLIENT PAUSE 100000 WRITE", "SET k v", "PING"} {
			c := dial(t, s)
			defer c.Close()
			c.send(traced + request)
			await(t, request, func() bool {
				var seen bool
				s.Locked(func() { seen = sessionHas(s.Engine(), c.LocalAddr().String()) })
				return seen
			})
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Fatal(err)
		}
		if n := r.pending.count.Load(); n != 0 {
			t.Errorf("%d spans are pending after the shutdown", n)
		}
	})
}

// sessionHas reports whether the session of a client has executed a request or waits.
func sessionHas(e *engine.Engine, addr string) bool {
	for _, s := range e.Sessions() {
		if s.Peer.Addr() == addr {
			return s.LastCommand != nil || s.Waiting != nil
		}
	}
	return false
}

// A client that does not read its replies leaves room for the spans of others, on every
// transport and before the server ends its spans.
func TestStalledConnectionLeavesRoomForOthers(t *testing.T) {
	eachTransport(t, func(t *testing.T, change func(*server.Config)) {
		const places = 1024
		r := newRig(t, func(o *Options) { o.MaxPending = places })
		s := startServer(t, r, change)
		stalled, other := dial(t, s), dial(t, s)
		defer stalled.Close()
		defer other.Close()
		other.send("SET large "+strings.Repeat("x", 60<<10), "ECHO end")
		other.drain(end)
		stalled.send("MULTI", strings.Repeat("GET large\r\n", 400)+strings.Repeat(traced+"PING\r\n", places)+"EXEC")
		await(t, "the transaction has run", func() bool { return r.pending.count.Load() == places/connectionShare })
		for i := range 100 {
			other.send(traced+"PING", "ECHO end")
			other.drain(end)
			if n := len(r.sink.all()); n < i {
				t.Fatalf("the client got %d replies, %d of its spans are exported", i+1, n)
			}
		}
		var dropped uint64
		s.Locked(func() { dropped = r.overPending })
		if want := uint64(places + 1 - places/connectionShare); dropped != want { // with the span of EXEC
			t.Errorf("%d spans dropped, want %d, all of the stalled client", dropped, want)
		}
	})
}
