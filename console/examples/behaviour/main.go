// Command behaviour is a program to observe with a console. Each of its tasks has one behavior, and
// its name states what a viewer should show.
//
//	go run ./console/examples/behaviour
//	go run ./services/console          (or: tokio-console)
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"mini-redis/console"
	"mini-redis/console/watch"
	"mini-redis/internal/program"
)

func main() { program.Main(run) }

func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	fs := program.Flags("behaviour", "behaviour runs tasks with known behavior, to be observed with a console.")
	addr := fs.String("console-addr", console.DefaultAddr, "`address` on which the console is served")
	pprofAddr := fs.String("pprof-addr", "", "`address` on which net/http/pprof is served (default: not served)")
	connections := fs.Int("connections", 3, "`number` of simulated connections of the event loop")
	interval := fs.Duration("publish", console.DefaultPublishInterval, "interval at which viewers are sent changes")
	if err := program.Parse(fs, args, getenv, stdout); err != nil {
		return err
	}
	c := console.New(console.Options{PublishInterval: *interval, MaxTasks: max(console.DefaultMaxTasks, 2**connections)})
	server, err := c.Listen(console.ServeOptions{Addr: *addr})
	if err != nil {
		return err
	}
	defer server.Close(context.WithoutCancel(ctx))
	fmt.Fprintf(stdout, "console on %s\n", server.Addr())
	if *pprofAddr != "" {
		at, err := serveProfiles(*pprofAddr)
		if err != nil {
			return err
		}
		fmt.Fprintf(stdout, "pprof on %s\n", at)
	}
	start(ctx, c, *connections)
	fmt.Fprintln(stdout, "ready")
	<-ctx.Done()
	return nil
}

// start starts all tasks.
func start(ctx context.Context, c *console.Console, connections int) {
	c.Go(ctx, "spins 200 ms a second", func(ctx context.Context) {
		for ctx.Err() == nil {
			spin(200 * time.Millisecond)
			_ = watch.Sleep(ctx, c, 800*time.Millisecond)
		}
	})
	c.Go(ctx, "sleeps 300 ms in a loop", func(ctx context.Context) {
		for watch.Sleep(ctx, c, 300*time.Millisecond) == nil {
		}
	})
	c.Go(ctx, "starts a task every second", func(ctx context.Context) {
		for ctx.Err() == nil {
			c.Go(ctx, "lives 300 ms", func(ctx context.Context) { _ = watch.Sleep(ctx, c, 300*time.Millisecond) })
			_ = watch.Sleep(ctx, c, time.Second)
		}
	})
	account := watch.NewMutex(c, "account")
	locked := make(chan struct{})
	c.Go(ctx, "holds a lock", func(ctx context.Context) {
		account.LockTask(console.FromContext(ctx))
		defer account.Unlock()
		close(locked)
		_ = watch.Sleep(ctx, c, time.Hour)
	})
	<-locked
	c.Go(ctx, "waits for the lock", func(ctx context.Context) {
		account.LockTask(console.FromContext(ctx))
		account.Unlock()
	})
	orders := watch.NewChan[string](c, "orders", 7)
	c.Go(ctx, "waits on a channel", func(ctx context.Context) { _, _, _ = orders.Receive(ctx) })
	permits := watch.NewSemaphore(c, "permits", 3)
	_ = permits.Acquire(ctx, 2)
	c.Go(ctx, "waits for 2 permits of 1 available", func(ctx context.Context) { _ = permits.Acquire(ctx, 2) })
	leak()
	go loop(ctx, c, connections)
}

// spin uses the processor for d.
func spin(d time.Duration) {
	for until := time.Now().Add(d); time.Now().Before(until); {
	}
}

// leak starts a goroutine that waits on a channel on which no goroutine can send.
func leak() {
	ch := make(chan struct{})
	go func() { <-ch }()
}

// loop is an event loop whose n connections are tasks. It polls the first two every 100 ms. The
// first also wakes itself.
func loop(ctx context.Context, c *console.Console, n int) {
	events := c.NewResource(console.ResourceOptions{Kind: "Loop", Type: "epoll", Name: "loop 0"})
	tasks := make([]*console.Task, n)
	for i := range tasks {
		tasks[i] = c.NewTask(console.TaskOptions{
			Name: fmt.Sprintf("connection %d", i), Fields: []console.Field{console.Text("peer", fmt.Sprintf("127.0.0.1:%d", 50000+i%10000))},
		})
	}
	events.Set(console.Int("connections", int64(n)))
	for turn := 0; ctx.Err() == nil; turn++ {
		woken := c.Mono()
		for _, t := range tasks[:min(n, 2)] {
			began := c.Mono()
			spin(time.Millisecond)
			if t == tasks[0] {
				t.SelfWake(c.Mono())
			}
			t.Polled(woken, began, c.Mono())
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// serveProfiles serves net/http/pprof with its own mux. Any package may have added handlers to
// http.DefaultServeMux.
func serveProfiles(addr string) (net.Addr, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	go func() { _ = http.Serve(l, mux) }()
	return l.Addr(), nil
}
