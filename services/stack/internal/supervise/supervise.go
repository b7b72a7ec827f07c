// Package supervise runs the stack's programs: each in a process group of its own, its output in a file, started in order and
// stopped in the opposite order, and gone when the stack is gone, however that ends.
//
// What to run is services/stack/internal/backends' business; this package knows nothing of what its children do.
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

// Spec says how one child is run.
type Spec struct {
	Name string   // what people call it
	Path string   // the program
	Args []string // without the program's name
	Env  []string // all of its environment; nil is an empty one, never the stack's own
	Dir  string   // working directory
	Log  string   // file that takes stdout and stderr

	// StopTimeout is how long it may take to stop after SIGTERM before it is killed; 0 is DefaultStopTimeout.
	StopTimeout time.Duration
	// Finite says that the child ends by itself: its end is an answer and not an accident.
	Finite bool
}

// DefaultStopTimeout is longer than what any of the children needs to flush to a peer that answers.
const DefaultStopTimeout = 10 * time.Second

// Group is an ordered set of children.
type Group struct {
	nursery *Nursery

	mu       sync.Mutex
	children []*Process
	stopping bool

	died chan *Process
}

// NewGroup returns an empty group whose children are started by nursery.
func NewGroup(nursery *Nursery) *Group {
	return &Group{nursery: nursery, died: make(chan *Process, 1)}
}

// Start starts a child, which is then the first to be stopped.
func (g *Group) Start(spec Spec) (*Process, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopping {
		return nil, fmt.Errorf("%s is not started: the stack is stopping", spec.Name)
	}
	p, err := start(g.nursery, spec)
	if err != nil {
		return nil, err
	}
	g.children = append(g.children, p)
	go g.watch(p)
	return p, nil
}

func (g *Group) watch(p *Process) {
	<-p.Done()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopping || p.spec.Finite {
		return
	}
	select {
	case g.died <- p:
	default: // one is enough to end the stack
	}
}

// Died yields the first child that ended although nobody asked it to and it is not Finite.
func (g *Group) Died() <-chan *Process { return g.died }

// Processes lists the children in the order of their start.
func (g *Group) Processes() []*Process {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]*Process(nil), g.children...)
}

// Stop stops the children one after the other, the last started first. When ctx ends, those that are left are killed
// together. It returns when none is left, and reports those that had to be killed.
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

// Process is a child that was started.
type Process struct {
	spec    Spec
	cmd     *exec.Cmd
	started time.Time
	done    chan struct{}
	err     error // what Wait returned; valid when done is closed
}

func start(nursery *Nursery, spec Spec) (*Process, error) {
	log, err := os.OpenFile(spec.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", spec.Name, err)
	}
	defer log.Close() // the child has its own copy
	cmd := exec.Command(spec.Path, spec.Args...)
	cmd.Dir = spec.Dir
	cmd.Env = append([]string{}, spec.Env...) // a nil Env would be the stack's own
	cmd.Stdout, cmd.Stderr = log, log
	if err := nursery.Start(cmd); err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", spec.Name, err)
	}
	p := &Process{spec: spec, cmd: cmd, started: time.Now(), done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		killGroup(cmd.Process.Pid) // what it may have started itself
		nursery.forget(cmd.Process.Pid)
		close(p.done)
	}()
	return p, nil
}

// Name is the Spec's name.
func (p *Process) Name() string { return p.spec.Name }

// PID is the process id, and that of its process group.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Log is the file with its output.
func (p *Process) Log() string { return p.spec.Log }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// ExitCode is the exit code after Done: -1 when a signal ended it.
func (p *Process) ExitCode() int { return p.cmd.ProcessState.ExitCode() }

// Stop asks the process to end, waits, and kills it when it does not, or when ctx ends. It returns an error only when it
// had to kill.
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
	return fmt.Errorf("%s did not stop when asked and was killed", p.spec.Name)
}

// DeathError tells in one sentence that and how the process ended, with the last lines of its log below.
func (p *Process) DeathError() error {
	<-p.done
	text := fmt.Sprintf("%s ended by itself after %s (%s)", p.spec.Name, time.Since(p.started).Round(100*time.Millisecond), describeEnd(p.err))
	if tail := Tail(p.spec.Log, 8); tail != "" {
		text += "; its last words, from " + p.spec.Log + ":\n" + tail
	} else {
		text += " without a word in its log " + p.spec.Log
	}
	return errors.New(text)
}

func describeEnd(err error) string {
	if err == nil {
		return "exit status 0"
	}
	return err.Error()
}
