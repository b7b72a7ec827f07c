package pace

import (
	"context"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// fdSleeper waits for a Linux timerfd through the runtime's network poller.
//
// Go's timers wake an idle program up to 1 ms late. That is ten times the duration
// of a GET on loopback and would be reported as latency of the server. A timerfd
// wakes it within about 40 us. A blocking nanosleep is as accurate, but it
// occupies a P of Go's scheduler, which delays the processing of replies.
type fdSleeper struct {
	file       *os.File
	conn       syscall.RawConn
	removeStop func() bool // unregisters the deadline from the context
}

// newSleeper returns a worker's sleeper. It falls back to Go's timers if the timerfd
// cannot be created, for example because the limit of open files is reached.
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
	// A deadline in the past ends a blocked Read.
	removeStop := context.AfterFunc(ctx, func() { _ = file.SetReadDeadline(time.Unix(1, 0)) })
	return &fdSleeper{file: file, conn: conn, removeStop: removeStop}
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
	s.removeStop()
	s.file.Close()
}
