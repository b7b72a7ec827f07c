// Command pub publishes one message to a channel and prints a link to the trace.
//
//	go run ./examples/sub                        # in one terminal
//	go run ./examples/pub numbers "one, two"     # in another
//
// The trace has three spans: this program's span "pub", the CLIENT span of
// PUBLISH and its SERVER span. A published message does not carry a trace context
// (resptrace/SPEC.md, section 8, reserves a place for it), so the subscribers'
// spans are not part of this trace.
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
		return program.Errorf(program.ExitUsage, "expected a channel and a message, got %d arguments; quote a message with spaces", flags.NArg())
	}
	app, err := setup.Start(ctx, "pub", getenv)
	if err != nil {
		return err
	}
	defer app.Close()

	ctx, span := app.Tracer.Start(ctx, "pub")
	// PUBLISH returns the number of subscribers that received the message. Redis
	// does not store messages: without a subscriber it is lost.
	receivers, err := app.Redis.Publish(ctx, channel, message).Result()
	span.End()
	if err != nil {
		return fmt.Errorf("PUBLISH: %w", err)
	}
	fmt.Fprintf(stdout, "%q delivered to %s of %s\n\ntrace  %s\n       %s\n",
		message, subscribers(receivers), channel, span.SpanContext().TraceID(), app.Link(span))
	return app.Flush()
}

func subscribers(n int64) string {
	if n == 1 {
		return "1 subscriber"
	}
	return fmt.Sprintf("%d subscribers", n)
}
