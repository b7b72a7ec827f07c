// Command sub subscribes to channels and prints what is published there.
//
//	go run ./examples/sub                        # in one terminal
//	go run ./examples/pub numbers "one, two"     # in another
//
// A subscribed connection is no longer one for questions and answers: the
// server sends messages whenever there are some. go-redis therefore takes a
// connection of its own for it, outside of the pool and of its hooks, and a
// message arrives without a trace's context (resptrace/SPEC.md, section 8). What
// this program traces is its own work: a span for each message it handles, each
// the root of a trace.
package main

import (
	"context"
	"fmt"
	"io"

	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"mini-redis/examples/internal/setup"
	"mini-redis/internal/program"
)

const about = `sub prints the messages of channels until Ctrl-C: sub [channel ...]

The default channel is numbers.`

func main() { program.Main(run) }

func run(ctx context.Context, args []string, getenv func(string) string, stdout, _ io.Writer) error {
	flags := program.Flags("sub", about)
	if err := program.Parse(flags, args, getenv, stdout); err != nil {
		return err
	}
	channels := flags.Args()
	if len(channels) == 0 {
		channels = []string{"numbers"}
	}
	app, err := setup.Start(ctx, "sub", getenv)
	if err != nil {
		return err
	}
	defer app.Close()

	subscription := app.Redis.Subscribe(ctx, channels...)
	defer subscription.Close()
	// Subscribe only sends the request; a message that is published before the
	// server has confirmed it is lost. So wait for each confirmation.
	for range channels {
		if _, err := subscription.Receive(ctx); err != nil {
			return fmt.Errorf("SUBSCRIBE: %w", err)
		}
	}
	fmt.Fprintf(stdout, "listening on %v (Ctrl-C ends it)\n", channels)
	// From here on go-redis reconnects and subscribes again by itself. What is
	// published while it is away does not come back: Redis keeps no messages.
	messages := subscription.Channel()
	for {
		select {
		case <-ctx.Done():
			return nil
		case message := <-messages:
			handle(ctx, app.Tracer, message, stdout)
		}
	}
}

// handle is where a real subscriber would do something with a message. The
// span's kind says that someone else caused the work.
func handle(ctx context.Context, tracer trace.Tracer, message *redis.Message, stdout io.Writer) {
	_, span := tracer.Start(ctx, "process",
		trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithAttributes(
			attribute.String("messaging.system", "redis"),
			attribute.String("messaging.operation.type", "process"),
			attribute.String("messaging.destination.name", message.Channel),
			attribute.Int("messaging.message.body.size", len(message.Payload))))
	defer span.End()
	fmt.Fprintf(stdout, "%s: %s\n", message.Channel, message.Payload)
}
