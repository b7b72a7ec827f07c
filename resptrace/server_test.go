package resptrace_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"mini-redis/resptrace/wire"
)

// server is a minimal Redis server that records all requests byte by byte. It
// supports TRACED or, if stock is set, rejects it like redis-server.
type server struct {
	t    testing.TB
	addr string

	mu       sync.Mutex
	listener net.Listener
	conns    map[net.Conn]bool
	stock    bool // does not support TRACED
	noHello  bool // does not support HELLO
	claims   bool // announces TRACED in the reply of HELLO even if stock is set
	answer   func(c *client, args []string) (reply string, ok bool)
	data     map[string]string // strings only
	version  map[string]int    // of each key, for WATCH
	requests []request
	ran      []string // executed commands, without their contexts
}

// request is one received request.
type request struct {
	conn int
	raw  string
	args []string
}

// client is the state of one connection.
type client struct {
	id     int
	conn   net.Conn
	resp3  bool
	asking bool
	multi  bool
	dirty  bool
	queue  [][]string
	watch  map[string]int
	drop   bool // close instead of answering
}

// newServer starts a server on a free port. It calls set before the first connection.
func newServer(t testing.TB, set ...func(*server)) *server {
	t.Helper()
	s := &server{t: t, conns: map[net.Conn]bool{}, data: map[string]string{}, version: map[string]int{}}
	for _, f := range set {
		f(s)
	}
	s.listen("127.0.0.1:0")
	t.Cleanup(s.stop)
	return s
}

func isStock(s *server)      { s.stock = true }
func claimsTraced(s *server) { s.stock, s.claims = true, true }
func withoutHello(s *server) { s.stock, s.noHello = true, true }

func (s *server) listen(addr string) {
	s.t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.mu.Lock()
	s.listener, s.addr = l, l.Addr().String()
	s.mu.Unlock()
	go func() {
		for id := 1; ; id++ {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns[conn] = true
			s.mu.Unlock()
			go s.serve(&client{id: id, conn: conn, watch: map[string]int{}})
		}
	}()
}

// stop closes the listener and all connections.
func (s *server) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.listener.Close()
	for conn := range s.conns {
		_ = conn.Close()
	}
	clear(s.conns)
}

// replaceBy stops s and starts another server at the same address.
func (s *server) replaceBy(set ...func(*server)) *server {
	s.t.Helper()
	s.stop()
	next := &server{t: s.t, conns: map[net.Conn]bool{}, data: map[string]string{}, version: map[string]int{}}
	for _, f := range set {
		f(next)
	}
	next.listen(s.addr)
	s.t.Cleanup(next.stop)
	return next
}

// set changes the server while it runs.
func (s *server) set(f func(*server)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s)
}

func (s *server) serve(c *client) {
	defer c.conn.Close()
	rd := bufio.NewReader(c.conn)
	for {
		raw, args, err := readRequest(rd)
		if err != nil {
			return
		}
		s.mu.Lock()
		s.requests = append(s.requests, request{c.id, raw, args})
		reply := s.handle(c, args)
		s.mu.Unlock()
		if c.drop {
			return
		}
		if _, err := io.WriteString(c.conn, reply); err != nil {
			return
		}
	}
}

func readRequest(rd *bufio.Reader) (raw string, args []string, err error) {
	line := func(kind byte) (int, error) {
		text, err := rd.ReadString('\n')
		raw += text
		if err != nil || len(text) < 4 || text[0] != kind {
			return 0, fmt.Errorf("%q: %w", text, io.ErrUnexpectedEOF)
		}
		return strconv.Atoi(text[1 : len(text)-2])
	}
	n, err := line('*')
	if err != nil {
		return raw, nil, err
	}
	for range n {
		size, err := line('$')
		if err != nil {
			return raw, nil, err
		}
		buf := make([]byte, size+2)
		if _, err := io.ReadFull(rd, buf); err != nil {
			return raw, nil, err
		}
		raw += string(buf)
		args = append(args, string(buf[:size]))
	}
	return raw, args, nil
}

// handle answers one request. The caller holds the lock.
func (s *server) handle(c *client, args []string) string {
	asking := c.asking
	c.asking = false
	if strings.EqualFold(args[0], wire.Command) {
		if s.stock {
			c.dirty = c.dirty || c.multi
			return unknown(args)
		}
		words := make([][]byte, len(args))
		for i, a := range args {
			words[i] = []byte(a)
		}
		_, inner, err := wire.Parse(words)
		if err != nil {
			s.t.Errorf("malformed: %q: %v", args, err)
			return "-" + err.Error() + "\r\n"
		}
		args = args[len(args)-len(inner):]
	}
	name := strings.ToUpper(args[0])
	if c.multi && !slices.Contains([]string{"EXEC", "DISCARD", "MULTI", "WATCH"}, name) {
		c.queue = append(c.queue, args)
		return "+QUEUED\r\n"
	}
	c.asking = asking
	reply := s.run(c, name, args)
	c.asking = name == "ASKING"
	return reply
}

func unknown(args []string) string {
	text := "-ERR unknown command '" + args[0] + "', with args beginning with: "
	for _, a := range args[1:] {
		text += "'" + a + "' "
	}
	return text + "\r\n"
}

// run executes a command. The caller holds the lock.
func (s *server) run(c *client, name string, args []string) string {
	if s.answer != nil {
		if reply, ok := s.answer(c, args); ok {
			return reply
		}
	}
	if reply, ok := s.connection(c, name, args); ok {
		return reply
	}
	s.ran = append(s.ran, strings.Join(append([]string{name}, args[1:]...), " "))
	return s.keys(name, args)
}
