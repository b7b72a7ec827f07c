package netloop

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// epollTransport is a set of event loops. The first one owns the listening socket
// and distributes the connections.
type epollTransport struct {
	server  *Server
	list    []*epollLoop
	next    int  // index of the loop that gets the next connection
	spin    bool // there are more processors than loops
	running sync.WaitGroup
}

// epollLoop is a loop over one epoll instance.
type epollLoop struct {
	Loop
	trans    *epollTransport
	epoll    int
	event    int // eventfd: the inbox is not empty
	byFD     []*Conn
	events   [256]unix.EpollEvent
	busy     bool // the last wait returned events
	acceptor acceptor

	eventMu sync.Mutex // guards event against use after it is closed
	ended   bool
}

// newTransport returns the epoll transport for a socket, and the goroutine
// transport for any other listener.
func newTransport(s *Server) (transport, error) {
	raw, ok := s.cfg.Listener.(syscall.Conn)
	if !ok || s.cfg.Goroutines {
		return newGoroutines(s), nil
	}
	fd, err := duplicate(raw)
	if err != nil {
		return nil, fmt.Errorf("netloop: listening socket: %w", err)
	}
	t := &epollTransport{server: s}
	n := s.cfg.Loops
	if n == 0 {
		n = max(1, runtime.GOMAXPROCS(0)/2)
	}
	t.spin = runtime.GOMAXPROCS(0) > n
	for range n {
		l, err := newEpollLoop(t)
		if err != nil {
			return nil, fmt.Errorf("netloop: event loop: %w", err)
		}
		t.list = append(t.list, l)
		if s.cfg.OnLoop != nil {
			s.cfg.OnLoop(&l.Loop)
		}
	}
	first := t.list[0]
	first.acceptor = acceptor{fd: fd, loop: first}
	if err := first.watch(fd, true, false, unix.EPOLL_CTL_ADD); err != nil {
		return nil, fmt.Errorf("netloop: event loop: %w", err)
	}
	return t, nil
}

func duplicate(c syscall.Conn) (fd int, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	ctl := raw.Control(func(f uintptr) {
		fd, err = unix.FcntlInt(f, unix.F_DUPFD_CLOEXEC, 0)
	})
	if err = errors.Join(ctl, err); err != nil {
		return 0, err
	}
	return fd, unix.SetNonblock(fd, true)
}

func newEpollLoop(t *epollTransport) (*epollLoop, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	ev, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, err
	}
	l := &epollLoop{trans: t, epoll: ep, event: ev}
	l.init(t.server, len(t.list), epollRegion, l.signal)
	l.adopt = l.adoptConn
	return l, l.watch(ev, true, false, unix.EPOLL_CTL_ADD)
}

// signal makes the loop drain its inbox. Any goroutine may call it.
func (l *epollLoop) signal() {
	l.eventMu.Lock()
	defer l.eventMu.Unlock()
	if !l.ended {
		one := [8]byte{1}
		_, _ = unix.Write(l.event, one[:])
	}
}

func (t *epollTransport) serve() error {
	errs := make([]error, len(t.list))
	for i, l := range t.list {
		t.running.Add(1)
		go func() {
			defer t.running.Done()
			errs[i] = l.run()
		}()
	}
	t.running.Wait()
	return errors.Join(errs...)
}

func (t *epollTransport) loops() []*Loop {
	list := make([]*Loop, len(t.list))
	for i, l := range t.list {
		list[i] = &l.Loop
	}
	return list
}

// drain tells the first loop, which stops accepting and then tells the others: a
// connection is never handed to a loop that has ended.
func (t *epollTransport) drain() { t.list[0].control(control{kind: controlDrain}) }

func (t *epollTransport) abort() { t.broadcast(controlAbort, t.list) }

func (t *epollTransport) sweep() { t.broadcast(controlSweep, t.list) }

func (t *epollTransport) broadcast(kind controlKind, list []*epollLoop) {
	for _, l := range list {
		l.control(control{kind: kind})
	}
}

// run is the loop: wait for events, read, execute, write.
func (l *epollLoop) run() error {
	again := false
	for {
		l.since.Store(0)
		n, err := l.wait(again)
		if err != nil {
			return fmt.Errorf("netloop: epoll_wait: %w", err)
		}
		l.wake = l.server.clock.Mono()
		l.since.Store(l.wake)
		for i := range n {
			l.dispatch(&l.events[i])
		}
		if l.draining {
			l.stopAccepting()
			l.drainAll()
		}
		again = l.endTurn()
		if l.draining && len(l.conns) == 0 {
			l.terminate()
			return nil
		}
		if l.server.cfg.OnTurn != nil {
			l.server.cfg.OnTurn(&l.Loop, l.wake, l.server.clock.Mono())
		}
	}
}

// stopAccepting ends the acceptor when the server drains.
func (l *epollLoop) stopAccepting() {
	if l.acceptor.loop == nil || l.acceptor.stopped {
		return
	}
	l.acceptor.finish()
	l.trans.broadcast(controlDrain, l.trans.list[1:])
}

// terminate releases what the loop holds. It has no connections.
func (l *epollLoop) terminate() {
	l.since.Store(0)
	l.end()
	if l.server.cfg.OnEnd != nil {
		l.server.cfg.OnEnd(&l.Loop)
	}
	l.eventMu.Lock()
	defer l.eventMu.Unlock()
	l.ended = true
	_ = unix.Close(l.event)
	_ = unix.Close(l.epoll)
}

// spinDuration is how long, in milliseconds, a loop waits for events before it hands
// its processor back to the scheduler.
const spinDuration = 1

// wait waits for events and returns how many there are; with poll it returns at
// once.
//
// To tell the scheduler that a system call blocks, and that it has ended, costs a
// seventh of an unpipelined request. So a loop that just had events keeps its
// processor for the first millisecond, if the program has another processor. If
// the scheduler wants this one, for a garbage collection for example, it sends the
// thread a signal, which ends the wait.
func (l *epollLoop) wait(poll bool) (int, error) {
	timeout := l.acceptor.timeout()
	if poll {
		timeout = 0
	}
	if l.busy && timeout != 0 && l.trans.spin {
		n, errno := l.epollWait(syscall.RawSyscall6, spinDuration)
		switch {
		case errno == 0 && n > 0:
			return n, nil
		case errno == unix.EINTR:
			runtime.Gosched()
		}
	}
	for {
		n, errno := l.epollWait(syscall.Syscall6, timeout)
		switch errno {
		case 0:
			l.busy = n > 0
			return n, nil
		case unix.EINTR:
			continue
		}
		return 0, errno
	}
}

func (l *epollLoop) epollWait(call func(trap, a1, a2, a3, a4, a5, a6 uintptr) (r1, r2 uintptr, err syscall.Errno), timeout int) (int, syscall.Errno) {
	n, _, errno := call(unix.SYS_EPOLL_PWAIT, uintptr(l.epoll),
		uintptr(unsafe.Pointer(&l.events[0])), uintptr(len(l.events)), uintptr(timeout), 0, 0)
	return int(n), errno
}

func (l *epollLoop) dispatch(ev *unix.EpollEvent) {
	fd := int(ev.Fd)
	switch {
	case fd == l.event:
		var b [8]byte
		_, _ = unix.Read(l.event, b[:])
		l.collect()
		return
	case l.acceptor.loop != nil && fd == l.acceptor.fd:
		l.acceptor.acceptSome()
		return
	case fd >= len(l.byFD) || l.byFD[fd] == nil:
		return
	}
	c := l.byFD[fd]
	if ev.Events&unix.EPOLLOUT != 0 {
		l.touch(c)
	}
	if ev.Events&(unix.EPOLLIN|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		l.read(c, fd, ev.Events)
	}
}

func (l *epollLoop) read(c *Conn, fd int, events uint32) {
	if events&unix.EPOLLIN == 0 && !c.link.(*socket).reading {
		l.close(c) // the client has gone: its replies cannot be sent
		return
	}
	p, direct := l.space(c)
	n, errno := rawIO(unix.SYS_RECVFROM, fd, p)
	switch {
	case errno == unix.EAGAIN || errno == unix.EINTR:
	case errno != 0:
		l.close(c)
	case n == 0:
		l.eof(c)
	default:
		l.received(c, n, direct)
	}
}

// watch sets what epoll waits for on fd.
func (l *epollLoop) watch(fd int, read, write bool, op int) error {
	ev := unix.EpollEvent{Fd: int32(fd)}
	if read {
		ev.Events |= unix.EPOLLIN
	}
	if write {
		ev.Events |= unix.EPOLLOUT
	}
	return unix.EpollCtl(l.epoll, op, fd, &ev)
}

// rawIO receives from or sends to a non-blocking socket without telling the
// scheduler: the call returns at once, and telling costs as much as the call. The
// path of SYS_RECVFROM and SYS_SENDTO through the kernel is shorter than that of
// SYS_READ and SYS_WRITE.
func rawIO(trap uintptr, fd int, p []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(trap, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), unix.MSG_NOSIGNAL, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}
