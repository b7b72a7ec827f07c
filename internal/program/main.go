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

// Exit codes that mean the same everywhere. A program may add its own.
const (
	ExitOK    = 0
	ExitError = 1 // it could not do what was asked
	ExitUsage = 2 // it was asked wrongly
)

// Error is an error that knows what its program exits with.
type Error struct {
	Code int
	Err  error // nil: there is nothing left to say
}

// Errorf makes an [*Error].
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

// Unwrap returns the error within.
func (e *Error) Unwrap() error { return e.Err }

// Run is a program without its process: args are without the program's name,
// and ctx ends when the program is asked to stop.
type Run func(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error

// Main runs a program and ends the process with its exit code. SIGINT and
// SIGTERM end ctx; a second one ends the process at once.
func Main(run Run) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		cancel()
		signal.Stop(signals) // the next one has its default effect
	}()
	os.Exit(Exit(run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr), os.Stderr))
}

// Exit prints what err has to say to stderr and returns the exit code.
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
