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

// watchdogArgument makes the program run as the watchdog of a stack's processes; see
// [supervise.RunWatchdog]. It is not for users.
const watchdogArgument = "run-watchdog"

// Causes of an early stop.
var (
	errStopped      = errors.New("stopped")
	errParentExited = errors.New("`go run` ended")
)

func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	if len(args) == 1 && args[0] == watchdogArgument {
		supervise.RunWatchdog(os.Stdin)
		return nil
	}
	f, err := parseFlags(args, getenv, stdout)
	if err != nil {
		return err
	}
	if runtime.GOOS == "windows" {
		return errors.New("the stack needs signals and process groups, which Windows does not have; run it in WSL")
	}
	ctx, release := stopContext(ctx)
	defer release()
	s := &stack{flags: f, getenv: getenv, started: time.Now(), peaks: map[string]int64{}}
	text := stdout
	if f.json {
		s.events, text = stdout, stderr
	}
	s.out = display.New(text, display.IsTerminal(text, getenv), time.Now)
	return s.run(ctx)
}

// stopContext returns a context that is also canceled when the terminal is closed (SIGHUP) and when
// the `go run` that started this program ends.
func stopContext(ctx context.Context) (_ context.Context, release func()) {
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
				cancel(errParentExited)
			}
		}()
	}
	return ctx, func() { signal.Stop(hangups); cancel(nil) }
}

// stack is one run of the stack.
type stack struct {
	flags   flags
	getenv  func(string) string
	started time.Time // start of this program
	up      time.Time // start of the first child
	out     *display.Display
	events  io.Writer // receives JSON lines; nil without -json

	root     string // the checkout
	dir      string // directory of this run
	spawner  *supervise.Spawner
	group    *supervise.Group
	settings backends.Settings
	load     *supervise.Process // nil without a load
	peaks    map[string]int64   // highest resident memory of each process, in bytes
}

func (s *stack) run(ctx context.Context) (err error) {
	if s.root, err = backends.FindRoot("."); err != nil {
		return err
	}
	if s.dir, err = os.MkdirTemp("", "mini-redis-stack-"); err != nil {
		return fmt.Errorf("cannot create the directory of the run: %w", err)
	}
	// The deferred steps run in reverse order.
	defer func() { s.removeFiles(err) }()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if s.spawner, err = supervise.NewSpawner([]string{self, watchdogArgument}); err != nil {
		return err
	}
	defer s.spawner.Close()
	s.group = supervise.NewGroup(s.spawner)

	programs, err := s.buildAll(ctx)
	if err != nil {
		return s.exitError(ctx, program.Errorf(exitBuild, "%w", err))
	}
	defer func() { err = errors.Join(err, s.stopAll()) }()
	if err := s.startAll(ctx, programs); err != nil {
		return s.exitError(ctx, err)
	}
	return s.exitError(ctx, s.monitor(ctx))
}

// exitError returns the error with which the stack exits. It replaces an error that results from a
// stop request by that request.
func (s *stack) exitError(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(context.Cause(ctx), errParentExited):
		return program.Errorf(exitInterrupted, "%w: stopping the stack", errParentExited)
	case ctx.Err() != nil && (errors.Is(err, context.Cause(ctx)) || errors.Is(err, errStopped)):
		s.out.ClearLive()
		if s.flags.duration > 0 || s.group == nil || len(s.group.Processes()) == 0 {
			return program.Errorf(exitInterrupted, "stopped before it was complete")
		}
		return nil // without -duration, Ctrl-C is the normal end
	}
	return err
}

// stopAll stops the children in reverse order.
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
		s.out.Transient("stopping")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	start := time.Now()
	err := s.group.Stop(ctx)
	if err == nil && running > 0 {
		s.out.Printf("stopped in %v; no process is running", time.Since(start).Round(time.Millisecond))
	}
	return err
}

// removeFiles removes the directory of the run. It keeps the logs if -keep-logs is set or the stack
// failed.
func (s *stack) removeFiles(err error) {
	s.out.ClearLive()
	var coded *program.Error
	interrupted := errors.As(err, &coded) && coded.Code == exitInterrupted
	if !s.flags.keepLogs && (err == nil || interrupted) {
		_ = os.RemoveAll(s.dir) // ignore errors: it is in the system's temporary directory
		return
	}
	for _, name := range []string{"bin", "data", "config"} {
		_ = os.RemoveAll(filepath.Join(s.dir, name))
	}
	s.out.Printf("logs are in %s", filepath.Join(s.dir, "logs"))
}

func isExecutable(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Mode()&0o111 == 0 && runtime.GOOS != "windows" {
		return fmt.Errorf("%s is not an executable file", path)
	}
	return nil
}
