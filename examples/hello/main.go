// Command hello writes a value, reads it back, and shows the trace of both.
//
// It is the smallest program that sees a call go through the whole stack:
//
//	go run ./services/stack      # in one terminal
//	go run ./examples/hello      # in another
//
// The trace it prints has five spans:
//
//	hello                 this program's own
//	├── SET    CLIENT     go-redis, through the hook of package resptrace
//	│   └── SET    SERVER     mini-redis, which was told of its parent by TRACED
//	└── GET    CLIENT
//	    └── GET    SERVER
//
// With -hold the connection stays open until Enter or Ctrl-C is pressed. The
// trace is complete all the same: a span is sent when the call ends, not when
// the connection does.
package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"

	"mini-redis/examples/internal/setup"
	"mini-redis/internal/program"
)

func main() { program.Main(run) }

func run(ctx context.Context, args []string, getenv func(string) string, stdout, _ io.Writer) error {
	flags := program.Flags("hello", "hello sets the key \"hello\" to \"world\", gets it, and prints where the trace is.")
	hold := flags.Bool("hold", false, "keep the connection open until Enter or Ctrl-C")
	if err := program.Parse(flags, args, getenv, stdout); err != nil {
		return err
	}
	app, err := setup.Start(ctx, "hello", getenv)
	if err != nil {
		return err
	}
	defer app.Close()

	// A span of our own makes the two calls one trace: the hook finds it in ctx
	// and makes its CLIENT spans children of it.
	spanCtx, span := app.Tracer.Start(ctx, "hello")
	value, err := greet(spanCtx, app)
	span.End()
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "hello %s\n\ntrace  %s\n       %s\n", value, span.SpanContext().TraceID(), app.Link(span))

	// Spans leave in batches; a program that is about to wait, or to end, sends
	// what it has.
	if err := app.Flush(); err != nil {
		return err
	}
	if *hold {
		fmt.Fprintln(stdout, "\nThe connection is still open. Enter or Ctrl-C closes it.")
		waitForEnter(ctx)
	}
	return nil
}

// greet is the application: it knows Redis, and nothing of tracing.
func greet(ctx context.Context, app *setup.App) (string, error) {
	if err := app.Redis.Set(ctx, "hello", "world", 0).Err(); err != nil {
		return "", fmt.Errorf("SET: %w", err)
	}
	value, err := app.Redis.Get(ctx, "hello").Result()
	if err != nil {
		return "", fmt.Errorf("GET: %w", err)
	}
	return value, nil
}

// waitForEnter also returns when ctx ends. Without a terminal there is nobody
// to press Enter, and only ctx counts.
func waitForEnter(ctx context.Context) {
	pressed := make(chan struct{})
	go func() {
		if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err == nil {
			close(pressed)
		}
	}()
	select {
	case <-pressed:
	case <-ctx.Done():
	}
}
