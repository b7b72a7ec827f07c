package watch

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"mini-redis/console"
)

// Pool is a sync.Pool that can be watched.
type Pool[T any] struct {
	gate
	pool            sync.Pool
	got, put, fresh atomic.Int64
}

// NewPool returns a pool with a name for viewers; fresh makes what it lacks.
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

// Get takes something out of the pool.
func (p *Pool[T]) Get() T {
	if !p.off() {
		p.got.Add(1)
	}
	return p.pool.Get().(T)
}

// Put gives it back.
func (p *Pool[T]) Put(v T) {
	if !p.off() {
		p.put.Add(1)
	}
	p.pool.Put(v)
}

// Close takes the pool out of the viewers' sight. It works on.
func (p *Pool[T]) Close() { p.r.Drop() }
