// Command hello writes a value, reads it back, and prints a link to the trace of both calls.
//
// It is the smallest program that exercises the whole stack:
//
//	go run ./services/stack      # in one terminal
//	go run ./examples/hello      # in another
//
// The trace it prints has five spans:
//
//	hello                 created by this program
//	├── SET    CLIENT     created by the go-redis hook of package resptrace
//	│   └── SET    SERVER     created by mini-redis, which received the trace context with TRACED
//	└── GET    CLIENT
//	    └── GET    SERVER
//
// With -hold the connection stays open until Enter or Ctrl-C is pressed. The
// trace is complete before that, because a span is exported when its call ends,
// not when the connection ends.
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
	flags := program.Flags("hello", "hello sets the key \"hello\" to \"world\", gets it, and prints a link to the trace.")
	hold := flags.Bool("hold", false, "keep the connection open until Enter or Ctrl-C is pressed")
	if err := program.Parse(flags, args, getenv, stdout); err != nil {
		return err
	}
	app, err := setup.Start(ctx, "hello", getenv)
	if err != nil {
		return err
	}
	defer app.Close()

	// This span makes the two calls one trace: the hook finds it in spanCtx and
	// creates its CLIENT spans as children.
	spanCtx, span := app.Tracer.Start(ctx, "hello")
	value, err := greet(spanCtx, app)
	span.End()
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "hello %s\n\ntrace  %s\n       %s\n", value, span.SpanContext().TraceID(), app.Link(span))

	// Spans are exported in batches. A program flushes them before it waits or ends.
	if err := app.Flush(); err != nil {
		return err
	}
	if *hold {
		fmt.Fprintln(stdout, "\nThe connection is still open. Press Enter or Ctrl-C to close it.")
		waitForEnter(ctx)
	}
	return nil
}

// greet is the application. It uses Redis and contains no tracing code.
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

// waitForEnter waits for Enter or the end of ctx. At the end of the standard
// input (there is no terminal) it waits for ctx.
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
