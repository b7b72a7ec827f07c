package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"mini-redis/internal/program"
	"mini-redis/services/stack/internal/backends"
	"mini-redis/services/stack/internal/display"
	"mini-redis/services/stack/internal/supervise"
)

// guardArgument makes the program the guard of a stack's processes; see supervise.RunGuard. Nobody types it.
const guardArgument = "guard-of-the-stack"

// Why a stack stops before it is done.
var (
	errStopped = errors.New("stopped")
	errOrphan  = errors.New("`go run` ended")
)

func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	if len(args) == 1 && args[0] == guardArgument {
		supervise.RunGuard(os.Stdin)
		return nil
	}
	f, err := parseFlags(args, getenv, stdout)
	if err != nil {
		return err
	}
	if runtime.GOOS == "windows" {
		return errors.New("the stack needs signals and process groups, which Windows does not have; run it in WSL")
	}
	ctx, release := watchForEnd(ctx)
	defer release()
	s := &stack{flags: f, getenv: getenv, started: time.Now(), peaks: map[string]int64{}}
	text := stdout
	if f.json {
		s.events, text = stdout, stderr
	}
	s.show = display.New(text, display.IsTerminal(text, getenv), time.Now)
	return s.run(ctx)
}

// watchForEnd ends ctx also when the terminal is closed and when the `go run` that started this program is gone.
func watchForEnd(ctx context.Context) (_ context.Context, release func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	go func() {
		select {
		case <-hangups:
			cancel(errStopped)
		case <-ctx.Done():
		}
	}()
	if pid, ok := supervise.GoRun(ctx); ok {
		go func() {
			if supervise.WatchParent(ctx, pid, 200*time.Millisecond) {
				cancel(errOrphan)
			}
		}()
	}
	return ctx, func() { signal.Stop(hangups); cancel(nil) }
}

// stack is one run.
type stack struct {
	flags   flags
	getenv  func(string) string
	started time.Time // of the program
	up      time.Time // when the first of the children was started
	show    *display.Display
	events  io.Writer // takes JSON lines; nil: nobody asked

	root     string // the checkout
	dir      string // the run's own directory
	nursery  *supervise.Nursery
	group    *supervise.Group
	settings backends.Settings
	load     *supervise.Process // nil without a load
	peaks    map[string]int64   // the most memory that each process was seen with
}

func (s *stack) run(ctx context.Context) (err error) {
	if s.root, err = backends.FindRoot("."); err != nil {
		return err
	}
	if s.dir, err = os.MkdirTemp("", "mini-redis-stack-"); err != nil {
		return fmt.Errorf("no directory for the run: %w", err)
	}
	// The deferred steps run in the opposite order of what they undo.
	defer func() { s.cleanUp(err) }()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if s.nursery, err = supervise.NewNursery([]string{self, guardArgument}); err != nil {
		return err
	}
	defer s.nursery.Close()
	s.group = supervise.NewGroup(s.nursery)

	programs, err := s.buildAll(ctx)
	if err != nil {
		return s.ended(ctx, program.Errorf(exitBuild, "%w", err))
	}
	defer func() { err = errors.Join(err, s.stopAll()) }()
	if err := s.startAll(ctx, programs); err != nil {
		return s.ended(ctx, err)
	}
	return s.ended(ctx, s.watch(ctx))
}

// ended turns what followed from the user's wish to stop into that wish.
func (s *stack) ended(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(context.Cause(ctx), errOrphan):
		return program.Errorf(exitInterrupted, "%w: the stack stops", errOrphan)
	case ctx.Err() != nil && (errors.Is(err, context.Cause(ctx)) || errors.Is(err, errStopped)):
		s.show.Done()
		if s.flags.duration > 0 || s.group == nil || len(s.group.Processes()) == 0 {
			return program.Errorf(exitInterrupted, "stopped before it was done")
		}
		return nil // Ctrl-C is how a stack without -duration ends
	}
	return err
}

// stopAll stops the children, the last started first.
func (s *stack) stopAll() error {
	running := 0
	for _, p := range s.group.Processes() {
		select {
		case <-p.Done():
		default:
			running++
		}
	}
	if running > 0 {
		s.show.Transient("stopping")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	began := time.Now()
	err := s.group.Stop(ctx)
	if err == nil && running > 0 {
		s.show.Printf("stopped in %v; no process is left", time.Since(began).Round(time.Millisecond))
	}
	return err
}

// cleanUp removes the run's directory, but for the logs when they are wanted or may be needed.
func (s *stack) cleanUp(err error) {
	s.show.Done()
	var coded *program.Error
	interrupted := errors.As(err, &coded) && coded.Code == exitInterrupted
	if !s.flags.keepLogs && (err == nil || interrupted) {
		_ = os.RemoveAll(s.dir) // it is the system's temporary directory: what stays is removed by the system
		return
	}
	for _, name := range []string{"bin", "data", "config"} {
		_ = os.RemoveAll(filepath.Join(s.dir, name))
	}
	s.show.Printf("logs are in %s", filepath.Join(s.dir, "logs"))
}

func isExecutable(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Mode()&0o111 == 0 && runtime.GOOS != "windows" {
		return fmt.Errorf("%s is not a program", path)
	}
	return nil
}
