package netloop

import (
	"net"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// socket is the link of a connection of an epoll loop.
type socket struct {
	loop             *epollLoop
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

func (k *socket) available() int {
	n, err := unix.IoctlGetInt(k.fd, unix.TIOCINQ)
	if err != nil {
		return -1
	}
	return n
}

func (k *socket) close() {
	if k.fd < len(k.loop.byFD) && k.loop.byFD[k.fd] != nil && k.loop.byFD[k.fd].link == link(k) {
		k.loop.byFD[k.fd] = nil
	}
	_ = unix.Close(k.fd)
}

// interrupt implements link: a socket's write never blocks.
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

// pendingInput returns the number of bytes that the kernel has received for a connection
// and that have not been read; 0 if it is not known.
func pendingInput(nc net.Conn) (n int) {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return 0
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return 0
	}
	_ = raw.Control(func(fd uintptr) { n, _ = unix.IoctlGetInt(int(fd), unix.TIOCINQ) })
	return n
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
	acceptsPerTurn = 64                     // so that a flood does not delay the connected clients
	acceptsAtEnd   = 4096                   // when the server stops: the kernel's queue, bounded
	acceptBackoff  = 100 * time.Millisecond // after an error such as too many open files
	keepAlive      = 300                    // seconds; redis-server's tcp-keepalive
)

// acceptor accepts connections on the listening socket.
type acceptor struct {
	fd      int
	loop    *epollLoop
	paused  bool
	resume  int64 // monotonic time at which accepting continues
	stopped bool
}

// timeout returns how long the loop may wait, in milliseconds; -1 for no limit.
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

// acceptSome accepts the connections of one turn.
func (a *acceptor) acceptSome() { a.accept(acceptsPerTurn) }

// accept accepts up to n connections.
func (a *acceptor) accept(n int) {
	for range n {
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

// pause stops accepting for a while: another attempt would fail in the same way,
// and epoll would report the socket again and again.
func (a *acceptor) pause(err error) {
	s := a.loop.server
	s.log.Warn("accept failed, pausing", "error", err, "pause", acceptBackoff)
	a.paused, a.resume = true, s.clock.Mono()+int64(acceptBackoff)
	_ = a.loop.watch(a.fd, false, false, unix.EPOLL_CTL_MOD)
}

func (a *acceptor) admit(fd int, sa unix.Sockaddr) {
	s := a.loop.server
	if refusal := s.handler.Accept(); refusal != "" {
		_, _ = unix.Write(fd, []byte(refusal))
		_ = unix.Close(fd)
		return
	}
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1)
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, keepAlive)
	t := a.loop.trans
	to := t.list[t.next%len(t.list)]
	t.next++
	c := &Conn{loop: &to.Loop, link: &socket{loop: to, fd: fd, peer: addrPort(sa)}}
	if to == a.loop {
		to.adoptConn(c)
		return
	}
	if !to.control(control{kind: controlAdopt, c: c}) {
		_ = unix.Close(fd)
		s.handler.Refused()
	}
}

// finish accepts what the kernel has queued and closes the listening socket.
func (a *acceptor) finish() {
	a.accept(acceptsAtEnd)
	a.stopped, a.paused = true, false
	_ = unix.EpollCtl(a.loop.epoll, unix.EPOLL_CTL_DEL, a.fd, nil)
	_ = unix.Close(a.fd)
	_ = a.loop.server.cfg.Listener.Close()
}

// adoptConn makes a new connection part of the loop.
func (l *epollLoop) adoptConn(c *Conn) {
	k := c.link.(*socket)
	for len(l.byFD) <= k.fd {
		l.byFD = append(l.byFD, nil)
	}
	l.byFD[k.fd] = c
	k.reading = true
	if err := l.watch(k.fd, true, false, unix.EPOLL_CTL_ADD); err != nil {
		k.close()
		l.server.handler.Refused()
		return
	}
	l.join(c)
}
