package watch

import (
	"context"
	"fmt"
	"sync/atomic"

	"mini-redis/console"
)

// Chan is an observable channel.
type Chan[T any] struct {
	instrumented
	ch        chan T
	senders   atomic.Int64
	receivers atomic.Int64
	sent      atomic.Uint64
	closed    atomic.Bool
}

// NewChan returns a channel of the given capacity. name is shown in viewers.
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

// Send sends v and returns nil, or returns the context's error if ctx is done first. It panics if
// the channel is closed.
func (c *Chan[T]) Send(ctx context.Context, v T) error {
	select {
	case c.ch <- v:
		c.completed(1)
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
	c.completed(1)
	return nil
}

// Receive returns the next value, or ok false if the channel is closed and empty. It returns the
// context's error if ctx is done first.
func (c *Chan[T]) Receive(ctx context.Context) (v T, ok bool, err error) {
	select {
	case v, ok = <-c.ch:
		c.completed(0)
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
	c.completed(0)
	return v, ok, nil
}

// completed adds to the number of sent values, and records the wake of a waiter on the other side.
func (c *Chan[T]) completed(sent uint64) {
	if c.off() {
		return
	}
	c.sent.Add(sent)
	c.recordWake()
}

// C returns the underlying channel, for use in select. Operations on it are not counted, and waits
// on it are not recorded.
func (c *Chan[T]) C() chan T { return c.ch }

// Close closes the channel.
func (c *Chan[T]) Close() {
	c.closed.Store(true)
	c.recordWake()
	close(c.ch)
}

// Forget reports to viewers that the channel no longer exists. The channel remains usable.
func (c *Chan[T]) Forget() { c.r.Drop() }
