package netloop

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// goroutines is the transport that carries each connection on its own goroutines,
// over net.Conn.
type goroutines struct {
	server *Server

	mu    sync.Mutex
	conns map[*goroutineConn]struct{}
	ended bool
	done  sync.WaitGroup
}

func newGoroutines(s *Server) *goroutines {
	return &goroutines{server: s, conns: map[*goroutineConn]struct{}{}}
}

func (t *goroutines) serve() error {
	backoff := 5 * time.Millisecond
	for {
		nc, err := t.server.cfg.Listener.Accept()
		if err == nil {
			backoff = 5 * time.Millisecond
			t.admit(nc)
			continue
		}
		if t.server.stopping.Load() || errors.Is(err, net.ErrClosed) {
			t.done.Wait()
			return err
		}
		t.server.log.Warn("accept failed, pausing", "error", err, "pause", backoff)
		time.Sleep(backoff)
		backoff = min(2*backoff, time.Second)
	}
}

func (t *goroutines) admit(nc net.Conn) {
	s := t.server
	if refusal := s.handler.Accept(); refusal != "" {
		go refuse(nc, refusal)
		return
	}
	k := &goroutineConn{
		trans: t, conn: nc, signal: make(chan struct{}, 1),
		chunks: make(chan int), next: make(chan struct{}), gone: make(chan struct{}),
	}
	k.init(s, -1, goroutineRegion, k.wakeUp)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		_ = nc.Close()
		s.handler.Refused()
		return
	}
	t.conns[k] = struct{}{}
	t.done.Add(1)
	go k.run()
}

// refuse sends a refusal and closes the connection. Over TLS it needs the client, which
// may not answer.
func refuse(nc net.Conn, refusal string) {
	_ = nc.SetDeadline(time.Now().Add(time.Second))
	_, _ = nc.Write([]byte(refusal))
	_ = nc.Close()
}

func (t *goroutines) loops() []*Loop { return nil }

func (t *goroutines) drain() {
	_ = t.server.cfg.Listener.Close()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
	for k := range t.conns {
		k.control(control{kind: controlDrain})
	}
}

func (t *goroutines) abort() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for k := range t.conns {
		k.interrupt()
		k.control(control{kind: controlAbort})
	}
}

func (t *goroutines) sweep() {} // a write blocks its own connection only, which keeps one turn's completions

// goroutineConn is a loop with one connection, and the link of that connection.
type goroutineConn struct {
	Loop
	trans  *goroutines
	conn   net.Conn
	signal chan struct{} // the inbox is not empty
	chunks chan int      // number of bytes that the reader has read into chunk; 0 at the end
	next   chan struct{} // the reader may continue
	gone   chan struct{} // closed when the connection is
	chunk  [goroutineRegion]byte

	reading  bool // the connection wants more input
	owed     bool // the reader waits for next
	deadline bool // a read deadline is set: the server drains
}

func (k *goroutineConn) wakeUp() {
	select {
	case k.signal <- struct{}{}:
	default:
	}
}

func (k *goroutineConn) run() {
	c := &Conn{link: k}
	k.reading = true
	k.join(c)
	go k.readAll()
	for again := false; c.state != Closed; {
		k.await(c, again)
		again = k.endTurn()
		if k.draining {
			k.drainAll()
			again = k.endTurn() || again
		}
		if k.owed && k.reading && c.state != Closed {
			k.owed = false
			k.next <- struct{}{}
		}
	}
	k.terminate()
}

// await waits for input or for the inbox.
func (k *goroutineConn) await(c *Conn, poll bool) {
	if poll {
		k.wake = k.server.clock.Mono()
		return
	}
	select {
	case <-k.signal:
		k.wake = k.server.clock.Mono()
		k.collect()
		if k.draining && !k.deadline {
			k.deadline = true
			_ = k.conn.SetReadDeadline(time.Now().Add(drainWindow))
		}
		select { // pushes that never end must not keep the client's requests waiting
		case n := <-k.chunks:
			k.input(c, n)
		default:
		}
	case n := <-k.chunks:
		k.wake = k.server.clock.Mono()
		k.input(c, n)
	}
}

// input takes n bytes that the reader has read; 0 is the end.
func (k *goroutineConn) input(c *Conn, n int) {
	if n == 0 {
		k.eof(c)
		return
	}
	k.owed = true
	p, direct := k.space(c)
	for from := 0; from < n; {
		m := copy(p, k.chunk[from:n])
		k.received(c, m, direct)
		if from += m; from < n {
			p, direct = k.space(c)
		}
	}
}

// When the server stops, a connection is still read from for the drain window: TLS may
// have received more than the kernel says. Then it is read from as long as the kernel has
// input, up to the size of a receive buffer.
const (
	drainWindow = 50 * time.Millisecond
	drainBytes  = 8 << 20
)

// readAll passes on what arrives, a chunk at a time, and 0 at the end.
func (k *goroutineConn) readAll() {
	for {
		n, err := k.conn.Read(k.chunk[:])
		if n > 0 && !(k.hand(n) && k.mayContinue()) {
			return
		}
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) && !k.readRest() {
				return
			}
			k.hand(0)
			return
		}
	}
}

// readRest passes on what had arrived when the drain window ended. On a busy machine the
// window can end before the reader has run. It returns false if the connection is gone.
func (k *goroutineConn) readRest() bool {
	for left := drainBytes; left > 0; {
		deadline := time.Now() // TLS has decrypted nothing more, or returns it without reading
		if pendingInput(k.socket()) > 0 {
			deadline = deadline.Add(drainWindow)
		}
		_ = k.conn.SetReadDeadline(deadline)
		n, err := k.conn.Read(k.chunk[:])
		if n > 0 && !(k.hand(n) && k.mayContinue()) {
			return false
		}
		if err != nil {
			return true
		}
		left -= n
	}
	return true
}

func (k *goroutineConn) hand(n int) bool {
	select {
	case k.chunks <- n:
		return true
	case <-k.gone:
		return false
	}
}

func (k *goroutineConn) mayContinue() bool {
	select {
	case <-k.next:
		return true
	case <-k.gone:
		return false
	}
}

func (k *goroutineConn) terminate() {
	close(k.gone)
	k.end()
	k.trans.mu.Lock()
	delete(k.trans.conns, k)
	k.trans.mu.Unlock()
	k.trans.done.Done()
}

func (k *goroutineConn) write(p []byte) (int, error) { return k.conn.Write(p) }
func (k *goroutineConn) interest(read, _ bool)       { k.reading = read }

// available implements link. The reader always has a read under way: what it
// returns before the drain window ends has arrived.
func (k *goroutineConn) available() int { return 1 << 30 }

// interrupt implements link. To close a TLS connection sends a message, which may block,
// so it closes the connection below.
func (k *goroutineConn) interrupt() { _ = k.socket().Close() }

// socket returns the connection, or the one below if it is a TLS connection.
func (k *goroutineConn) socket() net.Conn {
	if t, ok := k.conn.(interface{ NetConn() net.Conn }); ok {
		return t.NetConn()
	}
	return k.conn
}

func (k *goroutineConn) close()         { _ = k.conn.Close() }
func (k *goroutineConn) remote() string { return k.conn.RemoteAddr().String() }
func (k *goroutineConn) local() string  { return k.conn.LocalAddr().String() }
