package console

import (
	"bytes"
	"context"
	"runtime"
	"runtime/pprof"
	"strconv"
)

// TaskLabel is the name of the pprof label that carries a task's ID. Goroutine profiles include it.
const TaskLabel = "console.task"

type taskKey struct{}

// FromContext returns the task that [Console.Go] or [NewContext] attached to the context, or nil.
func FromContext(ctx context.Context) *Task {
	t, _ := ctx.Value(taskKey{}).(*Task)
	return t
}

// NewContext returns a context that carries t. It returns ctx if t is nil.
func NewContext(ctx context.Context, t *Task) context.Context {
	if t == nil {
		return ctx
	}
	return context.WithValue(ctx, taskKey{}, t)
}

// Go runs f in a new goroutine that is a task, with the context's task as its parent. The context
// that f receives carries the task. The primitives of console/watch determine the task from the
// context or from the goroutine.
//
// The task counts as polled from the start of f to its first wait in one of those primitives, and
// then from the end of each wait to the start of the next. A wait elsewhere, for example on a plain
// channel or in a system call, is not recorded and counts as busy time; the viewer's list of
// goroutines shows it.
//
// If c is nil, Go only starts the goroutine.
func (c *Console) Go(ctx context.Context, name string, f func(ctx context.Context), fields ...Field) {
	if c == nil {
		go f(ctx)
		return
	}
	o := TaskOptions{Name: name, Kind: KindBlocking, Fields: fields, Parent: FromContext(ctx), Site: CallSite(1)}
	made := c.clock.Mono()
	go func() {
		gid := goroutineID()
		t := c.newTask(o, gid, made)
		if t == nil {
			f(ctx)
			return
		}
		c.running.Store(gid, t)
		defer func() {
			c.running.Delete(gid)
			t.Drop()
		}()
		t.BeginPoll(c.clock.Mono())
		pprof.Do(NewContext(ctx, t), pprof.Labels(TaskLabel, strconv.FormatUint(t.id, 10)), f)
	}()
}

// Current returns the task of the calling goroutine if Go started it, and nil otherwise. It costs a
// few microseconds; pass the task as an argument where that is possible.
func (c *Console) Current() *Task {
	if c == nil {
		return nil
	}
	t, ok := c.running.Load(goroutineID())
	if !ok {
		return nil
	}
	return t.(*Task)
}

// goroutineID parses the first line of the goroutine's stack trace. The runtime offers no other
// access to the ID.
func goroutineID() int64 {
	var buf [64]byte
	line := buf[:runtime.Stack(buf[:], false)]
	line = bytes.TrimPrefix(line, []byte("goroutine "))
	if i := bytes.IndexByte(line, ' '); i >= 0 {
		line = line[:i]
	}
	id, _ := strconv.ParseInt(string(line), 10, 64)
	return id
}
