package netloop

import (
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"mini-redis/internal/resp"
)

// fakeClock stands still until the test moves it.
type fakeClock struct{ now atomic.Int64 }

func (c *fakeClock) Mono() int64 { return c.now.Load() + 1 }

// session is what a testHandler keeps for a connection.
type session struct {
	name       string
	subscriber bool
	closed     int // calls of Close
}

// testHandler executes a few commands (see run). Connections are known by the name
// that they have given themselves.
type testHandler struct {
	mu       sync.Mutex // the execution lock
	conns    map[string]*Conn
	largest  *byte // start of the last argument of LEN
	owned    bool  // whether its request was owned
	accepted int
	refused  int
	opened   int
	refusal  string

	flushMu   sync.Mutex
	flushed   []any
	onFlushed func()
}

func newTestHandler() *testHandler { return &testHandler{conns: map[string]*Conn{}} }

func (h *testHandler) Accept() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.refusal == "" {
		h.accepted++
	}
	return h.refusal
}

func (h *testHandler) Refused() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.refused++
}

func (h *testHandler) Open(c *Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.opened++
	c.Data = &session{}
	c.SetUpdate(Update{Trusted: true})
}

func (h *testHandler) Close(c *Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := c.Data.(*session)
	s.closed++
	delete(h.conns, s.name)
}

func (h *testHandler) Flushed(completions []any, _ int64) {
	h.flushMu.Lock()
	h.flushed = append(h.flushed, completions...)
	f := h.onFlushed
	h.flushMu.Unlock()
	if f != nil {
		f()
	}
}

// takeFlushed returns what has been flushed since the last call.
func (h *testHandler) takeFlushed() []any {
	h.flushMu.Lock()
	defer h.flushMu.Unlock()
	list := h.flushed
	h.flushed = nil
	return list
}

func (h *testHandler) Execute(l *Loop, requests []Request) int {
	h.mu.Lock()
	l.Begin()
	for i := range requests {
		r := &requests[i]
		if !r.Conn.Executes() {
			continue
		}
		w := r.Conn.BeginReply(r)
		r.Conn.EndReply(h.run(r, l.Args(r), w))
	}
	l.End()
	h.mu.Unlock()
	l.Wake()
	return len(requests)
}

// run executes one request.
func (h *testHandler) run(r *Request, args [][]byte, w *resp.Writer) Update {
	s := r.Conn.Data.(*session)
	u := Update{Trusted: true, Subscriber: s.subscriber}
	word := func(i int) string { return string(args[i]) }
	if len(args) == 0 {
		return u
	}
	switch strings.ToUpper(word(0)) {
	case "NAME":
		s.name = word(1)
		h.conns[s.name] = r.Conn
	case "ECHO":
		w.Bulk(args[1])
		return u
	case "SIZE": // a reply of so many bytes
		n, _ := strconv.Atoi(word(1))
		w.BulkString(strings.Repeat("x", n))
		return u
	case "LEN":
		h.largest, h.owned = &args[len(args)-1][0], r.Owned
		w.Int(int64(len(args[len(args)-1])))
		return u
	case "WAIT":
		u.Wait = WaitData
		return u
	case "PAUSE":
		u.Wait = WaitTurn
		return u
	case "SUBSCRIBE":
		s.subscriber, u.Subscriber = true, true
	case "SPAN":
		r.Conn.Complete(word(1))
	case "QUIT":
		u.Close = true
	case "PUSH", "PUBLISH": // PUSH name text, PUBLISH text
		n := 0
		for name, c := range h.conns {
			if len(args) == 2 && c.Data.(*session).subscriber || name == word(1) {
				if c.Push([]byte("+" + word(len(args)-1) + "\r\n")) {
					n++
				}
			}
		}
		w.Int(int64(n))
		return u
	case "REPLY": // REPLY name text ends the request that waits
		c := h.conns[word(1)]
		c.Complete("reply to " + word(1))
		c.Reply([]byte("+"+word(2)+"\r\n"), Update{Trusted: true, Subscriber: c.Data.(*session).subscriber})
	case "KILL":
		h.conns[word(1)].Kill()
	default:
		w.Error("ERR unknown")
		return u
	}
	w.OK()
	return u
}

// locked causes effects outside of any loop.
func (h *testHandler) locked(s *Server, f func()) {
	h.mu.Lock()
	s.Begin()
	f()
	wake := s.End()
	h.mu.Unlock()
	WakeLoops(wake)
}

func discardLogger() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// clip shortens what a failure prints.
func clip(s string) string { return s[:min(len(s), 300)] }

// request encodes a request.
func request(words ...string) string {
	var b strings.Builder
	b.WriteString("*" + strconv.Itoa(len(words)) + "\r\n")
	for _, w := range words {
		b.WriteString("$" + strconv.Itoa(len(w)) + "\r\n" + w + "\r\n")
	}
	return b.String()
}

// bulk encodes a bulk string.
func bulk(s string) string { return "$" + strconv.Itoa(len(s)) + "\r\n" + s + "\r\n" }
