package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/propagation"

	"mini-redis/internal/replytest"
	"mini-redis/services/mini-redis/internal/observe"
	"mini-redis/services/mini-redis/internal/server"
)

var (
	wireFuzzDuration = flag.Duration("wirefuzz.duration", 0, "duration of the wire fuzz test; 0 means $MINI_REDIS_WIREFUZZ, or 2s")
	wireFuzzSeed     = flag.Uint64("wirefuzz.seed", 0, "seed of the wire fuzz test; 0 means a random one")
	wireFuzzAddr     = flag.String("wirefuzz.addr", "", "host:port of a running mini-redis for the wire fuzz test, whose data is deleted; empty means servers in this process")
)

// fuzzPatience is how long any request may take. Pauses last some milliseconds.
const fuzzPatience = 20 * time.Second

// TestWireFuzz sends random commands of the whole table from 12 connections. Eight of them
// are strict: every request gets exactly its reply. Four are wild: they also break the
// protocol, mute replies, leave in the middle of a request and get killed. A connection of
// its own finds out whether the server answers.
func TestWireFuzz(t *testing.T) {
	d, err := time.ParseDuration(cmp.Or(os.Getenv("MINI_REDIS_WIREFUZZ"), "2s"))
	if err != nil {
		t.Fatalf("MINI_REDIS_WIREFUZZ: %v", err)
	}
	d = cmp.Or(*wireFuzzDuration, d)
	if *wireFuzzAddr != "" {
		wireFuzz(t, *wireFuzzAddr, d)
		return
	}
	targets := map[string]func(*server.Config){
		"two loops":  func(c *server.Config) { c.Loops = 2 },
		"four loops": func(c *server.Config) { c.Loops = 4 },
		"goroutines": func(c *server.Config) { c.Goroutines = true },
	}
	for name, change := range targets {
		t.Run(name, func(t *testing.T) {
			_, _, s := traced(t, 0, func(c *server.Config) {
				change(c)
				c.Observer = observe.New(observe.Options{
					Clock: c.Engine.Clock, Sink: &spanCounter{}, Propagator: propagation.TraceContext{}, Roots: 1000,
				})
			})
			wireFuzz(t, s.Addr().String(), d/time.Duration(len(targets)))
			allClosed(t, s)
			s.Locked(func() {
				if n := s.Engine().BlockedClients(); n != 0 {
					t.Errorf("%d clients wait that are gone", n)
				}
			})
		})
	}
}

// fuzz is one run against one server.
type fuzz struct {
	addr     string
	requests atomic.Int64
	wild     [4]atomic.Int64 // the IDs of the wild connections, which may be killed
}

func wireFuzz(t *testing.T, addr string, d time.Duration) {
	t.Helper()
	seed := cmp.Or(*wireFuzzSeed, rand.Uint64N(1e9))
	t.Logf("seed %d: repeat with -wirefuzz.seed %d", seed, seed)
	f := &fuzz{addr: addr}
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	var wg sync.WaitGroup
	start := func(what string, i int, run func(context.Context, *fuzzWords, int) error) {
		wg.Go(func() {
			words := newFuzzWords(rand.New(rand.NewPCG(seed, uint64(i))), f)
			for ctx.Err() == nil {
				if err := run(ctx, words, i); err != nil {
					t.Errorf("%s connection %d: %v", what, i, err)
					cancel()
				}
			}
		})
	}
	for i := range 8 {
		start("strict", 100+i, f.strict)
	}
	for i := range f.wild {
		start("wild", i, f.runWild)
	}
	start("probing", 200, f.probe)
	wg.Wait()
	t.Logf("%d requests in %v", f.requests.Load(), d)
	if t.Failed() {
		return
	}
	if err := f.nothingLeft(); err != nil {
		t.Error(err)
	}
}

// fuzzConn reads and counts replies.
type fuzzConn struct {
	net.Conn
	buf []byte
}

func (f *fuzz) dial() (*fuzzConn, error) {
	nc, err := net.DialTimeout("tcp", f.addr, fuzzPatience)
	if err != nil {
		return nil, err
	}
	return &fuzzConn{Conn: nc}, nc.SetDeadline(time.Now().Add(fuzzPatience))
}

// reply returns the next reply. Messages, which may come at any time, are passed over.
func (c *fuzzConn) reply() ([]byte, error) {
	chunk := make([]byte, 64<<10)
	for {
		for n := replytest.Frame(c.buf); n > 0; n = replytest.Frame(c.buf) {
			reply := c.buf[:n:n]
			c.buf = c.buf[n:]
			if strings.IndexByte("+-:$*_,#(=~%>|", reply[0]) < 0 {
				return nil, fmt.Errorf("%.100q is no reply", reply)
			}
			if !isMessage(reply) {
				return reply, nil
			}
		}
		n, err := c.Read(chunk)
		if n == 0 && err != nil {
			return nil, err
		}
		c.buf = append(c.buf, chunk[:n]...)
	}
}

// isMessage reports whether a frame is a published message.
func isMessage(frame []byte) bool {
	rest := frame[1:]
	return (frame[0] == '*' || frame[0] == '>') &&
		(bytes.HasPrefix(rest, []byte("3\r\n$7\r\nmessage\r\n")) || bytes.HasPrefix(rest, []byte("4\r\n$8\r\npmessage\r\n")))
}

// ask sends one request and returns its reply.
func (c *fuzzConn) ask(words ...string) (string, error) {
	if _, err := c.Write(fuzzRequest(nil, words)); err != nil {
		return "", err
	}
	reply, err := c.reply()
	return string(reply), err
}

// strict sends pipelines of requests that have one reply each. DISCARD and a PING with a
// token follow: the reply with the token comes exactly after all others.
func (f *fuzz) strict(ctx context.Context, words *fuzzWords, _ int) error {
	c, err := f.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	for range 50 {
		if ctx.Err() != nil {
			return nil
		}
		var out []byte
		var sent [][]string
		for range 1 + words.rnd.IntN(12) {
			request := words.request(true)
			sent = append(sent, request)
			out = words.append(out, request)
		}
		token := fmt.Sprintf("token-%d", words.rnd.Uint64())
		out = fuzzRequest(fuzzRequest(out, []string{"DISCARD"}), []string{"PING", token})
		if err := c.exchange(words.rnd, out, len(sent)+1, token); err != nil {
			return fmt.Errorf("after %q: %w", sent, err)
		}
		f.requests.Add(int64(len(sent) + 2))
	}
	return nil
}

// exchange sends a pipeline, in one or two parts, and reads its replies: n of any kind and
// then the one with the token.
func (c *fuzzConn) exchange(rnd *rand.Rand, out []byte, n int, token string) error {
	if err := c.SetDeadline(time.Now().Add(fuzzPatience)); err != nil {
		return err
	}
	cut := rnd.IntN(2 * len(out))
	if cut < len(out) {
		if _, err := c.Write(out[:cut]); err != nil {
			return err
		}
		out = out[cut:]
	}
	if _, err := c.Write(out); err != nil {
		return err
	}
	for i := range n + 1 {
		reply, err := c.reply()
		if err != nil {
			return fmt.Errorf("reply %d of %d: %w", i, n+1, err)
		}
		if last := i == n; last != bytes.Contains(reply, []byte(token)) {
			return fmt.Errorf("reply %d of %d is %.100q, the reply with the token is number %d", i, n+1, reply, n)
		}
	}
	return nil
}

// runWild sends anything for a while. What comes back consists of complete replies, and
// ends somehow.
func (f *fuzz) runWild(ctx context.Context, words *fuzzWords, i int) error {
	c, err := f.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	reply, err := c.ask("CLIENT", "ID")
	if err != nil {
		if endOfConn(err) {
			return nil // it was killed by its ID already
		}
		return err
	}
	var id int64
	if _, err := fmt.Sscanf(reply, ":%d", &id); err != nil {
		return fmt.Errorf("CLIENT ID: %q", reply)
	}
	f.wild[i].Store(id)
	ended := make(chan error, 1)
	reads := words.rnd.IntN(4) > 0
	if reads {
		go func() { ended <- c.readAll() }()
	}
	for range 1 + words.rnd.IntN(40) {
		if ctx.Err() != nil {
			break
		}
		request := words.request(false)
		out := words.append(nil, request)
		leaves := words.rnd.IntN(40) == 0
		if leaves {
			out = out[:words.rnd.IntN(len(out))]
		} else if words.rnd.IntN(20) == 0 && !slices.Contains(request, "KILL") { // another ID may be a strict connection's
			out[words.rnd.IntN(len(out))] = byte(words.rnd.Uint32())
		}
		if _, err := c.Write(out); err != nil || leaves {
			break
		}
		f.requests.Add(1)
	}
	c.Close()
	if reads {
		return <-ended
	}
	return nil
}

// readAll reads replies until the connection ends.
func (c *fuzzConn) readAll() error {
	for {
		if _, err := c.reply(); err != nil {
			if endOfConn(err) || errors.Is(err, os.ErrDeadlineExceeded) {
				return nil
			}
			return err
		}
	}
}

func endOfConn(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || strings.Contains(err.Error(), "reset") || strings.Contains(err.Error(), "broken pipe")
}

// probe opens a connection whose PING has to be answered.
func (f *fuzz) probe(context.Context, *fuzzWords, int) error {
	c, err := f.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	if reply, err := c.ask("PING"); err != nil || reply != "+PONG\r\n" {
		return fmt.Errorf("PING: %q, %v", reply, err)
	}
	time.Sleep(10 * time.Millisecond)
	return nil
}

// nothingLeft waits until the server has forgotten the connections and their subscriptions.
func (f *fuzz) nothingLeft() error {
	c, err := f.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	for deadline := time.Now().Add(fuzzPatience / 2); ; time.Sleep(5 * time.Millisecond) {
		list, err1 := c.ask("CLIENT", "LIST")
		channels, err2 := c.ask("PUBSUB", "CHANNELS")
		patterns, err3 := c.ask("PUBSUB", "NUMPAT")
		if err := errors.Join(err1, err2, err3); err != nil {
			return err
		}
		if strings.Count(list, "id=") == 1 && channels == "*0\r\n" && patterns == ":0\r\n" {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("left behind: CLIENT LIST %q, PUBSUB CHANNELS %q, PUBSUB NUMPAT %q", list, channels, patterns)
		}
	}
}
