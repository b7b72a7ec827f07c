package console

import (
	"bytes"
	"context"
	"runtime"
	"runtime/pprof"
	"strconv"
)

// TaskLabel is the pprof label that carries a task's number. Goroutine profiles
// show it.
const TaskLabel = "console.task"

type taskKey struct{}

// FromContext returns the task that the context was given by [Console.Go] or
// [NewContext], or nil.
func FromContext(ctx context.Context) *Task {
	t, _ := ctx.Value(taskKey{}).(*Task)
	return t
}

// NewContext returns a context that carries t.
func NewContext(ctx context.Context, t *Task) context.Context {
	if t == nil {
		return ctx
	}
	return context.WithValue(ctx, taskKey{}, t)
}

// Go runs f in a goroutine that is a task, a child of the context's task. The
// primitives of console/watch know whom they deal with in it, without being
// told.
//
// The task counts as polled from f's start to its first wait in one of those
// primitives, and from each wait's end to the next. A wait elsewhere, in a
// plain channel or a system call, is not seen and counts as busy: the viewer's
// goroutines show it.
func (c *Console) Go(ctx context.Context, name string, f func(ctx context.Context), fields ...Field) {
	if c == nil {
		go f(ctx)
		return
	}
	o := TaskOptions{Name: name, Kind: KindBlocking, Fields: fields, Parent: FromContext(ctx), Site: Here(1)}
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

// Current returns the task whose goroutine calls, when Go started it; else nil.
// It costs a few microseconds: where the task is at hand, pass it on.
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

// goroutineID reads the number in the first line of the goroutine's stack, the
// only place where the runtime tells it.
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
