package server

import (
	"errors"
	"net"
	"sync"
	"time"
)

// soloTransport carries each connection on goroutines of its own, over net: for
// listeners that are no sockets, and for systems without epoll.
type soloTransport struct {
	server *Server

	mu    sync.Mutex
	solos map[*solo]struct{}
	ended bool
	done  sync.WaitGroup
}

func newSolo(s *Server) *soloTransport {
	return &soloTransport{server: s, solos: map[*solo]struct{}{}}
}

func (t *soloTransport) serve() error {
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

func (t *soloTransport) admit(nc net.Conn) {
	if refusal := t.server.admit(); refusal != "" {
		_ = nc.SetWriteDeadline(time.Now().Add(time.Second))
		_, _ = nc.Write([]byte(refusal))
		_ = nc.Close()
		return
	}
	k := &solo{trans: t, conn: nc, bell: make(chan struct{}, 1), chunks: make(chan int), next: make(chan struct{}), gone: make(chan struct{})}
	k.worker = *newWorker(t.server, soloRegion, k.ring)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		_ = nc.Close()
		t.server.clients.Add(-1)
		return
	}
	t.solos[k] = struct{}{}
	t.done.Add(1)
	go k.run()
}

func (t *soloTransport) size() int { return 0 }

func (t *soloTransport) drain() {
	_ = t.server.cfg.Listener.Close()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
	for k := range t.solos {
		k.mail.put(message{kind: messageDrain})
	}
}

func (t *soloTransport) abort() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for k := range t.solos {
		_ = k.conn.Close()
		k.mail.put(message{kind: messageAbort})
	}
}

// solo is a worker with one connection, and that connection's link.
type solo struct {
	worker
	trans  *soloTransport
	conn   net.Conn
	bell   chan struct{} // the mailbox has something
	chunks chan int      // the reader has read so many bytes into chunk, or 0 at the end
	next   chan struct{} // the reader may go on
	gone   chan struct{} // closed when the connection is
	chunk  [soloRegion]byte

	reading bool // interest: the connection wants more
	owed    bool // the reader waits for next
}

func (k *solo) ring() {
	select {
	case k.bell <- struct{}{}:
	default:
	}
}

func (k *solo) run() {
	defer k.leave()
	c := &conn{link: k}
	k.reading = true
	k.join(c)
	go k.readAll()
	for again := false; !c.dead; {
		k.await(c, again)
		again = k.finish()
		if k.draining {
			k.hangUpAll()
			again = k.finish() || again
		}
		if k.owed && k.reading && !c.dead {
			k.owed = false
			k.next <- struct{}{}
		}
	}
}

// await waits for bytes or a message.
func (k *solo) await(c *conn, poll bool) {
	if poll {
		k.wake = k.server.clock.Mono()
		return
	}
	select {
	case <-k.bell:
		k.wake = k.server.clock.Mono()
		k.collect()
	case n := <-k.chunks:
		k.wake = k.server.clock.Mono()
		if n == 0 {
			k.eof(c)
			return
		}
		k.owed = true
		k.received(c, copy(k.space(), k.chunk[:n]))
	}
}

// readAll hands on what arrives, a chunk at a time, and at the end 0.
func (k *solo) readAll() {
	for {
		n, err := k.conn.Read(k.chunk[:])
		if n > 0 && !(k.hand(n) && k.mayGoOn()) {
			return
		}
		if err != nil {
			k.hand(0)
			return
		}
	}
}

func (k *solo) hand(n int) bool {
	select {
	case k.chunks <- n:
		return true
	case <-k.gone:
		return false
	}
}

func (k *solo) mayGoOn() bool {
	select {
	case <-k.next:
		return true
	case <-k.gone:
		return false
	}
}

func (k *solo) leave() {
	close(k.gone)
	k.trans.mu.Lock()
	delete(k.trans.solos, k)
	k.trans.mu.Unlock()
	k.trans.done.Done()
}

func (k *solo) write(p []byte) (int, error) { return k.conn.Write(p) }
func (k *solo) interest(read, _ bool)       { k.reading = read }
func (k *solo) close()                      { _ = k.conn.Close() }
func (k *solo) interrupt()                  { _ = k.conn.Close() }
func (k *solo) remote() string              { return k.conn.RemoteAddr().String() }
func (k *solo) local() string               { return k.conn.LocalAddr().String() }
