package netloop

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"
)

// live is a server on a free port.
type live struct {
	t       testing.TB
	server  *Server
	handler *testHandler
	tls     bool
	served  chan error
}

// eachTransport runs a test over epoll loops, over goroutines, and over goroutines with
// TLS.
func eachTransport(t *testing.T, limits Limits, f func(t *testing.T, s *live)) {
	for name, change := range map[string]func(*Config){
		"one loop":   func(c *Config) { c.Loops = 1 },
		"two loops":  func(c *Config) { c.Loops = 2 },
		"four loops": func(c *Config) { c.Loops = 4 },
		"goroutines": func(c *Config) { c.Goroutines = true },
		"TLS":        func(c *Config) { c.Listener = tls.NewListener(c.Listener, serverTLS(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			s := &live{t: t, handler: newTestHandler(), tls: name == "TLS", served: make(chan error, 1)}
			cfg := Config{Listener: l, Handler: s.handler, Logger: discardLogger(), Clock: startClock(), Limits: limits}
			change(&cfg)
			if s.server, err = New(cfg); err != nil {
				t.Fatal(err)
			}
			go func() { s.served <- s.server.Serve() }()
			t.Cleanup(func() {
				ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
				defer cancel()
				if err := s.server.Shutdown(ctx); err != nil {
					t.Errorf("shutdown: %v", err)
				}
				if err := <-s.served; err != nil {
					t.Errorf("serve: %v", err)
				}
				s.mustAccountForEveryConnection()
			})
			f(t, s)
		})
	}
}

// mustAccountForEveryConnection compares calls of the handler after the end.
func (s *live) mustAccountForEveryConnection() {
	s.t.Helper()
	h := s.handler
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.accepted != h.opened+h.refused || len(h.conns) != 0 {
		s.t.Errorf("%d connections accepted, %d opened, %d refused; %d left", h.accepted, h.opened, h.refused, len(h.conns))
	}
}

type realClock struct{ start time.Time }

func startClock() realClock     { return realClock{time.Now()} }
func (c realClock) Mono() int64 { return int64(time.Since(c.start)) + 1 }
func serverTLS(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

// client speaks raw bytes.
type client struct {
	t testing.TB
	net.Conn
	r *bufio.Reader
}

func (s *live) dial() *client {
	s.t.Helper()
	nc, err := net.Dial("tcp", s.server.Addr().String())
	if err != nil {
		s.t.Fatal(err)
	}
	if s.tls {
		nc = tls.Client(nc, &tls.Config{InsecureSkipVerify: true}) // the test's own certificate
	}
	s.t.Cleanup(func() { _ = nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(30 * time.Second))
	return &client{t: s.t, Conn: nc, r: bufio.NewReader(nc)}
}

// named connects a client that the handler knows by a name.
func (s *live) named(name string) *client {
	s.t.Helper()
	c := s.dial()
	c.send("NAME " + name + "\r\n")
	c.mustRead("+OK\r\n")
	return c
}

func (c *client) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.Conn, text); err != nil {
		c.t.Fatalf("send: %v", err)
	}
}

// mustRead reads exactly want.
func (c *client) mustRead(want string) {
	c.t.Helper()
	got := make([]byte, len(want))
	n, err := io.ReadFull(c.r, got)
	if string(got[:n]) != want {
		c.t.Fatalf("read %q (%v), want %q", clip(string(got[:n])), err, clip(want))
	}
}

// await waits for a condition on what the execution lock guards.
func (s *live) await(what string, ok func() bool) {
	s.t.Helper()
	for range 4000 {
		s.handler.mu.Lock()
		done := ok()
		s.handler.mu.Unlock()
		if done {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	s.t.Fatalf("%s: not in time", what)
}

func TestEveryTransportAnswers(t *testing.T) {
	eachTransport(t, Limits{}, func(t *testing.T, s *live) {
		c := s.dial()
		for i := 0; i < len(conversation); i += 7 {
			c.send(conversation[:i])
			c.send(conversation[i:])
			c.mustRead(answers)
		}
		large := strings.Repeat("0123456789abcdef", 200_000)
		go c.send(strings.Repeat(request("ECHO", large), 2) + "QUIT\r\n")
		c.mustRead(strings.Repeat(bulk(large), 2) + "+OK\r\n")
		if _, err := c.r.ReadByte(); err != io.EOF {
			t.Errorf("after QUIT: %v, want EOF", err)
		}
	})
}

// Clients on all loops see the pushes of concurrent publishers in one order.
func TestPushesHaveOneOrder(t *testing.T) {
	const publishers, subscribers, messages = 4, 6, 300
	eachTransport(t, Limits{}, func(t *testing.T, s *live) {
		subs := make([]*client, subscribers)
		for i := range subs {
			subs[i] = s.named(string(rune('a' + i)))
			subs[i].send("SUBSCRIBE\r\n")
			subs[i].mustRead("+OK\r\n")
		}
		for p := range publishers {
			c := s.dial()
			go func() {
				for i := range messages {
					c.send(request("PUBLISH", string(rune('A'+p))+string(rune('0'+i%10))))
				}
				_, _ = io.Copy(io.Discard, c.r)
			}()
		}
		first := make([]byte, publishers*messages*5)
		if _, err := io.ReadFull(subs[0].r, first); err != nil {
			t.Fatal(err)
		}
		for _, c := range subs[1:] {
			c.mustRead(string(first))
		}
	})
}

// A kill frees a connection whose client has stopped in the middle of a large reply.
func TestKillOfAClientThatDoesNotRead(t *testing.T) {
	eachTransport(t, Limits{}, func(t *testing.T, s *live) {
		victim, other := s.named("victim"), s.named("other")
		victim.send("SIZE 20000000\r\n")
		if _, err := victim.r.Peek(1); err != nil {
			t.Fatal(err)
		}
		other.send("KILL victim\r\n")
		other.mustRead("+OK\r\n")
		s.await("the end of the connection", func() bool { return s.handler.conns["victim"] == nil })
		if n, _ := io.Copy(io.Discard, victim.r); n >= 20_000_000 {
			t.Error("the whole reply was sent")
		}
	})
}

// The end of a client whose request waits is noticed, unless more input waits behind the
// request than the connection is read ahead.
func TestClientThatLeavesWhileItsRequestWaits(t *testing.T) {
	eachTransport(t, Limits{}, func(t *testing.T, s *live) {
		for _, wait := range []string{"WAIT", "PAUSE"} {
			for _, size := range []int{0, waitingInput / 2} {
				c := s.named("c")
				c.send(wait + "\r\n")
				go func() {
					_, _ = io.WriteString(c.Conn, strings.Repeat("ECHO abcdefgh\r\n", size/15))
					_ = c.Close()
				}()
				s.await("the end of the connection", func() bool { return s.handler.conns["c"] == nil })
			}
		}
	})
}

// A connection over TLS that is refused needs its client for that; the others do not
// wait.
func TestRefusalOfAClientThatDoesNothing(t *testing.T) {
	eachTransport(t, Limits{}, func(t *testing.T, s *live) {
		refuse := func(text string) {
			s.handler.mu.Lock()
			defer s.handler.mu.Unlock()
			s.handler.refusal = text
		}
		refuse("-ERR full\r\n")
		for range 5 {
			idle, err := net.Dial("tcp", s.server.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer idle.Close()
		}
		s.dial().mustRead("-ERR full\r\n")
		refuse("")
		c := s.dial()
		c.send("ECHO a\r\n")
		c.mustRead(bulk("a"))
	})
}
