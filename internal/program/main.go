package program

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

// Exit codes that every program of the project shares. A program may add its own.
const (
	ExitOK    = 0
	ExitError = 1 // the program failed at run time
	ExitUsage = 2 // the flags, the environment or the configuration are invalid
)

// Error is an error with the exit code of the process.
type Error struct {
	Code int
	Err  error // nil: Exit prints nothing
}

// Errorf returns an [*Error] with the given exit code. The format may use %w.
func Errorf(code int, format string, args ...any) error {
	return &Error{Code: code, Err: fmt.Errorf(format, args...)}
}

// Error implements error.
func (e *Error) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit code %d", e.Code)
	}
	return e.Err.Error()
}

// Unwrap returns the wrapped error.
func (e *Error) Unwrap() error { return e.Err }

// Run is the body of a program. args does not include the program's name.
// Main cancels ctx on the first SIGINT or SIGTERM.
type Run func(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error

// Main calls run and ends the process with the exit code that [Exit] returns.
//
// The first SIGINT or SIGTERM cancels ctx. From then on both signals have their
// default effect again: the second signal ends the process at once, without the
// program's clean-up, also when run ignores ctx or hangs. (A SIGINT that the
// parent process had set to be ignored is ignored again; SIGTERM is not.)
func Main(run Run) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		// Stop before cancel: when run sees that ctx is done, the next signal already has its
		// default effect.
		signal.Stop(signals)
		cancel()
		// A second signal that arrived before Stop is in the channel. Send it again, with its
		// default effect.
		select {
		case second := <-signals:
			raise(second)
		default:
		}
	}()
	os.Exit(Exit(run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr), os.Stderr))
}

// raise sends sig to this process.
func raise(sig os.Signal) {
	if self, err := os.FindProcess(os.Getpid()); err == nil {
		_ = self.Signal(sig)
	}
}

// Exit returns the exit code for err: 0 for nil, [ErrHelp] and [ErrVersion], the
// code of an [*Error], and ExitError for any other error. It prints an error
// that has a text to stderr as one line, after the program's name.
func Exit(err error, stderr io.Writer) int {
	if err == nil || errors.Is(err, ErrHelp) || errors.Is(err, ErrVersion) {
		return ExitOK
	}
	var coded *Error
	if !errors.As(err, &coded) {
		coded = &Error{Code: ExitError, Err: err}
	}
	if coded.Err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", filepath.Base(os.Args[0]), err)
	}
	return coded.Code
}
