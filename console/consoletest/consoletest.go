// Package consoletest lets tests observe a console as a viewer does, through the protocol, and
// compare its values with a clock that the test controls.
package consoletest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"mini-redis/console"
	"mini-redis/console/wire/asyncopspb"
	"mini-redis/console/wire/commonpb"
	"mini-redis/console/wire/instrumentpb"
	"mini-redis/console/wire/resourcespb"
	"mini-redis/console/wire/taskspb"
)

// Clock is a console.Clock that advances only when Pass is called.
type Clock struct {
	mu   sync.Mutex
	wall time.Time
	mono int64
}

// NewClock returns a clock that shows 2026-11-23 12:00:00 UTC.
func NewClock() *Clock {
	return &Clock{wall: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), mono: 1}
}

// Now implements console.Clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wall
}

// Mono implements console.Clock.
func (c *Clock) Mono() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mono
}

// Pass advances the clock by d.
func (c *Clock) Pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall, c.mono = c.wall.Add(d), c.mono+int64(d)
}

// Viewer is the state of a console as a viewer knows it: the merged updates.
type Viewer struct {
	t      testing.TB
	mu     sync.Mutex
	c      *console.Console
	now    time.Time
	Client instrumentpb.InstrumentClient

	tasks     map[uint64]*Task
	resources map[uint64]*Resource
	ops       map[uint64]*Op
}

// Task, Resource and Op are the viewer's knowledge of an item: its description and its latest
// stats.
type (
	Task struct {
		*taskspb.Task
		*taskspb.Stats
	}
	Resource struct {
		*resourcespb.Resource
		*resourcespb.Stats
	}
	Op struct {
		*asyncopspb.AsyncOp
		*asyncopspb.Stats
	}
)

// Watch serves the console and connects a viewer to it until the test ends. The console should have
// a short PublishInterval, because Look waits for an update.
func Watch(t testing.TB, c *console.Console) *Viewer {
	t.Helper()
	s, err := c.Listen(console.ServeOptions{Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient(s.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	v := &Viewer{
		t: t, c: c, Client: instrumentpb.NewInstrumentClient(conn),
		tasks: map[uint64]*Task{}, resources: map[uint64]*Resource{}, ops: map[uint64]*Op{},
	}
	stream, err := v.Client.WatchUpdates(ctx, &instrumentpb.InstrumentRequest{})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			u, err := stream.Recv()
			if err != nil {
				return
			}
			v.apply(u)
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		conn.Close()
		closing, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = s.Close(closing)
	})
	v.Look()
	return v
}

func (v *Viewer) apply(u *instrumentpb.Update) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.now = u.Now.AsTime()
	for _, x := range u.GetTaskUpdate().GetNewTasks() {
		v.tasks[x.Id.Id] = &Task{Task: x}
	}
	for id, s := range u.GetTaskUpdate().GetStatsUpdate() {
		v.tasks[id] = &Task{v.tasks[id].Task, s}
	}
	for _, x := range u.GetResourceUpdate().GetNewResources() {
		v.resources[x.Id.Id] = &Resource{Resource: x}
	}
	for id, s := range u.GetResourceUpdate().GetStatsUpdate() {
		v.resources[id] = &Resource{v.resources[id].Resource, s}
	}
	for _, x := range u.GetAsyncOpUpdate().GetNewAsyncOps() {
		v.ops[x.Id.Id] = &Op{AsyncOp: x}
	}
	for id, s := range u.GetAsyncOpUpdate().GetStatsUpdate() {
		v.ops[id] = &Op{v.ops[id].AsyncOp, s}
	}
}

// Look waits until the viewer has received everything that happened before the call. It creates a
// task and waits for the update that contains it.
func (v *Viewer) Look() {
	v.t.Helper()
	mark := v.c.NewTask(console.TaskOptions{Name: "mark"})
	defer mark.Drop()
	v.Until("an update", func() bool { return v.tasks[mark.ID()] != nil })
}

// Until waits up to 20 s for a condition. It calls done with the viewer's mutex held.
func (v *Viewer) Until(what string, done func() bool) {
	v.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		v.mu.Lock()
		ok := done()
		v.mu.Unlock()
		if ok {
			return
		}
		if time.Now().After(deadline) {
			v.t.Fatalf("timed out after 20 s waiting for %s", what)
		}
	}
}

// Now returns the time of the last update.
func (v *Viewer) Now() time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.now
}

// Task returns the task with the given name, or nil.
func (v *Viewer) Task(name string) *Task {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, x := range v.tasks {
		if FieldValue(x.Fields, "task.name") == name {
			return x
		}
	}
	return nil
}

// TaskWith returns a task whose field has the given value, or nil.
func (v *Viewer) TaskWith(field, value string) *Task {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, x := range v.tasks {
		if FieldValue(x.Fields, field) == value {
			return x
		}
	}
	return nil
}

// Resource returns the resource with the given name, or nil.
func (v *Viewer) Resource(name string) *Resource {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, x := range v.resources {
		if AttributeValue(x.Attributes, "name") == name {
			return x
		}
	}
	return nil
}

// Ops returns the operations on a resource that have not ended.
func (v *Viewer) Ops(r *Resource) (list []*Op) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, x := range v.ops {
		if x.ResourceId.GetId() == r.Id.GetId() && x.DroppedAt == nil {
			list = append(list, x)
		}
	}
	return list
}

// FieldValue returns the value of a field as text, or "" if there is no such field.
func FieldValue(fields []*commonpb.Field, name string) string {
	for _, f := range fields {
		if f.GetStrName() != name {
			continue
		}
		switch v := f.Value.(type) {
		case *commonpb.Field_StrVal:
			return v.StrVal
		case *commonpb.Field_U64Val:
			return fmt.Sprint(v.U64Val)
		case *commonpb.Field_I64Val:
			return fmt.Sprint(v.I64Val)
		case *commonpb.Field_BoolVal:
			return fmt.Sprint(v.BoolVal)
		}
	}
	return ""
}

// AttributeValue returns the value of an attribute as text, or "" if there is no such attribute.
func AttributeValue(list []*commonpb.Attribute, name string) string {
	for _, a := range list {
		if a.GetField().GetStrName() == name {
			return FieldValue([]*commonpb.Field{a.Field}, name)
		}
	}
	return ""
}
