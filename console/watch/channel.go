package watch

import (
	"context"
	"fmt"
	"sync/atomic"

	"mini-redis/console"
)

// Chan is a channel that can be watched.
type Chan[T any] struct {
	gate
	ch        chan T
	senders   atomic.Int64
	receivers atomic.Int64
	sent      atomic.Uint64
	closed    atomic.Bool
}

// NewChan returns a channel of the given capacity with a name for viewers.
func NewChan[T any](c *console.Console, name string, capacity int) *Chan[T] {
	ch := &Chan[T]{ch: make(chan T, capacity)}
	typ := ""
	if c != nil {
		typ = fmt.Sprintf("%T", ch.ch)
	}
	ch.init(c, "Channel", typ, name, ch.state)
	return ch
}

func (c *Chan[T]) state(add func(console.Field)) {
	add(console.Int("len", int64(len(c.ch))))
	add(console.Int("cap", int64(cap(c.ch))))
	add(console.Uint("sent", c.sent.Load()))
	add(console.Int("senders", c.senders.Load()))
	add(console.Int("receivers", c.receivers.Load()))
	if c.closed.Load() {
		add(console.Bool("closed", true))
	}
}

// Send sends v, or returns the context's error. As with any channel, sending
// on a closed one panics.
func (c *Chan[T]) Send(ctx context.Context, v T) error {
	select {
	case c.ch <- v:
		c.passed(1)
		return nil
	default:
	}
	if c.off() {
		select {
		case c.ch <- v:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	c.senders.Add(1)
	defer c.senders.Add(-1)
	if !c.wait(c.caller(ctx), "Chan.Send", "send", func() bool {
		select {
		case c.ch <- v:
			return true
		case <-ctx.Done():
			return false
		}
	}) {
		return ctx.Err()
	}
	c.passed(1)
	return nil
}

// Receive returns the next value, and false where the channel is closed and
// empty; or the context's error.
func (c *Chan[T]) Receive(ctx context.Context) (v T, ok bool, err error) {
	select {
	case v, ok = <-c.ch:
		c.passed(0)
		return v, ok, nil
	default:
	}
	if c.off() {
		select {
		case v, ok = <-c.ch:
			return v, ok, nil
		case <-ctx.Done():
			return v, false, ctx.Err()
		}
	}
	c.receivers.Add(1)
	defer c.receivers.Add(-1)
	got := c.wait(c.caller(ctx), "Chan.Receive", "receive", func() bool {
		select {
		case v, ok = <-c.ch:
			return true
		case <-ctx.Done():
			return false
		}
	})
	if !got {
		return v, false, ctx.Err()
	}
	c.passed(0)
	return v, ok, nil
}

// passed counts, and notes that whoever waited on the other side can go on.
func (c *Chan[T]) passed(sent uint64) {
	if c.off() {
		return
	}
	c.sent.Add(sent)
	c.open()
}

// C is the channel itself, for select. What goes through it there is not
// counted, and its waits are not seen.
func (c *Chan[T]) C() chan T { return c.ch }

// Close closes the channel.
func (c *Chan[T]) Close() {
	c.closed.Store(true)
	c.open()
	close(c.ch)
}

// Forget takes the channel out of the viewers' sight. It works on.
func (c *Chan[T]) Forget() { c.r.Drop() }
