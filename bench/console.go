package main

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"mini-redis/console/wire/eventspb"
	"mini-redis/console/wire/goroutinespb"
	"mini-redis/console/wire/instrumentpb"
	"mini-redis/console/wire/tracepb"
)

// views are what a viewer has open of a server's console.
type views int

const (
	noViewer  views = iota
	tables          // tasks, resources, async operations
	everyView       // and spans, events, goroutines
)

// console compares the server with itself: without a console, with one that
// nobody watches, and watched. Telemetry is off in all of them.
func (b *bench) console(ctx context.Context) error {
	return b.compare(ctx, "console", []mode{
		{name: "off", env: untraced},
		{name: "on, unwatched", env: untraced, console: true},
		{name: "watched", env: untraced, console: true, watched: tables},
		{name: "watched, every view", env: untraced, console: true, watched: everyView},
	})
}

// watch opens views of a console and reads them until stop is called. It returns
// when each has said something, or has been accepted.
func watch(ctx context.Context, addr string, v views) (stop func(), err error) {
	if v == noViewer {
		return func() {}, nil
	}
	cc, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	stop = func() { _ = cc.Close() }
	updates, err := instrumentpb.NewInstrumentClient(cc).WatchUpdates(ctx, &instrumentpb.InstrumentRequest{})
	if err == nil {
		_, err = updates.Recv()
	}
	if err != nil {
		stop()
		return nil, fmt.Errorf("the console at %s: %w", addr, err)
	}
	go drain(updates)
	if v < everyView {
		return stop, nil
	}
	spans, err1 := tracepb.NewTraceClient(cc).Watch(ctx, &tracepb.WatchRequest{})
	events, err2 := eventspb.NewEventsClient(cc).Watch(ctx, &eventspb.WatchRequest{})
	routines, err3 := goroutinespb.NewGoroutinesClient(cc).Watch(ctx, &goroutinespb.WatchRequest{})
	for _, err := range []error{err1, err2, err3} {
		if err != nil {
			stop()
			return nil, err
		}
	}
	for _, s := range []grpc.ClientStream{spans, events, routines} {
		if _, err := s.Header(); err != nil {
			stop()
			return nil, err
		}
	}
	go drain(spans)
	go drain(events)
	go drain(routines)
	return stop, nil
}

// drain reads a stream to its end.
func drain[T any](s grpc.ServerStreamingClient[T]) {
	for {
		if _, err := s.Recv(); err != nil {
			return
		}
	}
}
