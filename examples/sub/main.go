// Command sub subscribes to channels and prints the messages.
//
//	go run ./examples/sub                        # in one terminal
//	go run ./examples/pub numbers "one, two"     # in another
//
// On a subscribed connection the server sends messages without a request.
// go-redis therefore uses a separate connection for a subscription, outside the
// pool and its hooks, and a message has no trace context (resptrace/SPEC.md,
// section 8). This program creates one span for each message it processes. Each
// span is the root of a trace.
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
	// Subscribe only sends the request. A message that is published before the
	// server has confirmed the subscription is lost, so wait for each confirmation.
	for range channels {
		if _, err := subscription.Receive(ctx); err != nil {
			return fmt.Errorf("SUBSCRIBE: %w", err)
		}
	}
	fmt.Fprintf(stdout, "subscribed to %v (press Ctrl-C to quit)\n", channels)
	// From here on go-redis reconnects and resubscribes automatically. Messages
	// that are published while it is disconnected are lost.
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

// handle processes one message. The span's kind CONSUMER says that a message of
// another program caused the work.
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
