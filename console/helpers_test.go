package console

import (
	"bytes"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mini-redis/console/wire/commonpb"
	"mini-redis/console/wire/instrumentpb"
	"mini-redis/console/wire/taskspb"
)

// testClock advances only when pass is called.
type testClock struct {
	mu   sync.Mutex
	wall time.Time
	mono int64
}

func newTestClock() *testClock {
	return &testClock{wall: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), mono: 1}
}

func (c *testClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wall
}

func (c *testClock) Mono() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mono
}

// pass advances the clock by d and returns the new reading of Mono.
func (c *testClock) pass(d time.Duration) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall, c.mono = c.wall.Add(d), c.mono+int64(d)
	return c.mono
}

func newTestConsole(t testing.TB, change func(*Options)) (*Console, *testClock) {
	t.Helper()
	clock := newTestClock()
	o := Options{Clock: clock}
	if change != nil {
		change(&o)
	}
	return New(o), clock
}

const ms = time.Millisecond

// testViewer merges the updates that a viewer is sent.
type testViewer struct {
	t    testing.TB
	v    *viewer
	all  map[uint64]*taskspb.Task
	last *instrumentpb.Update // all messages of the last round, merged
	now  time.Time

	tasks map[uint64]*taskspb.Stats
}

func watchConsole(t testing.TB, c *Console) *testViewer {
	t.Helper()
	c.watchers.Add(1)
	return &testViewer{t: t, v: newViewer(c), all: map[uint64]*taskspb.Task{}, tasks: map[uint64]*taskspb.Stats{}}
}

// nextUpdate requests the next updates, checks each, and returns them merged.
func (s *testViewer) nextUpdate() *instrumentpb.Update {
	s.t.Helper()
	merged := &instrumentpb.Update{}
	for i, u := range s.v.updates() {
		check(s.t, u)
		if i == 0 && u.NewMetadata == nil {
			s.t.Errorf("the first message has no metadata")
		}
		proto.Merge(merged, u)
	}
	for _, task := range merged.GetTaskUpdate().GetNewTasks() {
		s.all[task.Id.Id] = task
	}
	for id, stats := range merged.GetTaskUpdate().GetStatsUpdate() {
		s.tasks[id] = stats
		if s.all[id] == nil {
			s.t.Errorf("stats of task %d, which was not sent before", id)
		}
	}
	s.last, s.now = merged, merged.Now.AsTime()
	return merged
}

func (s *testViewer) task(task *Task) *taskspb.Stats {
	s.t.Helper()
	if s.tasks[task.ID()] == nil {
		s.t.Fatalf("no stats of task %d %q were sent", task.ID(), task.Name())
	}
	return s.tasks[task.ID()]
}

// check reports properties of an update that make the stock tokio-console panic or drop an item.
func check(t testing.TB, u *instrumentpb.Update) {
	t.Helper()
	if size := proto.Size(u); size >= 4<<20 {
		t.Errorf("update of %d bytes, want less than 4 MiB", size)
	}
	if u.Now == nil {
		t.Error("update without Now")
	}
	for _, task := range u.GetTaskUpdate().GetNewTasks() {
		if u.TaskUpdate.StatsUpdate[task.Id.Id] == nil {
			t.Errorf("new task %d without stats", task.Id.Id)
		}
		if value(task.Fields, "task.id") != any(task.Id.Id) {
			t.Errorf("task %d has task.id %v", task.Id.Id, value(task.Fields, "task.id"))
		}
		if task.Metadata == nil {
			t.Errorf("task %d without metadata", task.Id.Id)
		}
		checkFields(t, task.Fields, task.Metadata.GetId())
	}
	for id, s := range u.GetTaskUpdate().GetStatsUpdate() {
		checkTime(t, s.CreatedAt, true)
		checkTime(t, s.DroppedAt, false)
		checkTime(t, s.LastWake, false)
		checkDuration(t, s.ScheduledTime)
		checkPolls(t, s.PollStats)
		if s.WakerDrops > s.WakerClones {
			t.Errorf("task %d: %d wakers dropped, but only %d cloned", id, s.WakerDrops, s.WakerClones)
		}
	}
	for _, r := range u.GetResourceUpdate().GetNewResources() {
		if r.Kind.GetKind() == nil || r.Metadata == nil || u.ResourceUpdate.StatsUpdate[r.Id.Id] == nil {
			t.Errorf("new resource without kind, metadata or stats: %v", r)
		}
	}
	for _, s := range u.GetResourceUpdate().GetStatsUpdate() {
		checkTime(t, s.CreatedAt, true)
		checkTime(t, s.DroppedAt, false)
		for _, a := range s.Attributes {
			checkFields(t, []*commonpb.Field{a.Field}, a.Field.MetadataId.GetId())
		}
	}
	for _, a := range u.GetAsyncOpUpdate().GetNewAsyncOps() {
		if a.ResourceId == nil || a.Metadata == nil || u.AsyncOpUpdate.StatsUpdate[a.Id.Id] == nil {
			t.Errorf("new async op without resource, metadata or stats: %v", a)
		}
	}
	for _, s := range u.GetAsyncOpUpdate().GetStatsUpdate() {
		checkTime(t, s.CreatedAt, true)
		checkTime(t, s.DroppedAt, false)
		checkPolls(t, s.PollStats)
	}
}

func checkFields(t testing.TB, fields []*commonpb.Field, meta uint64) {
	t.Helper()
	for _, f := range fields {
		if f.Value == nil || f.GetStrName() == "" || f.MetadataId.GetId() != meta {
			t.Errorf("invalid field %v, want a value, a name and metadata %d", f, meta)
		}
	}
}

func checkTime(t testing.TB, at *timestamppb.Timestamp, must bool) {
	t.Helper()
	if at == nil && !must {
		return
	}
	if err := at.CheckValid(); err != nil || at.Seconds < 0 {
		t.Errorf("invalid time %v: %v", at, err)
	}
}

func checkDuration(t testing.TB, d *durationpb.Duration) {
	t.Helper()
	if d == nil || d.Seconds < 0 || d.Nanos < 0 {
		t.Errorf("invalid duration %v", d)
	}
}

func checkPolls(t testing.TB, p *commonpb.PollStats) {
	t.Helper()
	if p == nil {
		t.Error("no poll stats")
		return
	}
	checkTime(t, p.FirstPoll, false)
	checkTime(t, p.LastPollStarted, false)
	checkTime(t, p.LastPollEnded, false)
	checkDuration(t, p.BusyTime)
}

func value(fields []*commonpb.Field, name string) any {
	for _, f := range fields {
		if f.GetStrName() != name {
			continue
		}
		switch v := f.Value.(type) {
		case *commonpb.Field_U64Val:
			return v.U64Val
		case *commonpb.Field_I64Val:
			return v.I64Val
		case *commonpb.Field_BoolVal:
			return v.BoolVal
		case *commonpb.Field_StrVal:
			return v.StrVal
		}
	}
	return nil
}

// attr returns the value of the attribute with the given name, or nil.
func attr(list []*commonpb.Attribute, name string) any {
	var fields []*commonpb.Field
	for _, a := range list {
		fields = append(fields, a.Field)
	}
	return value(fields, name)
}

// parseLines parses one JSON object per line.
func parseLines(t testing.TB, text []byte) (list []map[string]any) {
	t.Helper()
	for _, line := range bytes.Split(bytes.TrimSpace(text), []byte{'\n'}) {
		var m map[string]any
		if err := json.Unmarshal(line, &m); err != nil {
			t.Fatal(err)
		}
		list = append(list, m)
	}
	return list
}

func sizeOf(m proto.Message) int { return proto.Size(m) }

func waitUntil(t testing.TB, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("timed out after 20 s")
		}
	}
}
