package server

import (
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// id returns the client's ID.
func (c *testClient) id() string {
	c.t.Helper()
	c.send(request("CLIENT", "ID"))
	line, err := c.r.ReadString('\n')
	if err != nil {
		c.t.Fatal(err)
	}
	return strings.Trim(line, ":\r\n")
}

// mustReadInteger reads an integer.
func (c *testClient) mustReadInteger() int {
	c.t.Helper()
	line, err := c.r.ReadString('\n')
	if err != nil || line[0] != ':' {
		c.t.Fatalf("read %q, %v; want an integer", clip(line), err)
	}
	n, _ := strconv.Atoi(strings.Trim(line, ":\r\n"))
	return n
}

// sessions returns the number of sessions and of subscribers that the engine knows.
func sessions(s *Server) (all int, subscribers int64) {
	s.Locked(func() { all, subscribers = len(s.engine.Sessions()), s.engine.Subscribers() })
	return all, subscribers
}

// A client that is killed, in whatever state, is gone when CLIENT KILL is answered: it
// is not listed, not subscribed and not blocked.
func TestKilledClientIsGoneAtOnce(t *testing.T) {
	states := map[string]func(s *Server, c *testClient){
		"idle":       func(*Server, *testClient) {},
		"subscribed": func(_ *Server, c *testClient) { c.mustSubscribe("ch") },
		"in MULTI": func(_ *Server, c *testClient) {
			c.mustDo("+OK\r\n", "WATCH", "k")
			c.mustDo("+OK\r\n", "MULTI")
		},
		"blocked": func(s *Server, c *testClient) {
			c.send(request("BLPOP", "q", "0") + request("ECHO", "behind"))
			waitFor(t, "blocked", func() bool { return blockedClients(s) == 1 })
		},
		"paused": func(s *Server, c *testClient) {
			dial(t, s).mustDo("+OK\r\n", "CLIENT", "PAUSE", "100000", "WRITE")
			c.send(request("SET", "k", "v") + request("ECHO", "behind"))
			waitFor(t, "paused", func() bool { return pausedClients(s) == 1 })
		},
		"with unsent output": func(_ *Server, c *testClient) {
			c.mustDo("+OK\r\n", "SET", "large", strings.Repeat("x", 20<<20))
			c.send(request("GET", "large") + request("ECHO", "behind"))
			if _, err := c.r.Peek(1); err != nil {
				t.Fatal(err)
			}
		},
	}
	eachTransport(t, func(t *testing.T, change func(*Config)) {
		for name, enter := range states {
			t.Run(name, func(t *testing.T) {
				observer := &spans{}
				s := start(t, func(c *Config) { change(c); c.Observer = observer })
				victim, other := dial(t, s), dial(t, s)
				id := victim.id()
				enter(s, victim)
				other.send(request("CLIENT", "KILL", "ID", id) + request("CLIENT", "LIST", "ID", id))
				other.mustRead(":1\r\n$0\r\n\r\n")
				if _, subscribers := sessions(s); subscribers != 0 || blockedClients(s) != 0 || pausedClients(s) != 0 {
					t.Errorf("%d subscribers, %d blocked, %d paused", subscribers, blockedClients(s), pausedClients(s))
				}
				if n, _ := io.Copy(io.Discard, victim.r); n >= 20<<20 {
					t.Error("the whole reply was sent after the kill")
				}
				other.mustDo("+OK\r\n", "CLIENT", "UNPAUSE")
				other.mustDo(":0\r\n", "PUBLISH", "ch", "m")
				other.mustDo(":0\r\n", "EXISTS", "k")
				observer.mustHaveEnded(t)
			})
		}
	})
}

// A subscriber that does not read and is killed holds no memory, however much is
// published afterwards.
func TestKilledSubscriberThatDoesNotReadHoldsNoMemory(t *testing.T) {
	eachTransport(t, func(t *testing.T, change func(*Config)) {
		s := start(t, change)
		sub, pub := dial(t, s), dial(t, s)
		id := sub.id()
		sub.mustSubscribe("ch")
		publish := request("PUBLISH", "ch", strings.Repeat("x", 100_000))
		mustPublish := func(n, receivers int) {
			t.Helper()
			for range n {
				pub.send(publish)
				pub.mustRead(fmt.Sprintf(":%d\r\n", receivers))
			}
		}
		before := heap()
		mustPublish(200, 1) // 20 MB, more than the kernel takes and less than the limit
		pub.mustDo(":1\r\n", "CLIENT", "KILL", "ID", id)
		mustPublish(400, 0)
		waitFor(t, "the end of the connection", func() bool { return s.Stats().Clients == 1 })
		if grown := int64(heap()) - int64(before); grown > 4<<20 {
			t.Errorf("%d kB are held after the kill", grown/1000)
		}
	})
}

// Readers that have stopped in the middle of a large reply are freed by CLIENT KILL, and
// a shutdown does not wait for them.
func TestKillOfReadersInTheMiddleOfAReply(t *testing.T) {
	const readers = 6
	eachTransport(t, func(t *testing.T, change func(*Config)) {
		s := start(t, change)
		admin := dial(t, s)
		value := strings.Repeat("x", 10_000)
		for range 8 {
			words := []string{"RPUSH", "list"}
			for range 100 {
				words = append(words, value)
			}
			admin.send(request(words...))
			admin.mustReadInteger()
		}
		before := heap()
		for range readers {
			c := dial(t, s)
			c.send(request("LRANGE", "list", "0", "-1")) // 8 MB
			if _, err := c.r.Peek(1); err != nil {
				t.Fatal(err)
			}
		}
		admin.mustDo(fmt.Sprintf(":%d\r\n", readers), "CLIENT", "KILL", "TYPE", "normal")
		admin.mustDo(":0\r\n", "CLIENT", "KILL", "TYPE", "normal")
		waitFor(t, "the end of the connections", func() bool { return s.Stats().Clients == 1 })
		if grown := int64(heap()) - int64(before); grown > 4<<20 {
			t.Errorf("%d kB are held after the kill", grown/1000)
		}
	})
}

// The arguments of requests that wait for the end of a pause are freed when their
// clients leave.
func TestClientsThatLeaveDuringAPauseHoldNoMemory(t *testing.T) {
	const clients, size = 20, 1 << 20
	eachTransport(t, func(t *testing.T, change func(*Config)) {
		s := start(t, change)
		admin := dial(t, s)
		admin.mustDo("+OK\r\n", "CLIENT", "PAUSE", "100000", "WRITE")
		before := heap()
		set := request("SET", "k", strings.Repeat("x", size))
		list := make([]*testClient, clients)
		for i := range list {
			list[i] = dial(t, s)
			list[i].send(set)
		}
		waitFor(t, "every request waits", func() bool { return pausedClients(s) == clients })
		for i, c := range list {
			c.Close()
			list[i] = nil
		}
		waitFor(t, "the end of the connections", func() bool { return s.Stats().Clients == 1 })
		runtime.KeepAlive(set)
		if grown := int64(heap()) - int64(before); grown > 5*size {
			t.Errorf("%d kB are held", grown/1000)
		}
		admin.mustDo("+OK\r\n", "CLIENT", "UNPAUSE")
		admin.mustDo(":0\r\n", "EXISTS", "k")
	})
}

// A subscriber that reads steadily, but is behind, gets its replies after the messages
// that were published before its request. A publisher that goes on does not delay them.
func TestSubscriberThatIsBehindIsAnswered(t *testing.T) {
	eachTransport(t, func(t *testing.T, change func(*Config)) {
		s := start(t, change)
		sub, pub := dial(t, s), dial(t, s)
		sub.mustSubscribe("ch")
		text := strings.Repeat("x", 64<<10)
		publish, msg := request("PUBLISH", "ch", text), message("ch", text)
		mustPublish := func() {
			pub.send(publish)
			pub.mustRead(":1\r\n")
		}
		const behind = 250 // 16 MB, more than the kernel's buffers
		for range behind {
			mustPublish()
		}
		sub.send(request("PING"))
		pong := "*2\r\n$4\r\npong\r\n$0\r\n\r\n"
		for n := 0; ; n++ {
			next, err := sub.r.Peek(len(pong))
			if err != nil {
				t.Fatal(err)
			}
			if string(next) == pong {
				break
			}
			if n > 3*behind {
				t.Fatalf("no reply in %d messages", n)
			}
			sub.mustRead(msg)
			mustPublish()
		}
	})
}

// A client whose output is above the backlog limit goes on as soon as it is below it.
func TestRequestsContinueBelowTheBacklogLimit(t *testing.T) {
	eachTransport(t, func(t *testing.T, change func(*Config)) {
		s := start(t, func(c *Config) { change(c); c.Limits.Backlog = 1 << 20 })
		c, other := dial(t, s), dial(t, s)
		c.mustDo("+OK\r\n", "SET", "k", strings.Repeat("x", 100_000))
		const gets = 300 // 30 MB of replies
		c.send(strings.Repeat(request("GET", "k"), gets) + request("SET", "last", "1"))
		reply := fmt.Sprintf("$100000\r\n%s\r\n", strings.Repeat("x", 100_000))
		for range gets {
			c.mustRead(reply)
		}
		c.mustRead("+OK\r\n")
		other.mustDo("$1\r\n1\r\n", "GET", "last")
	})
}
