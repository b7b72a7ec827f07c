package resptrace_test

import (
	"context"
	"log"

	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/propagation"

	"mini-redis/resptrace"
)

func ExampleInstrument() {
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379"})
	defer rdb.Close()
	err := resptrace.Instrument(rdb,
		resptrace.WithPropagator(propagation.TraceContext{}),
		resptrace.WithFilter(func(cmd redis.Cmder) bool { return cmd.Name() != "ping" }),
	)
	if err != nil {
		log.Fatal(err)
	}
	// In a sampled span this command is sent as: TRACED 1 traceparent ... set hello world
	if err := rdb.Set(context.Background(), "hello", "world", 0).Err(); err != nil {
		log.Print(err)
	}
}

func ExampleInstrumentRing() {
	options := &redis.RingOptions{Addrs: map[string]string{"one": "127.0.0.1:6379", "two": "127.0.0.1:6380"}}
	if err := resptrace.InstrumentRing(options); err != nil {
		log.Fatal(err)
	}
	ring := redis.NewRing(options)
	defer ring.Close()
}
