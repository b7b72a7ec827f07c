// Package supervise runs child processes. Each child has its own process group and writes its
// output to a file. Children are started in order and stopped in reverse order. They do not outlive
// this process, however it ends.
//
// services/stack/internal/backends defines the children. This package does not depend on what they
// do.
package supervise

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"time"
)

// Spec describes a child process.
type Spec struct {
	Name string   // shown in messages
	Path string   // path of the program
	Args []string // without the program's name
	Env  []string // complete environment; nil is empty, unlike in os/exec
	Dir  string   // working directory
	Log  string   // file to which stdout and stderr are appended

	// StopTimeout is the time from SIGTERM to SIGKILL. 0 means DefaultStopTimeout.
	StopTimeout time.Duration
	// Finite is true if the child is expected to exit without being stopped.
	Finite bool
}

// DefaultStopTimeout is longer than any child of the stack needs to flush to a peer that responds.
const DefaultStopTimeout = 10 * time.Second

// Group is an ordered set of children.
type Group struct {
	spawner *Spawner

	mu       sync.Mutex
	children []*Process
	stopping bool

	unexpected chan *Process // see UnexpectedExit
}

// NewGroup returns an empty group that starts its children with spawner.
func NewGroup(spawner *Spawner) *Group {
	return &Group{spawner: spawner, unexpected: make(chan *Process, 1)}
}

// Start starts a child. Stop stops it before the children that were started earlier.
func (g *Group) Start(spec Spec) (*Process, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopping {
		return nil, fmt.Errorf("%s is not started: the stack is stopping", spec.Name)
	}
	p, err := start(g.spawner, spec)
	if err != nil {
		return nil, err
	}
	g.children = append(g.children, p)
	go g.awaitExit(p)
	return p, nil
}

func (g *Group) awaitExit(p *Process) {
	<-p.Done()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopping || p.spec.Finite {
		return
	}
	select {
	case g.unexpected <- p:
	default: // the first one ends the stack
	}
}

// UnexpectedExit returns a channel that receives the first child that exits before Stop and is not
// Finite.
func (g *Group) UnexpectedExit() <-chan *Process { return g.unexpected }

// Processes returns the children in the order in which they were started.
func (g *Group) Processes() []*Process {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]*Process(nil), g.children...)
}

// Stop stops the children one after the other in reverse order. When ctx is done, it kills those
// that are still running. It returns when all children have ended. The error names the children
// that were killed.
func (g *Group) Stop(ctx context.Context) error {
	g.mu.Lock()
	g.stopping = true
	children := append([]*Process(nil), g.children...)
	g.mu.Unlock()
	var errs []error
	for i := len(children) - 1; i >= 0; i-- {
		errs = append(errs, children[i].Stop(ctx))
	}
	return errors.Join(errs...)
}

// Process is a started child.
type Process struct {
	spec    Spec
	cmd     *exec.Cmd
	started time.Time
	done    chan struct{}
	err     error // result of Wait; valid after done is closed
}

func start(spawner *Spawner, spec Spec) (*Process, error) {
	log, err := os.OpenFile(spec.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", spec.Name, err)
	}
	defer log.Close() // the child has its own file descriptor
	cmd := exec.Command(spec.Path, spec.Args...)
	cmd.Dir = spec.Dir
	cmd.Env = append([]string{}, spec.Env...) // a nil Env would inherit the stack's environment
	cmd.Stdout, cmd.Stderr = log, log
	if err := spawner.Start(cmd); err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", spec.Name, err)
	}
	p := &Process{spec: spec, cmd: cmd, started: time.Now(), done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		killGroup(cmd.Process.Pid) // processes that it has started itself
		spawner.unregister(cmd.Process.Pid)
		close(p.done)
	}()
	return p, nil
}

// Name returns the name of the Spec.
func (p *Process) Name() string { return p.spec.Name }

// PID returns the process ID, which is also the process group ID.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Log returns the path of the file with the process's output.
func (p *Process) Log() string { return p.spec.Log }

// Done returns a channel that is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// ExitCode returns the exit code, or -1 if a signal ended the process. Call it only after Done is
// closed.
func (p *Process) ExitCode() int { return p.cmd.ProcessState.ExitCode() }

// Stop sends SIGTERM and waits. It sends SIGKILL when the Spec's StopTimeout has passed or ctx is
// done. It returns an error only if it sent SIGKILL.
func (p *Process) Stop(ctx context.Context) error {
	select {
	case <-p.done:
		return nil
	default:
	}
	if ctx.Err() == nil {
		terminateGroup(p.PID())
		timeout := p.spec.StopTimeout
		if timeout == 0 {
			timeout = DefaultStopTimeout
		}
		timer := time.NewTimer(timeout)
		defer timer.Stop()
		select {
		case <-p.done:
			return nil
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	killGroup(p.PID())
	<-p.done
	return fmt.Errorf("%s did not stop after SIGTERM and was killed", p.spec.Name)
}

// ExitError waits for the end of the process. Its error says how the process ended and contains the
// last 8 lines of its log.
func (p *Process) ExitError() error {
	<-p.done
	text := fmt.Sprintf("%s exited unexpectedly after %s (%s)", p.spec.Name, time.Since(p.started).Round(100*time.Millisecond), describeEnd(p.err))
	if tail := Tail(p.spec.Log, 8); tail != "" {
		text += "; last lines of " + p.spec.Log + ":\n" + tail
	} else {
		text += "; its log " + p.spec.Log + " is empty"
	}
	return errors.New(text)
}

func describeEnd(err error) string {
	if err == nil {
		return "exit status 0"
	}
	return err.Error()
}
