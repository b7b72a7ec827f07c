// Command deadlock is a small bank that stops working. Two clerks move money
// between two accounts, in opposite directions; each locks the account it takes
// from, then the one it pays into. Nothing is printed, nothing crashes, and the
// runtime does not complain, for other goroutines still run. Look at it with a
// console: press r for its resources.
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
	fs := program.Flags("deadlock", "deadlock is a small bank that stops working; find out why with a console.")
	addr := fs.String("console-addr", console.DefaultAddr, "where the console is served")
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
	fmt.Fprintf(stdout, "the bank is open, its console on %s\n", server.Addr())
	<-ctx.Done()
	return nil
}

// account is some money and the lock that guards it.
type account struct {
	mu    *watch.Mutex
	money int
}

func newAccount(c *console.Console, owner string, money int) *account {
	return &account{mu: watch.NewMutex(c, owner), money: money}
}

// move moves a coin again and again.
func move(ctx context.Context, c *console.Console, from, to *account) {
	for ctx.Err() == nil {
		transfer(ctx, c, from, to)
		_ = watch.Sleep(ctx, c, 50*time.Millisecond)
	}
}

func transfer(ctx context.Context, c *console.Console, from, to *account) {
	from.mu.Lock()
	defer from.mu.Unlock()
	_ = watch.Sleep(ctx, c, 20*time.Millisecond) // the paperwork
	to.mu.Lock()
	defer to.mu.Unlock()
	from.money--
	to.money++
}
