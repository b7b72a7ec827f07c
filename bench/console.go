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

// views is the set of console views that a viewer opens.
type views int

const (
	noViewer   views = iota
	tableViews       // tasks, resources, async operations
	allViews         // also spans, events, goroutines
)

// console measures the cost of the server's console in two steps: a server without
// a console against one with a console but no viewer, and one server with a viewer
// against the same server without a viewer. Telemetry is off in all measurements.
func (b *bench) console(ctx context.Context) error {
	on := mode{name: "on, no viewer", env: telemetryOff, console: true}
	if err := b.compare(ctx, "console", []mode{{name: "off", env: telemetryOff}, on}); err != nil {
		return err
	}
	for _, pipeline := range []int{1, 16} {
		rows := [][]string{{"console", "CPU us/op no viewer", "CPU us/op viewer", "ratio"}}
		for _, v := range []views{tableViews, allViews} {
			var without, with, ratio values
			for range b.rounds {
				w, err := b.measureViewer(ctx, on, pipeline, v)
				if err != nil {
					return err
				}
				without, with, ratio = append(without, w[0]), append(with, w[1]), append(ratio, w[1]/w[0])
			}
			name := map[views]string{tableViews: "tasks, resources, async ops", allViews: "also spans, events, goroutines"}[v]
			rows = append(rows, []string{name, without.String(), with.String(), ratio.String()})
		}
		table(b.out, fmt.Sprintf("console with a viewer, pipeline %d (one server, with and without a viewer in turn; median of %d rounds, min-max)", pipeline, b.rounds), rows)
	}
	return nil
}

// measureViewer measures one server in four slices, with a viewer in the second and
// third. Using one process excludes random differences between processes, and the
// order of the slices cancels a steady change of the machine's speed. It returns
// the CPU time per operation in microseconds, without (0) and with (1) a viewer.
func (b *bench) measureViewer(ctx context.Context, m mode, pipeline int, v views) (cpu [2]float64, err error) {
	pr, consoleAddr, err := b.startMode(ctx, m)
	if err != nil {
		return cpu, err
	}
	defer pr.stop()
	l := m.load(b.requests, pipeline)
	if err := l.warmUp(ctx, pr.addr); err != nil {
		return cpu, err
	}
	for _, viewer := range []int{0, 1, 1, 0} {
		closeViews, err := openViews(ctx, consoleAddr, views(viewer)*v)
		if err != nil {
			return cpu, err
		}
		s, err := pr.measure(ctx, l)
		closeViews()
		if err != nil {
			return cpu, err
		}
		cpu[viewer] += s.cpu / 2
	}
	return cpu, nil
}

// openViews opens views of a console and reads them until stop is called. It
// returns after the server has accepted every view.
func openViews(ctx context.Context, addr string, v views) (stop func(), err error) {
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
	if v < allViews {
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

// drain reads a stream until it ends.
func drain[T any](s grpc.ServerStreamingClient[T]) {
	for {
		if _, err := s.Recv(); err != nil {
			return
		}
	}
}
