package console

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"mini-redis/console/wire/commonpb"
	"mini-redis/console/wire/eventspb"
	"mini-redis/console/wire/instrumentpb"
	"mini-redis/console/wire/taskspb"
	"mini-redis/console/wire/tracepb"
)

// endlessSpans is a span source that never ends.
type endlessSpans struct{}

func (endlessSpans) Subscribe(int) SpanStream { return endlessSpans{} }
func (endlessSpans) Close()                   {}
func (endlessSpans) Next(ctx context.Context, dst []Span) (int, uint64, error) {
	for i := range dst {
		dst[i] = span("GET", byte(i), 0)
	}
	return len(dst), 1, ctx.Err()
}

// A viewer that opens all streams and reads nothing delays neither the program nor another viewer.
// After it has disconnected, no goroutines of it remain.
func TestSlowViewerDelaysNeitherProgramNorOthers(t *testing.T) {
	tap := NewLogTap(slog.NewTextHandler(io.Discard, nil))
	c, s := serve(t, Options{Spans: endlessSpans{}, Logs: tap, PublishInterval: time.Millisecond}, ServeOptions{})
	tasks := make([]*Task, 3000)
	for i := range tasks {
		tasks[i] = c.NewTask(TaskOptions{Name: "connection", Fields: []Field{Text("peer", strings.Repeat("x", 100))}})
	}
	before := runtime.NumGoroutine()
	cc := dial(t, s, nil)
	instrument := instrumentpb.NewInstrumentClient(cc)
	ctx, cancel := context.WithCancel(t.Context())
	for _, stream := range []grpc.ClientStream{
		must[grpc.ServerStreamingClient[instrumentpb.Update]](t)(instrument.WatchUpdates(ctx, &instrumentpb.InstrumentRequest{})),
		must[grpc.ServerStreamingClient[taskspb.TaskDetails]](t)(instrument.WatchTaskDetails(ctx, &instrumentpb.TaskDetailsRequest{Id: &commonpb.Id{Id: tasks[0].ID()}})),
		must[grpc.ServerStreamingClient[tracepb.TraceEvent]](t)(tracepb.NewTraceClient(cc).Watch(ctx, &tracepb.WatchRequest{})),
		must[grpc.ServerStreamingClient[eventspb.Batch]](t)(eventspb.NewEventsClient(cc).Watch(ctx, &eventspb.WatchRequest{})),
	} {
		if _, err := stream.Header(); err != nil {
			t.Fatal(err)
		}
	}
	log := slog.New(tap)
	other := must[grpc.ServerStreamingClient[instrumentpb.Update]](t)(
		instrumentpb.NewInstrumentClient(dial(t, s, nil)).WatchUpdates(t.Context(), &instrumentpb.InstrumentRequest{}))
	for round := range 50 {
		for _, task := range tasks {
			at := c.Mono()
			task.Polled(at, at, at)
		}
		log.Info(fmt.Sprint(round), "text", strings.Repeat("x", 1000))
		u := must[*instrumentpb.Update](t)(other.Recv())
		if n := proto.Size(u); n > 4<<20 {
			t.Fatalf("message of %d bytes, want at most 4 MiB", n)
		}
	}
	cancel()
	_ = cc.Close()
	waitUntil(t, func() bool { return c.watchers.Load() == 1 })
	// The other viewer's connection has up to 12 goroutines, at both ends.
	waitUntil(t, func() bool { return runtime.NumGoroutine() <= before+12 })
}
