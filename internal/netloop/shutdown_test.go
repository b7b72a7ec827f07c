package netloop

import (
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// A shutdown answers every request that had arrived, and ends although other clients
// never stop sending.
func TestShutdownUnderLoad(t *testing.T) {
	const clients, requests = 10, 300
	eachTransport(t, Limits{}, func(t *testing.T, s *live) {
		load := strings.Repeat("ECHO load\r\n", 2000)
		var running sync.WaitGroup
		for range 2 {
			c := s.named("load")
			_ = c.SetDeadline(time.Time{})
			running.Go(func() { _, _ = io.Copy(io.Discard, c.r) })
			running.Go(func() {
				for {
					if _, err := io.WriteString(c.Conn, load); err != nil {
						return
					}
				}
			})
		}
		list := make([]*client, clients)
		for i := range list {
			list[i] = s.dial()
			list[i].send("ECHO connected\r\n")
			list[i].mustRead(bulk("connected"))
		}
		for _, c := range list {
			c.send(strings.Repeat("ECHO a\r\n", requests))
		}
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := s.server.Shutdown(ctx); err != nil {
			t.Fatalf("shutdown: %v", err)
		}
		for _, c := range list {
			c.mustRead(strings.Repeat(bulk("a"), requests))
			if _, err := c.r.ReadByte(); err == nil {
				t.Error("more than the replies")
			}
		}
		running.Wait()
	})
}

// A loop that never returns from its handler does not keep Shutdown from returning.
func TestShutdownWhileALoopIsStuck(t *testing.T) {
	eachTransport(t, Limits{}, func(t *testing.T, s *live) {
		c := s.named("c")
		s.handler.mu.Lock() // as a request that never ends does
		c.send("ECHO a\r\n")
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
		defer cancel()
		returned := make(chan error, 1)
		go func() { returned <- s.server.Shutdown(ctx) }()
		select {
		case err := <-returned:
			if err == nil {
				t.Error("no error")
			}
		case <-time.After(10 * time.Second):
			t.Error("Shutdown does not return")
		}
		s.handler.mu.Unlock()
	})
}

func TestShutdownBeforeServe(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Config{Listener: l, Handler: newTestHandler(), Logger: discardLogger(), Clock: startClock()})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := s.Serve(); err != nil {
		t.Error(err)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}
