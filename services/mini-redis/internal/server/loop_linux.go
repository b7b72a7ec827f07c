package server

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// epollTransport is a set of event loops. The first one owns the listening
// socket and hands connections round.
type epollTransport struct {
	server   *Server
	loops    []*loop
	listener int  // the listening socket, duplicated from the net.Listener's
	turn     int  // which loop gets the next connection
	spare    bool // there are more processors than loops
	running  sync.WaitGroup
}

// loop is one epoll instance and the worker that it feeds.
type loop struct {
	worker
	trans  *epollTransport
	epoll  int
	event  int // eventfd: the mailbox has something
	conns  []*conn
	events [256]unix.EpollEvent
	busy   bool // the last wait found something
	accept acceptor

	ringing sync.Mutex // guards event against being rung when closed
	closed  bool
}

// newTransport chooses the epoll transport for sockets, and a goroutine for
// each connection of any other listener.
func newTransport(s *Server) (transport, error) {
	raw, ok := s.cfg.Listener.(syscall.Conn)
	if !ok || s.cfg.Solo {
		return newSolo(s), nil
	}
	fd, err := duplicate(raw)
	if err != nil {
		return nil, fmt.Errorf("server: listening socket: %w", err)
	}
	t := &epollTransport{server: s, listener: fd}
	n := s.cfg.Loops
	if n == 0 {
		n = max(1, runtime.GOMAXPROCS(0)/2)
	}
	t.spare = runtime.GOMAXPROCS(0) > n
	for range n {
		l, err := newLoop(t)
		if err != nil {
			return nil, fmt.Errorf("server: event loop: %w", err)
		}
		l.task = s.watch.loop(fmt.Sprintf("event loop %d", len(t.loops)), &l.worker)
		t.loops = append(t.loops, l)
	}
	t.loops[0].accept = acceptor{fd: fd, loop: t.loops[0]}
	if err := t.loops[0].watch(fd, true, false, unix.EPOLL_CTL_ADD); err != nil {
		return nil, fmt.Errorf("server: event loop: %w", err)
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

func newLoop(t *epollTransport) (*loop, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	ev, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, err
	}
	l := &loop{trans: t, epoll: ep, event: ev}
	l.worker = *newWorker(t.server, loopRegion, l.ring)
	l.adopt = l.adoptConn
	return l, l.watch(ev, true, false, unix.EPOLL_CTL_ADD)
}

// ring makes the loop look at its mailbox. It can be called from anywhere.
func (l *loop) ring() {
	l.ringing.Lock()
	defer l.ringing.Unlock()
	if !l.closed {
		one := [8]byte{1}
		_, _ = unix.Write(l.event, one[:])
	}
}

func (t *epollTransport) serve() error {
	errs := make([]error, len(t.loops))
	for i, l := range t.loops {
		t.running.Add(1)
		go func() {
			defer t.running.Done()
			errs[i] = l.run()
		}()
	}
	t.running.Wait()
	return errors.Join(errs...)
}

func (t *epollTransport) size() int { return len(t.loops) }

func (t *epollTransport) drain() { t.tell(messageDrain) }
func (t *epollTransport) abort() { t.tell(messageAbort) }

func (t *epollTransport) tell(kind messageKind) {
	for _, l := range t.loops {
		l.mail.put(message{kind: kind})
	}
}

// run is the loop: wait, read, execute, write.
func (l *loop) run() error {
	defer l.closeAll()
	again, lastCall := false, false
	for {
		n, err := l.wait(again || l.draining && !lastCall)
		if err != nil {
			return fmt.Errorf("server: epoll_wait: %w", err)
		}
		l.wake = l.server.clock.Mono()
		for i := range n {
			l.dispatch(&l.events[i])
		}
		again = l.finish()
		if l.draining {
			l.accept.stop()
		}
		if l.draining && !lastCall && n == 0 {
			lastCall = true // all that had arrived has been read
			l.hangUpAll()
			again = l.finish()
		}
		if lastCall && len(l.members) == 0 {
			return nil
		}
		if l.task != nil {
			l.task.Polled(0, l.wake, l.server.clock.Mono())
		}
	}
}

// lookout is how long a loop with work waits, in milliseconds, before it hands
// its processor back to the scheduler.
const lookout = 1

// wait returns how many events there are; with poll it does not wait for one.
//
// Telling the scheduler of a system call that blocks, and of its end, costs a
// seventh of what a request costs in all. So a loop that has just had work
// keeps its processor for the first millisecond, if the program has another
// one: when the scheduler wants this one, for a garbage collection say, it
// sends the thread a signal, which ends the wait.
func (l *loop) wait(poll bool) (int, error) {
	timeout := l.accept.timeout()
	if poll {
		timeout = 0
	}
	if l.busy && timeout != 0 && l.trans.spare {
		n, errno := l.epollWait(syscall.RawSyscall6, lookout)
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

func (l *loop) epollWait(call func(trap, a1, a2, a3, a4, a5, a6 uintptr) (r1, r2 uintptr, err syscall.Errno), timeout int) (int, syscall.Errno) {
	n, _, errno := call(unix.SYS_EPOLL_PWAIT, uintptr(l.epoll),
		uintptr(unsafe.Pointer(&l.events[0])), uintptr(len(l.events)), uintptr(timeout), 0, 0)
	return int(n), errno
}

func (l *loop) dispatch(ev *unix.EpollEvent) {
	fd := int(ev.Fd)
	switch {
	case fd == l.event:
		var b [8]byte
		_, _ = unix.Read(l.event, b[:])
		l.collect()
		return
	case l.accept.loop != nil && fd == l.accept.fd:
		l.accept.some()
		return
	case fd >= len(l.conns) || l.conns[fd] == nil:
		return
	}
	c := l.conns[fd]
	if ev.Events&unix.EPOLLOUT != 0 {
		l.touch(c)
	}
	if ev.Events&(unix.EPOLLIN|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		l.read(c, fd, ev.Events)
	}
}

func (l *loop) read(c *conn, fd int, events uint32) {
	if events&unix.EPOLLIN == 0 && !c.link.(*socket).reading {
		l.drop(c) // nobody is there to read what is owed
		return
	}
	n, errno := rawIO(unix.SYS_RECVFROM, fd, l.space())
	switch {
	case errno == unix.EAGAIN || errno == unix.EINTR:
	case errno != 0:
		l.drop(c)
	case n == 0:
		l.eof(c)
	default:
		l.received(c, n)
	}
}

// watch sets what epoll waits for on fd.
func (l *loop) watch(fd int, read, write bool, op int) error {
	ev := unix.EpollEvent{Fd: int32(fd)}
	if read {
		ev.Events |= unix.EPOLLIN
	}
	if write {
		ev.Events |= unix.EPOLLOUT
	}
	return unix.EpollCtl(l.epoll, op, fd, &ev)
}

func (l *loop) closeAll() {
	for c := range l.members {
		l.drop(c)
	}
	l.accept.stop()
	l.task.Drop()
	l.ringing.Lock()
	defer l.ringing.Unlock()
	l.closed = true
	_ = unix.Close(l.event)
	_ = unix.Close(l.epoll)
}

// rawIO receives from or sends to a non-blocking socket without telling the
// scheduler: the call returns at once, and telling costs as much as the call.
// SYS_RECVFROM and SYS_SENDTO have a shorter way through the kernel than
// SYS_READ and SYS_WRITE, which are for every kind of file.
func rawIO(trap uintptr, fd int, p []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(trap, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), unix.MSG_NOSIGNAL, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}
