package command_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"mini-redis/internal/servertest"
)

// stallSlack is what the longest stall may have beside a multiple of redis-server's: the
// noise of a busy machine.
const stallSlack = 250 * time.Millisecond

// TestLongRequestsStallNoLongerThanInRedis: a request with very many arguments delays the
// PINGs of another connection at most three times as long as with redis-server.
func TestLongRequestsStallNoLongerThanInRedis(t *testing.T) {
	theirs := servertest.Redis(t)
	ours := servertest.MiniRedis(t)
	f := func(command, last string, n int) {
		t.Helper()
		request := longRequest(command, last, n)
		const attempts = 3
		for i := range attempts {
			want, got := longestStall(t, theirs, request), longestStall(t, ours, request)
			if got <= 3*want+stallSlack {
				return
			}
			t.Logf("%s with %d arguments stalls PING for %v, redis-server for %v", command, n, got, want)
			if i == attempts-1 {
				t.Errorf("%s with %d arguments stalls other connections", command, n)
			}
		}
	}
	f("BLPOP", "0", 60_000)
	f("INFO", "server", 120_000)
}

// longRequest encodes a request of n distinct arguments and a last one.
func longRequest(command, last string, n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n$%d\r\n%s\r\n", n+2, len(command), command)
	for i := range n {
		word := fmt.Sprint("argument:", i)
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(word), word)
	}
	fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(last), last)
	return b.String()
}

// longestStall sends a request on one connection and returns the longest time that a PING
// on another one takes until the request has been executed and its connection closed.
func longestStall(t *testing.T, addr, request string) (longest time.Duration) {
	t.Helper()
	busy, other := dialServer(t, addr), dialServer(t, addr)
	defer other.Close()
	sent := make(chan error, 1)
	go func() {
		_, err := io.WriteString(busy, request)
		sent <- err
	}()
	replies := bufio.NewReader(other)
	ping := func() {
		start := time.Now()
		if _, err := io.WriteString(other, "PING\r\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := replies.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		longest = max(longest, time.Since(start))
	}
	pingUntil := func(done func() bool) {
		for deadline := time.Now().Add(30 * time.Second); !done(); ping() {
			if time.Now().After(deadline) {
				t.Fatal("the request has not been executed after 30 s")
			}
		}
	}
	pingUntil(func() bool {
		select {
		case err := <-sent:
			if err != nil {
				t.Fatal(err)
			}
			return true
		default:
			return false
		}
	})
	end := time.Now().Add(200 * time.Millisecond) // the last part of the request is on its way
	pingUntil(func() bool { return time.Now().After(end) })
	busy.Close()
	end = time.Now().Add(200 * time.Millisecond) // the end of the session has its work too
	pingUntil(func() bool { return time.Now().After(end) })
	return longest
}

func dialServer(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	return conn
}
