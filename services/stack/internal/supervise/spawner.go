package supervise

import (
	"fmt"
	"os/exec"
	"runtime"
)

// Spawner starts processes that cannot outlive this one.
//
// Linux sends a child its parent-death signal when the thread that forked it ends, not when the
// process ends. Goroutines move between threads, and the Go runtime ends threads. Therefore all
// forks come from one goroutine that is locked to one thread for the life of the Spawner. On
// systems without a parent-death signal, a watchdog process kills the children (watchdog.go).
type Spawner struct {
	forks    chan func()
	watchdog *watchdog // nil if the kernel kills the children
}

// NewSpawner starts the forking thread. watchdogCommand must call [RunWatchdog] on its standard
// input; it is started without further arguments, and only on systems that need it.
func NewSpawner(watchdogCommand []string) (*Spawner, error) {
	s := &Spawner{forks: make(chan func())}
	if needsWatchdog {
		w, err := startWatchdog(watchdogCommand)
		if err != nil {
			return nil, fmt.Errorf("cannot start the watchdog of the stack's processes: %w", err)
		}
		s.watchdog = w
	}
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		for fork := range s.forks {
			fork()
		}
	}()
	return s, nil
}

// Start starts cmd in its own process group. The process group is killed when this process ends.
func (s *Spawner) Start(cmd *exec.Cmd) error {
	isolate(cmd)
	result := make(chan error)
	s.forks <- func() {
		err := cmd.Start()
		if err == nil && s.watchdog != nil {
			s.watchdog.add(cmd.Process.Pid)
		}
		result <- err
	}
	return <-result
}

// unregister removes an ended process from the watchdog's list, because its PID may be reused.
func (s *Spawner) unregister(pid int) {
	if s.watchdog != nil {
		s.watchdog.remove(pid)
	}
}

// Close ends the forking thread, and with it every child that is still running. Start must not be
// called after Close.
func (s *Spawner) Close() {
	close(s.forks)
	if s.watchdog != nil {
		s.watchdog.close()
	}
}
