package server

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"
)

// eachConcurrentTransport runs a test over two and four loops and over goroutines.
func eachConcurrentTransport(t *testing.T, f func(t *testing.T, change func(*Config))) {
	t.Run("two loops", func(t *testing.T) { f(t, func(c *Config) { c.Loops = 2 }) })
	t.Run("four loops", func(t *testing.T) { f(t, func(c *Config) { c.Loops = 4 }) })
	t.Run("goroutines", func(t *testing.T) { f(t, func(c *Config) { c.Goroutines = true }) })
}

// pausedClients returns the number of clients that wait for the end of a pause.
func pausedClients(s *Server) (n int) {
	s.Locked(func() {
		for _, session := range s.engine.Sessions() {
			if session.Paused() {
				n++
			}
		}
	})
	return n
}

// mustSubscribe subscribes a RESP2 client to channels.
func (c *testClient) mustSubscribe(channels ...string) {
	c.t.Helper()
	for i, ch := range channels {
		c.mustDo(fmt.Sprintf("*3\r\n$9\r\nsubscribe\r\n$%d\r\n%s\r\n:%d\r\n", len(ch), ch, i+1), "SUBSCRIBE", ch)
	}
}

// message encodes a message as a RESP2 subscriber gets it.
func message(channel, text string) string { return request("message", channel, text) }

func TestFirstRequestOfAClientDuringAPause(t *testing.T) {
	eachTransport(t, func(t *testing.T, change func(*Config)) {
		s := start(t, change)
		admin, first := dial(t, s), dial(t, s)
		admin.mustDo("+OK\r\n", "CLIENT", "PAUSE", "100000", "WRITE")
		first.send(request("SET", "a", "b") + request("GET", "a"))
		waitFor(t, "the request waits", func() bool { return pausedClients(s) == 1 })
		dial(t, s).mustDo("+PONG\r\n", "PING")
		admin.mustDo("$-1\r\n", "GET", "a")
		admin.mustDo("+OK\r\n", "CLIENT", "UNPAUSE")
		first.mustRead("+OK\r\n$1\r\nb\r\n")
	})
}

// Subscribers of two channels, on all loops, see the messages of concurrent publishers
// in one order.
func TestConcurrentPublishersAreSeenInOneOrder(t *testing.T) {
	const publishers, subscribers, messages = 4, 6, 250
	eachConcurrentTransport(t, func(t *testing.T, change func(*Config)) {
		s := start(t, change)
		subs := make([]*testClient, subscribers)
		for i := range subs {
			subs[i] = dial(t, s)
			subs[i].mustSubscribe("ch0", "ch1")
		}
		size := 0
		for p := range publishers {
			var in strings.Builder
			for i := range messages {
				channel, text := fmt.Sprintf("ch%d", (p+i)%2), fmt.Sprintf("%d:%03d", p, i)
				in.WriteString(request("PUBLISH", channel, text))
				size += len(message(channel, text))
			}
			c := dial(t, s)
			go func() {
				for text := in.String(); text != ""; {
					n := min(len(text), 700)
					c.send(text[:n])
					text = text[n:]
				}
			}()
		}
		want := make([]byte, size)
		if _, err := io.ReadFull(subs[0].r, want); err != nil {
			t.Fatal(err)
		}
		for _, c := range subs[1:] {
			c.mustRead(string(want))
		}
	})
}

// After the confirmation of an UNSUBSCRIBE no message of the channel arrives.
func TestNoMessageAfterUnsubscribe(t *testing.T) {
	eachConcurrentTransport(t, func(t *testing.T, change func(*Config)) {
		s := start(t, change)
		stop := make(chan struct{})
		var publishing sync.WaitGroup
		for range 3 {
			c := dial(t, s)
			publishing.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						c.send(request("PUBLISH", "ch", "m"))
						if _, err := c.r.ReadString('\n'); err != nil {
							t.Errorf("publish: %v", err)
							return
						}
					}
				}
			})
		}
		sub := dial(t, s)
		for range 300 {
			sub.mustSubscribe("ch")
			sub.send(request("UNSUBSCRIBE", "ch"))
			sub.mustReadMessagesUntil(message("ch", "m"), "*3\r\n$11\r\nunsubscribe\r\n$2\r\nch\r\n:0\r\n")
			sub.mustDo("$2\r\nhi\r\n", "ECHO", "hi")
		}
		close(stop)
		publishing.Wait()
	})
}

// mustReadMessagesUntil reads any number of equal messages and then want.
func (c *testClient) mustReadMessagesUntil(message, want string) {
	c.t.Helper()
	for {
		next, err := c.r.Peek(min(len(message), len(want)))
		if err != nil {
			c.t.Fatalf("instead of %q: %v", want, err)
		}
		if !strings.HasPrefix(message, string(next)) {
			c.mustRead(want)
			return
		}
		c.mustRead(message)
	}
}

// A transaction that waited for the end of a pause is answered before the request behind
// it, also if its reply carries spans.
func TestExecAfterAPauseIsAnsweredBeforeTheNextRequest(t *testing.T) {
	eachConcurrentTransport(t, func(t *testing.T, change func(*Config)) {
		s := start(t, func(c *Config) { change(c); c.Observer = &spans{} })
		a, b := dial(t, s), dial(t, s)
		const traced = "TRACED 1 traceparent 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 "
		for range 30 {
			a.send(request("DEL", "k") + "MULTI\r\n" + strings.Repeat(traced+"APPEND k v\r\n", 5))
			a.r.Discard(len(":0\r\n"))
			a.mustRead("+OK\r\n" + strings.Repeat("+QUEUED\r\n", 5))
			b.mustDo("+OK\r\n", "CLIENT", "PAUSE", "100000", "WRITE")
			a.send(traced + "EXEC\r\nECHO after\r\n")
			waitFor(t, "EXEC waits", func() bool { return pausedClients(s) == 1 })
			b.mustDo("+OK\r\n", "CLIENT", "UNPAUSE")
			a.mustRead("*5\r\n:1\r\n:2\r\n:3\r\n:4\r\n:5\r\n$5\r\nafter\r\n")
		}
	})
}

// A served blocking command and a message reach a client in the order in which their
// causes ran, on whichever loop.
func TestServedRepliesAndMessagesKeepTheirOrder(t *testing.T) {
	eachConcurrentTransport(t, func(t *testing.T, change func(*Config)) {
		s := start(t, change)
		rnd := rand.New(rand.NewPCG(3, 4))
		waiter, other := dial(t, s), dial(t, s)
		waiter.send(request("HELLO", "3"))
		waitFor(t, "RESP3", func() bool { return protocols(s)[3] == 1 })
		waiter.send(request("SUBSCRIBE", "ch") + request("ECHO", "ready"))
		for line := ""; line != "ready\r\n"; {
			var err error
			if line, err = waiter.r.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 200 {
			waiter.send(request("BLPOP", "q", "0") + request("ECHO", "behind"))
			waitFor(t, "blocked", func() bool { return blockedClients(s) == 1 })
			before, after := rnd.IntN(3), rnd.IntN(3)
			publish := request("PUBLISH", "ch", fmt.Sprint(i))
			other.send(strings.Repeat(publish, before) + request("RPUSH", "q", "v") + strings.Repeat(publish, after))
			other.mustRead(strings.Repeat(":1\r\n", before) + ":1\r\n" + strings.Repeat(":1\r\n", after))
			push := ">" + message("ch", fmt.Sprint(i))[1:]
			waiter.mustRead(strings.Repeat(push, before) + "*2\r\n$1\r\nq\r\n$1\r\nv\r\n")
			waiter.mustReadAmong(push, after, "$6\r\nbehind\r\n")
		}
	})
}

// mustReadAmong reads n messages and one reply, which may stand anywhere among them.
func (c *testClient) mustReadAmong(message string, n int, reply string) {
	c.t.Helper()
	got := make([]byte, n*len(message)+len(reply))
	if _, err := io.ReadFull(c.r, got); err != nil {
		c.t.Fatal(err)
	}
	for i := range n + 1 {
		if string(got) == strings.Repeat(message, i)+reply+strings.Repeat(message, n-i) {
			return
		}
	}
	c.t.Fatalf("read %q, want %d times %q and %q", got, n, message, reply)
}

// protocols returns the number of clients of each protocol version.
func protocols(s *Server) map[int]int {
	count := map[int]int{}
	s.Locked(func() {
		for _, session := range s.engine.Sessions() {
			count[session.Proto]++
		}
	})
	return count
}

// Pipelines of requests that wait, on many connections, are answered in their order,
// whatever makes them wait and go on.
func TestPipelinesKeepTheirOrderWhileRequestsWait(t *testing.T) {
	eachConcurrentTransport(t, func(t *testing.T, change func(*Config)) {
		s := start(t, func(c *Config) { change(c); c.Observer = &spans{} })
		const clients, rounds = 6, 60
		var running sync.WaitGroup
		for i := range clients {
			c := dial(t, s)
			running.Go(func() { pipelineOfWaiting(c, i, rounds) })
		}
		finished := make(chan struct{})
		go func() { running.Wait(); close(finished) }()
		admin := dial(t, s)
		for ended := false; !ended; {
			admin.mustDo("+OK\r\n", "CLIENT", "PAUSE", "2", "WRITE")
			admin.mustDo("+PONG\r\n", "PING")
			select {
			case <-finished:
				ended = true
			case <-time.After(3 * time.Millisecond):
			}
		}
	})
}

// pipelineOfWaiting sends pipelines in which BLPOP is served by the client itself, ends
// by its timeout, and stands behind writes that a pause affects.
func pipelineOfWaiting(c *testClient, id, rounds int) {
	q := fmt.Sprint("q", id)
	for i := range rounds {
		text := fmt.Sprintf("%03d", i)
		c.send(request("RPUSH", q, text) + request("ECHO", text) + request("BLPOP", q, "0") +
			request("BLPOP", q, "0.001") + request("INCR", "n"+q) + request("MULTI") + request("RPUSH", q, text) +
			request("LPOP", q) + request("EXEC") + request("ECHO", text))
		value := "$3\r\n" + text + "\r\n"
		c.mustRead(":1\r\n" + value + fmt.Sprintf("*2\r\n$%d\r\n%s\r\n", len(q), q) + value + "*-1\r\n" +
			fmt.Sprintf(":%d\r\n", i+1) + "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n" + value + value)
	}
}
