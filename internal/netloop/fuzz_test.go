package netloop

import (
	"testing"
)

// echoHandler replies to every request with its arguments.
type echoHandler struct{ *testHandler }

// Execute implements Handler.
func (h echoHandler) Execute(l *Loop, requests []Request) int {
	h.mu.Lock()
	l.Begin()
	for i := range requests {
		r := &requests[i]
		if !r.Conn.Executes() {
			continue
		}
		w := r.Conn.BeginReply(r)
		args := l.Args(r)
		w.Array(len(args))
		for _, a := range args {
			w.Bulk(a)
		}
		r.Conn.EndReply(Update{Trusted: true})
	}
	l.End()
	h.mu.Unlock()
	l.Wake()
	return len(requests)
}

func echoBench(t *testing.T) *bench {
	b := newBench(t, Limits{Backlog: 100, Input: 200_000})
	b.server.handler = echoHandler{b.handler}
	return b
}

// FuzzInput compares a stream that arrives at once with the same one that arrives in parts
// and whose replies the client reads in parts.
func FuzzInput(f *testing.F) {
	f.Add([]byte(conversation), []byte{1, 7, 200})
	f.Add([]byte("*1\r\n$70000\r\n"), []byte{3})
	f.Add([]byte("PING\r\n*1\r\n!"), []byte{6, 1})
	f.Fuzz(func(t *testing.T, stream, parts []byte) {
		whole := echoBench(t)
		whole.feed(string(stream))
		b := echoBench(t)
		rest := string(stream)
		for i := 0; len(rest) > 0 && b.conn.state < Closing; i++ {
			n := len(rest)
			if i < len(parts) {
				n = min(n, int(parts[i]))
				b.link.room = n
			}
			if i >= len(parts) || !b.link.reading {
				b.allow(b.conn, unlimited)
			}
			b.feed(rest[:n])
			rest = rest[n:]
		}
		if b.conn.state != Closed {
			b.allow(b.conn, unlimited)
		}
		if string(b.link.took) != string(whole.link.took) || b.conn.state != whole.conn.state {
			t.Fatalf("%q: sent %q, the connection is %v; in parts %q, %v",
				stream, clip(string(whole.link.took)), whole.conn.state, clip(string(b.link.took)), b.conn.state)
		}
	})
}
