package server

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"mini-redis/internal/resp"
	"mini-redis/services/mini-redis/internal/command"
	"mini-redis/services/mini-redis/internal/engine"
)

// shutdown stops a server within 20 seconds.
func shutdown(t testing.TB, s *Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Fatalf("shutdown: %v", err)
	}
}

// A shutdown answers every request that the kernel had received, and ends although other
// clients never stop sending.
func TestShutdownUnderLoad(t *testing.T) {
	const clients, requests = 8, 400
	eachConcurrentTransport(t, func(t *testing.T, change func(*Config)) {
		observer := &spans{}
		s := start(t, func(c *Config) { change(c); c.Observer = observer })
		load := strings.Repeat(request("SET", "load", strings.Repeat("x", 4000)), 100)
		var running sync.WaitGroup
		for range 3 {
			c := dial(t, s)
			running.Go(func() { _, _ = io.Copy(io.Discard, c.r) })
			running.Go(func() {
				for {
					if _, err := io.WriteString(c.Conn, load); err != nil {
						return
					}
				}
			})
		}
		list := make([]*testClient, clients)
		for i := range list {
			list[i] = dial(t, s)
			list[i].mustDo("+PONG\r\n", "PING")
		}
		for i, c := range list {
			c.send(strings.Repeat(request("INCR", fmt.Sprint("n", i)), requests))
		}
		shutdown(t, s)
		for _, c := range list {
			for n := range requests {
				c.mustRead(fmt.Sprintf(":%d\r\n", n+1))
			}
			c.mustEnd()
		}
		running.Wait()
		observer.mustHaveEnded(t)
	})
}

// At shutdown a request that waits for the end of a pause is executed and answered, and
// so are those behind it. One that waits for a key is not: it could wait for ever.
func TestWaitingClientsAtShutdown(t *testing.T) {
	eachTransport(t, func(t *testing.T, change func(*Config)) {
		observer := &spans{}
		s := start(t, func(c *Config) { change(c); c.Observer = observer })
		admin, blocked, blocks := dial(t, s), dial(t, s), dial(t, s)
		blocked.send(request("BLPOP", "q", "0") + request("ECHO", "behind"))
		waitFor(t, "blocked", func() bool { return blockedClients(s) == 1 })
		admin.mustDo("+OK\r\n", "CLIENT", "PAUSE", "100000", "WRITE")
		paused := make([]*testClient, 5)
		for i := range paused {
			paused[i] = dial(t, s)
			paused[i].send(request("SET", fmt.Sprint("k", i), "v") + request("GET", fmt.Sprint("k", i)) + request("INCR", "n"))
		}
		blocks.send(request("BLPOP", "other", "0") + request("ECHO", "behind"))
		waitFor(t, "paused", func() bool { return pausedClients(s) == len(paused)+1 })
		shutdown(t, s)
		counters := map[string]bool{}
		for _, c := range paused {
			c.mustRead("+OK\r\n$1\r\nv\r\n")
			counters[fmt.Sprint(c.mustReadInteger())] = true
			c.mustEnd()
		}
		if len(counters) != len(paused) {
			t.Errorf("INCR replied %v", counters)
		}
		blocked.mustEnd()
		blocks.mustEnd()
		admin.mustEnd()
		observer.mustHaveEnded(t)
	})
}

// A client that sends requests one after another until the end gets a reply to each one
// that was executed.
func TestShutdownBetweenRequests(t *testing.T) {
	eachConcurrentTransport(t, func(t *testing.T, change func(*Config)) {
		s := start(t, change)
		const clients = 12
		replies := make([]int, clients)
		var running sync.WaitGroup
		for i := range clients {
			c := dial(t, s)
			running.Go(func() {
				for {
					if _, err := io.WriteString(c.Conn, request("INCR", fmt.Sprint("n", i))); err != nil {
						return
					}
					if _, err := c.r.ReadString('\n'); err != nil {
						return
					}
					replies[i]++
				}
			})
		}
		time.Sleep(20 * time.Millisecond)
		shutdown(t, s)
		running.Wait()
		for i, n := range replies {
			if got := get(s, fmt.Sprint("n", i)); got != fmt.Sprint(n) {
				t.Errorf("client %d: %d replies, the counter is %q", i, n, got)
			}
		}
	})
}

// get returns the value of a key.
func get(s *Server, key string) (value string) {
	s.Locked(func() {
		w := resp.Writer{Proto: 2}
		s.engine.Call(s.engine.NewSession(1<<40, nil), [][]byte{[]byte("GET"), []byte(key)}, &w)
		lines := strings.Split(string(w.Bytes()), "\r\n")
		value = lines[min(1, len(lines)-1)]
	})
	return value
}

// Clients that leave at every moment, by their own will, killed, or closed because of a
// limit, leave no span behind.
func TestSpansOfClientsThatLeave(t *testing.T) {
	eachConcurrentTransport(t, func(t *testing.T, change func(*Config)) {
		observer := &spans{}
		s := start(t, func(c *Config) { change(c); c.Observer = observer; c.Limits.SubscriberOutput = 1 << 20 })
		setLarge(dial(t, s), "large", 4<<20)
		var running sync.WaitGroup
		for i := range 8 {
			running.Go(func() {
				rnd := rand.New(rand.NewPCG(uint64(i), 9))
				for range 15 {
					leaveSomehow(dial(t, s), rnd)
				}
			})
		}
		running.Wait()
		waitFor(t, "the end of the connections", func() bool { return s.Stats().Clients == 1 })
		observer.mustHaveEnded(t)
		last := dial(t, s)
		last.send(strings.Repeat(request("GET", "large"), 3))
		if _, err := last.r.Peek(1); err != nil {
			t.Fatal(err)
		}
		go io.Copy(io.Discard, last.r)
		shutdown(t, s)
		observer.mustHaveEnded(t)
	})
}

// leaveSomehow sends random requests and closes the connection without reading.
func leaveSomehow(c *testClient, rnd *rand.Rand) {
	requests := []string{
		request("GET", "large"), request("SET", "k", "v"), request("BLPOP", "q", "0"), request("RPUSH", "q", "v"),
		request("SUBSCRIBE", "ch"), request("PUBLISH", "ch", strings.Repeat("x", 100_000)), request("CLIENT", "PAUSE", "1"),
		request("MULTI"), request("EXEC"), request("CLIENT", "KILL", "TYPE", "pubsub"), request("CLIENT", "REPLY", "OFF"),
		request("BLPOP", "other", "0.001"), request("QUIT"), "*1\r\n$x\r\n",
	}
	for range 1 + rnd.IntN(8) {
		_, _ = io.WriteString(c.Conn, requests[rnd.IntN(len(requests))])
	}
	_ = c.SetReadDeadline(time.Now().Add(3 * time.Millisecond))
	_, _ = c.r.Peek(rnd.IntN(2))
	_ = c.Close()
}

// A deadline that a request sets right after the housekeeping has computed the time of
// its next run is part of that time or wakes it up.
func TestDeadlineSetDuringTheHousekeeping(t *testing.T) {
	var s *Server
	var during sync.WaitGroup
	kicked := 0
	s = startStopped(t, func(c *Config) {
		c.Tick = func() { // the lock is held: the request comes right after it is released
			during.Go(func() {
				s.mu.Lock()
				defer s.mu.Unlock()
				session := s.engine.NewSession(s.nextID.Add(1), unconnected{})
				var w resp.Writer
				s.engine.Exec(session, [][]byte{[]byte("BLPOP"), []byte("q"), []byte("0.05")}, false, &w)
				if s.deadlineMoved() {
					kicked++
				}
				s.engine.Drop(session)
			})
		}
	})
	for run := range 200 {
		s.tickAt = 0
		s.runCron()
		during.Wait()
		if kicked != run+1 {
			t.Fatalf("run %d: the housekeeping is not woken up for a deadline before its next run", run)
		}
	}
}

// startStopped creates a server that does not serve: the test runs its housekeeping.
func startStopped(t testing.TB, change func(*Config)) *Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{
		Listener: l, Observer: unobserved{}, Logger: slog.New(slog.DiscardHandler), Goroutines: true,
		Engine: engine.Config{Commands: command.All(), Clock: NewClock()},
	}
	change(&cfg)
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return s
}

// unconnected is a peer without a connection.
type unconnected struct{}

func (unconnected) Push([]byte) bool        { return true }
func (unconnected) Reply([]byte)            {}
func (unconnected) Complete(engine.Pending) {}
func (unconnected) Kill()                   {}
func (unconnected) Addr() string            { return "" }
func (unconnected) LocalAddr() string       { return "" }
