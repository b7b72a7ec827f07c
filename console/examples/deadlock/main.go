// Command deadlock moves money between two accounts until it deadlocks. Two tasks, clerk 1 and
// clerk 2, transfer in opposite directions. Each locks the account it takes from, then the account
// it pays into. The program prints no error and does not crash, and the runtime does not report the
// deadlock, because other goroutines still run. Observe it with a console: press r to list its
// resources.
//
//	go run ./console/examples/deadlock
package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"mini-redis/console"
	"mini-redis/console/watch"
	"mini-redis/internal/program"
)

func main() { program.Main(run) }

func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	fs := program.Flags("deadlock", "deadlock moves money between two accounts until its two tasks deadlock; a console shows why.")
	addr := fs.String("console-addr", console.DefaultAddr, "`address` on which the console is served")
	if err := program.Parse(fs, args, getenv, stdout); err != nil {
		return err
	}
	c := console.New(console.Options{})
	server, err := c.Listen(console.ServeOptions{Addr: *addr})
	if err != nil {
		return err
	}
	defer server.Close(context.WithoutCancel(ctx))

	alice, bob := newAccount(c, "alice", 100), newAccount(c, "bob", 100)
	c.Go(ctx, "clerk 1", func(ctx context.Context) { move(ctx, c, alice, bob) })
	c.Go(ctx, "clerk 2", func(ctx context.Context) { move(ctx, c, bob, alice) })
	fmt.Fprintf(stdout, "started; console on %s\n", server.Addr())
	<-ctx.Done()
	return nil
}

// account is an amount of money and the lock that guards it.
type account struct {
	mu    *watch.Mutex
	money int
}

func newAccount(c *console.Console, owner string, money int) *account {
	return &account{mu: watch.NewMutex(c, owner), money: money}
}

// move transfers one coin every 50 ms.
func move(ctx context.Context, c *console.Console, from, to *account) {
	for ctx.Err() == nil {
		transfer(ctx, c, from, to)
		_ = watch.Sleep(ctx, c, 50*time.Millisecond)
	}
}

func transfer(ctx context.Context, c *console.Console, from, to *account) {
	from.mu.Lock()
	defer from.mu.Unlock()
	_ = watch.Sleep(ctx, c, 20*time.Millisecond) // time for the other clerk to lock its account
	to.mu.Lock()
	defer to.mu.Unlock()
	from.money--
	to.money++
}
