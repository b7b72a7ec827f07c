package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"mini-redis/console"
	"mini-redis/console/wire/asyncopspb"
	"mini-redis/console/wire/instrumentpb"
	"mini-redis/console/wire/taskspb"
	"mini-redis/services/mini-redis/internal/consoleview"
	"mini-redis/services/mini-redis/internal/server"
)

// A viewer sees a connection as a task that is polled once for each batch, and its wait for a
// key as an async operation that ends when the client is served.
func TestConsoleShowsConnectionsAndWaits(t *testing.T) {
	c := console.New(console.Options{Clock: server.NewClock(), PublishInterval: 20 * time.Millisecond, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	served, err := c.Listen(console.ServeOptions{Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = served.Close(context.Background()) })
	dial, _, _ := traced(t, 0, func(cfg *server.Config) { cfg.Loops, cfg.Console = 1, consoleview.New(c) })
	updates := watchConsole(t, served.Addr().String())

	nc, err := dial()
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	for range 3 {
		fmt.Fprint(nc, "PING\r\n")
		mustRead(t, nc, "+PONG\r\n")
	}
	fmt.Fprint(nc, "BLPOP q 0\r\n")
	seen := view{tasks: map[string]uint64{}, polls: map[uint64]uint64{}, waits: map[uint64]bool{}}
	seen.until(t, updates, "a task with 4 polls and an async operation", func() bool {
		return seen.polls[seen.tasks[nc.LocalAddr().String()]] >= 4 && len(seen.waits) == 1
	})

	other, err := dial()
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	fmt.Fprint(other, "RPUSH q v\r\n")
	mustRead(t, nc, "*2\r\n$1\r\nq\r\n$1\r\nv\r\n")
	seen.until(t, updates, "the end of the async operation", func() bool {
		for _, ended := range seen.waits {
			if !ended {
				return false
			}
		}
		return true
	})
}

// view is what a viewer knows from the updates.
type view struct {
	tasks map[string]uint64 // by peer
	polls map[uint64]uint64 // by task
	waits map[uint64]bool   // async operations, and whether they have ended
}

func (v *view) until(t *testing.T, updates <-chan *instrumentpb.Update, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for !ok() {
		select {
		case u, open := <-updates:
			if !open {
				t.Fatalf("the stream ended before %s", what)
			}
			v.apply(u.GetTaskUpdate(), u.GetAsyncOpUpdate())
		case <-deadline:
			t.Fatalf("not within 20 s: %s: %+v", what, v)
		}
	}
}

func (v *view) apply(tasks *taskspb.TaskUpdate, ops *asyncopspb.AsyncOpUpdate) {
	for _, task := range tasks.GetNewTasks() {
		for _, f := range task.GetFields() {
			v.tasks[f.GetStrVal()] = task.GetId().GetId() // one of them is the peer
		}
	}
	for id, stats := range tasks.GetStatsUpdate() {
		v.polls[id] = stats.GetPollStats().GetPolls()
	}
	for _, op := range ops.GetNewAsyncOps() {
		if op.GetSource() == "BLPOP" {
			v.waits[op.GetId().GetId()] = false
		}
	}
	for id, stats := range ops.GetStatsUpdate() {
		if _, ours := v.waits[id]; ours && stats.GetDroppedAt() != nil {
			v.waits[id] = true
		}
	}
}

func watchConsole(t *testing.T, addr string) <-chan *instrumentpb.Update {
	t.Helper()
	cc, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() { cancel(); _ = cc.Close() })
	stream, err := instrumentpb.NewInstrumentClient(cc).WatchUpdates(ctx, &instrumentpb.InstrumentRequest{})
	if err != nil {
		t.Fatal(err)
	}
	updates := make(chan *instrumentpb.Update, 100)
	go func() {
		defer close(updates)
		for {
			u, err := stream.Recv()
			if err != nil {
				return
			}
			updates <- u
		}
	}()
	return updates
}

func mustRead(t *testing.T, nc net.Conn, want string) {
	t.Helper()
	_ = nc.SetReadDeadline(time.Now().Add(20 * time.Second))
	got := make([]byte, len(want))
	if n, err := io.ReadFull(nc, got); string(got[:n]) != want {
		t.Fatalf("read %q (%v), want %q", got[:n], err, want)
	}
}
