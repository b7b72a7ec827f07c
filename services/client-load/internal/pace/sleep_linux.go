package pace

import (
	"context"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// fdSleeper waits for a timer of the kernel's as if it were a socket.
//
// Go's timers wake an idle program up to a millisecond late, ten times what a
// GET on loopback takes, and that would be reported as the server's doing. The
// kernel's wake it within some 40 microseconds. A blocking nanosleep is as
// exact, but holds a processor of Go's scheduler that the answers then wait for.
type fdSleeper struct {
	file    *os.File
	conn    syscall.RawConn
	unwatch func() bool
}

// newSleeper makes a worker's sleeper, by Go's timers when the system has no
// more file descriptors to give.
func newSleeper(ctx context.Context) sleeper {
	fallback := timerSleeper{ctx, wait}
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return fallback
	}
	file := os.NewFile(uintptr(fd), "timerfd")
	conn, err := file.SyscallConn()
	if err != nil {
		file.Close()
		return fallback
	}
	// A deadline in the past is what ends a Read that waits.
	unwatch := context.AfterFunc(ctx, func() { _ = file.SetReadDeadline(time.Unix(1, 0)) })
	return &fdSleeper{file: file, conn: conn, unwatch: unwatch}
}

func (s *fdSleeper) sleep(until time.Time) {
	var fired [8]byte
	for d := time.Until(until); d > 0; d = time.Until(until) {
		spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(d))}
		if err := s.conn.Control(func(fd uintptr) { _ = unix.TimerfdSettime(int(fd), 0, &spec, nil) }); err != nil {
			return
		}
		if _, err := s.file.Read(fired[:]); err != nil {
			return
		}
	}
}

func (s *fdSleeper) close() {
	s.unwatch()
	s.file.Close()
}
