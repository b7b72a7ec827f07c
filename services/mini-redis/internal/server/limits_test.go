package server

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// large reports whether the tests run with the largest values that Redis allows. They
// need some gigabytes of memory.
func large() bool { return os.Getenv("MINI_REDIS_LARGE") != "" }

// allocatedBy returns the number of bytes that the process allocates during f.
func allocatedBy(f func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// A message that matches many patterns of a subscriber that does not read is encoded
// only until the subscriber's output limit is exceeded.
func TestManyPatternsOfASubscriberThatDoesNotRead(t *testing.T) {
	size, limit := 1<<20, 4<<20
	if large() {
		size, limit = 10<<20, 32<<20
	}
	eachTransport(t, func(t *testing.T, change func(*Config)) {
		s := start(t, func(c *Config) { change(c); c.Limits.SubscriberOutput = limit })
		sub, pub := dial(t, s), dial(t, s)
		const patterns = 300
		for i := range patterns {
			sub.send(request("PSUBSCRIBE", "c*"+strings.Repeat("*", i)))
		}
		waitFor(t, "the subscriptions", func() (ok bool) {
			s.Locked(func() { ok = s.engine.Hub().PatternCount() == patterns })
			return ok
		})
		publish := request("PUBLISH", "ch", strings.Repeat("x", size))
		allocated := allocatedBy(func() {
			pub.send(publish)
			pub.mustReadInteger()
			waitFor(t, "the end of the connection", func() bool { return s.Stats().Clients == 1 })
		})
		if most := int64(limit + 8*size); allocated > most {
			t.Errorf("%d kB allocated, want at most %d", allocated/1000, most/1000)
		}
		if _, subscribers := sessions(s); subscribers != 0 {
			t.Error("the closed client is still subscribed")
		}
		pub.mustDo(":0\r\n", "PUBLISH", "ch", "m")
	})
}

// A reply larger than every other limit is sent to a client that reads it.
func TestLargeReplies(t *testing.T) {
	value, element, elements := 8<<20, 100_000, 160
	if large() {
		value, element, elements = 512<<20, 10<<20, 60
	}
	eachTransport(t, func(t *testing.T, change func(*Config)) {
		s := start(t, func(c *Config) { change(c); c.Limits.SubscriberOutput, c.Limits.Backlog = 1<<20, 64<<10 })
		c := dial(t, s)
		_ = c.SetDeadline(time.Now().Add(100 * time.Second))
		setLarge(c, "k", value)
		text := strings.Repeat("x", element)
		for range elements {
			c.send(request("RPUSH", "list", text))
			c.mustReadInteger()
		}
		c.send(request("GET", "k") + request("LRANGE", "list", "0", "-1") + request("ECHO", "behind"))
		dial(t, s).mustDo("+PONG\r\n", "PING")
		c.mustReadLarge(value)
		c.mustRead(fmt.Sprintf("*%d\r\n", elements))
		for range elements {
			c.mustReadLarge(element)
		}
		c.mustRead("$6\r\nbehind\r\n")
		if kills := s.Stats().OutputLimitKills; kills != 0 {
			t.Errorf("%d connections were closed", kills)
		}
	})
}

// setLarge sets a key to a value of n bytes, which it sends in parts.
func setLarge(c *testClient, key string, n int) {
	c.t.Helper()
	c.send(fmt.Sprintf("*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n", len(key), key, n))
	part := bytes.Repeat([]byte("x"), min(n, 1<<20))
	for left := n; left > 0; {
		p := part[:min(left, len(part))]
		if _, err := c.Write(p); err != nil {
			c.t.Fatal(err)
		}
		left -= len(p)
	}
	c.send("\r\n")
	c.mustRead("+OK\r\n")
}

// mustReadLarge reads a bulk string of n bytes.
func (c *testClient) mustReadLarge(n int) {
	c.t.Helper()
	c.mustRead(fmt.Sprintf("$%d\r\n", n))
	if got, err := io.CopyN(io.Discard, c.r, int64(n)); err != nil {
		c.t.Fatalf("after %d bytes of %d: %v", got, n, err)
	}
	c.mustRead("\r\n")
}

// The value of a SET is received in the memory in which it is stored: it is allocated
// about once, and other clients do not wait for it.
func TestLargeSetIsNotCopied(t *testing.T) {
	size := 32 << 20
	if large() {
		size = 512 << 20
	}
	eachTransport(t, func(t *testing.T, change func(*Config)) {
		s := start(t, change)
		c := dial(t, s)
		_ = c.SetDeadline(time.Now().Add(100 * time.Second))
		allocated := allocatedBy(func() { setLarge(c, "k", size) })
		if most := int64(size)*3/2 + 4<<20; allocated > most {
			t.Errorf("%d kB allocated for a value of %d kB", allocated/1000, size/1000)
		}
		c.mustDo(fmt.Sprintf(":%d\r\n", size), "STRLEN", "k")
	})
}

// Requests without a reply end their spans while the client is connected.
func TestSpansOfRequestsWithoutAReply(t *testing.T) {
	eachTransport(t, func(t *testing.T, change func(*Config)) {
		observer := &spans{}
		s := start(t, func(c *Config) { change(c); c.Observer = observer })
		c := dial(t, s)
		const requests = 20_000
		c.send(request("CLIENT", "REPLY", "OFF"))
		c.send(strings.Repeat("TRACED 1 traceparent 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 SET k v\r\n", requests))
		waitFor(t, "the requests", func() bool { return observer.created.Load() == requests+1 })
		observer.mustHaveEnded(t)
		if most := observer.most.Load(); most > 4096 {
			t.Errorf("%d spans were pending at once", most)
		}
		if s.Stats().Clients != 1 {
			t.Error("the client is not connected")
		}
	})
}

// A client that sends requests and does not read the replies keeps a bounded number of
// spans pending.
func TestSpansOfAClientThatDoesNotRead(t *testing.T) {
	eachTransport(t, func(t *testing.T, change func(*Config)) {
		observer := &spans{}
		s := start(t, func(c *Config) { change(c); c.Observer, c.Limits.Backlog = observer, 64<<20 })
		c := dial(t, s)
		const requests = 20_000
		setLarge(c, "k", 20<<20)
		go io.WriteString(c.Conn, request("GET", "k")+strings.Repeat(request("STRLEN", "k"), requests))
		executed := func() bool { return observer.created.Load() == requests+2 }
		if s.cfg.Goroutines {
			executed = func() bool { return observer.created.Load() > 1 } // a write that blocks stops the requests
		}
		waitFor(t, "the requests", executed)
		if most := observer.most.Load(); most > 4096 {
			t.Errorf("%d spans were pending at once", most)
		}
		c.Close()
		observer.mustHaveEnded(t)
	})
}
