// Command pub publishes one message to a channel, and shows the trace.
//
//	go run ./examples/sub                        # in one terminal
//	go run ./examples/pub numbers "one, two"     # in another
//
// The trace has three spans: this program's "pub", the CLIENT's PUBLISH and the
// SERVER's. It ends there. A message has no place for a trace's context today
// (resptrace/SPEC.md, section 8, reserves one), so what the subscribers do with
// it is not part of the publisher's trace.
package main

import (
	"context"
	"fmt"
	"io"

	"mini-redis/examples/internal/setup"
	"mini-redis/internal/program"
)

const about = `pub publishes a message to a channel: pub [channel [message]]

The default channel is numbers, the default message hello.`

func main() { program.Main(run) }

func run(ctx context.Context, args []string, getenv func(string) string, stdout, _ io.Writer) error {
	flags := program.Flags("pub", about)
	if err := program.Parse(flags, args, getenv, stdout); err != nil {
		return err
	}
	channel, message := "numbers", "hello"
	switch flags.NArg() {
	case 2:
		channel, message = flags.Arg(0), flags.Arg(1)
	case 1:
		channel = flags.Arg(0)
	case 0:
	default:
		return program.Errorf(program.ExitUsage, "a channel and a message, not %d words: put the message between quotes", flags.NArg())
	}
	app, err := setup.Start(ctx, "pub", getenv)
	if err != nil {
		return err
	}
	defer app.Close()

	ctx, span := app.Tracer.Start(ctx, "pub")
	// PUBLISH answers how many subscribers the message went to. Redis keeps no
	// messages: with nobody there it is gone.
	receivers, err := app.Redis.Publish(ctx, channel, message).Result()
	span.End()
	if err != nil {
		return fmt.Errorf("PUBLISH: %w", err)
	}
	fmt.Fprintf(stdout, "%q went to %s on %s\n\ntrace  %s\n       %s\n",
		message, subscribers(receivers), channel, span.SpanContext().TraceID(), app.Link(span))
	return app.Flush()
}

func subscribers(n int64) string {
	if n == 1 {
		return "1 subscriber"
	}
	return fmt.Sprintf("%d subscribers", n)
}
