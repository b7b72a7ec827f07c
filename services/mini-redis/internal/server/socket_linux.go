package server

import (
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// socket is the link of a connection in an epoll loop.
type socket struct {
	loop             *loop
	fd               int
	peer             netip.AddrPort
	reading, writing bool
}

func (k *socket) write(p []byte) (int, error) {
	n, errno := rawIO(unix.SYS_SENDTO, k.fd, p)
	switch errno {
	case 0:
		return n, nil
	case unix.EAGAIN, unix.EINTR:
		return 0, nil
	}
	return 0, errno
}

func (k *socket) interest(read, write bool) {
	if read == k.reading && write == k.writing {
		return
	}
	k.reading, k.writing = read, write
	_ = k.loop.watch(k.fd, read, write, unix.EPOLL_CTL_MOD)
}

func (k *socket) close() {
	k.loop.conns[k.fd] = nil
	_ = unix.Close(k.fd)
}

// interrupt implements [link]: a socket's write never blocks.
func (k *socket) interrupt() {}

func (k *socket) remote() string {
	if !k.peer.IsValid() {
		return "unix:0"
	}
	return k.peer.String()
}

func (k *socket) local() string {
	sa, err := unix.Getsockname(k.fd)
	if err != nil {
		return ""
	}
	if a := addrPort(sa); a.IsValid() {
		return a.String()
	}
	return "unix:0"
}

func addrPort(sa unix.Sockaddr) netip.AddrPort {
	switch a := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr).Unmap(), uint16(a.Port))
	}
	return netip.AddrPort{}
}

// How the first loop accepts.
const (
	acceptsATurn  = 64                     // so that a flood does not starve the connected
	acceptBackoff = 100 * time.Millisecond // after an error such as too many open files
	keepAlive     = 300                    // seconds, redis-server's tcp-keepalive
)

// acceptor accepts on the listening socket for the loop that owns it.
type acceptor struct {
	fd      int
	loop    *loop
	paused  bool
	resume  int64 // monotonic time at which accepting goes on
	stopped bool
}

// timeout is how long the loop may sleep, in milliseconds; -1 is for ever.
func (a *acceptor) timeout() int {
	if !a.paused {
		return -1
	}
	left := a.resume - a.loop.server.clock.Mono()
	if left <= 0 {
		a.paused = false
		_ = a.loop.watch(a.fd, true, false, unix.EPOLL_CTL_MOD)
		return -1
	}
	return int(left/1e6) + 1
}

func (a *acceptor) some() {
	for range acceptsATurn {
		fd, sa, err := unix.Accept4(a.fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		switch err {
		case nil:
			a.admit(fd, sa)
		case unix.EAGAIN:
			return
		case unix.EINTR, unix.ECONNABORTED:
		default:
			a.pause(err)
			return
		}
	}
}

// pause stops accepting for a while: the error will not go away by trying again
// at once, and epoll would report the socket without end.
func (a *acceptor) pause(err error) {
	s := a.loop.server
	s.log.Warn("accept failed, pausing", "error", err, "pause", acceptBackoff)
	a.paused, a.resume = true, s.clock.Mono()+int64(acceptBackoff)
	_ = a.loop.watch(a.fd, false, false, unix.EPOLL_CTL_MOD)
}

func (a *acceptor) admit(fd int, sa unix.Sockaddr) {
	s := a.loop.server
	if refusal := s.admit(); refusal != "" {
		_, _ = unix.Write(fd, []byte(refusal))
		_ = unix.Close(fd)
		return
	}
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1)
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, keepAlive)
	t := a.loop.trans
	to := t.loops[t.turn%len(t.loops)]
	t.turn++
	c := &conn{worker: &to.worker, link: &socket{loop: to, fd: fd, peer: addrPort(sa)}}
	if to == a.loop {
		to.adoptConn(c)
		return
	}
	to.mail.put(message{kind: messageAdopt, c: c})
}

func (a *acceptor) stop() {
	if a.loop == nil || a.stopped {
		return
	}
	a.stopped, a.paused = true, false
	_ = unix.EpollCtl(a.loop.epoll, unix.EPOLL_CTL_DEL, a.fd, nil)
	_ = unix.Close(a.fd)
	_ = a.loop.server.cfg.Listener.Close()
}

// adoptConn takes a new connection into the loop.
func (l *loop) adoptConn(c *conn) {
	k := c.link.(*socket)
	for len(l.conns) <= k.fd {
		l.conns = append(l.conns, nil)
	}
	l.conns[k.fd] = c
	l.join(c)
	k.reading = true
	if err := l.watch(k.fd, true, false, unix.EPOLL_CTL_ADD); err != nil {
		l.drop(c)
	}
}
