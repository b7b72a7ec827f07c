package watch

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"mini-redis/console"
)

// Pool is an observable sync.Pool.
type Pool[T any] struct {
	instrumented
	pool            sync.Pool
	got, put, fresh atomic.Int64
}

// NewPool returns a pool. name is shown in viewers. fresh creates a value when the pool is empty.
func NewPool[T any](c *console.Console, name string, fresh func() T) *Pool[T] {
	p := &Pool[T]{}
	p.pool.New = func() any {
		p.fresh.Add(1)
		return fresh()
	}
	typ := ""
	if c != nil {
		typ = fmt.Sprintf("sync.Pool[%s]", strings.TrimPrefix(fmt.Sprintf("%T", new(T)), "*"))
	}
	p.init(c, "Pool", typ, name, p.state)
	return p
}

func (p *Pool[T]) state(add func(console.Field)) {
	got, put := p.got.Load(), p.put.Load()
	add(console.Int("out", got-put))
	add(console.Int("got", got))
	add(console.Int("made", p.fresh.Load()))
}

// Get takes a value from the pool, or creates one.
func (p *Pool[T]) Get() T {
	if !p.off() {
		p.got.Add(1)
	}
	return p.pool.Get().(T)
}

// Put returns a value to the pool.
func (p *Pool[T]) Put(v T) {
	if !p.off() {
		p.put.Add(1)
	}
	p.pool.Put(v)
}

// Close reports to viewers that the pool no longer exists. The pool remains usable.
func (p *Pool[T]) Close() { p.r.Drop() }
