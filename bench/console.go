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

// console compares the server with itself: without a console and with one that
// nobody watches, and then a server that is watched with the same one that is
// not. Telemetry is off in all of them.
func (b *bench) console(ctx context.Context) error {
	on := mode{name: "on, unwatched", env: untraced, console: true}
	if err := b.compare(ctx, "console", []mode{{name: "off", env: untraced}, on}); err != nil {
		return err
	}
	for _, pipeline := range []int{1, 16} {
		rows := [][]string{{"console", "CPU us/op unwatched", "CPU us/op watched", "ratio"}}
		for _, v := range []views{tables, everyView} {
			var without, with, ratio figure
			for range b.rounds {
				w, err := b.alternate(ctx, on, pipeline, v)
				if err != nil {
					return err
				}
				without, with, ratio = append(without, w[0]), append(with, w[1]), append(ratio, w[1]/w[0])
			}
			name := map[views]string{tables: "tasks, resources, async ops", everyView: "and spans, events, goroutines"}[v]
			rows = append(rows, []string{name, without.String(), with.String(), ratio.String()})
		}
		table(b.out, fmt.Sprintf("console watched, pipeline %d (one server, a viewer that comes and goes; median of %d rounds, least-most)", pipeline, b.rounds), rows)
	}
	return nil
}

// alternate loads one server in slices, of which a viewer sees the second and
// the third of four: what two processes differ in by chance is in neither figure, nor
// a machine that gets slower all the while. It returns the CPU of an operation
// in microseconds, unwatched and watched.
func (b *bench) alternate(ctx context.Context, m mode, pipeline int, v views) (cpu [2]float64, err error) {
	pr, consoleAddr, err := b.startMode(ctx, m)
	if err != nil {
		return cpu, err
	}
	defer pr.stop()
	l := m.load(b.requests, pipeline)
	if err := l.warmUp(ctx, pr.addr); err != nil {
		return cpu, err
	}
	for _, watched := range []int{0, 1, 1, 0} {
		unwatch, err := watch(ctx, consoleAddr, views(watched)*v)
		if err != nil {
			return cpu, err
		}
		s, err := pr.measure(ctx, l)
		unwatch()
		if err != nil {
			return cpu, err
		}
		cpu[watched] += s.cpu / 2
	}
	return cpu, nil
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
