package console

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"mini-redis/console/wire/instrumentpb"
)

func TestViewerReceivesChangesOnce(t *testing.T) {
	c, clock := newTestConsole(t, nil)
	a := c.NewTask(TaskOptions{Name: "a"})
	r := c.NewResource(ResourceOptions{Kind: "Mutex", Name: "m"})
	op := r.Wait(a, "Mutex.Lock", "lock")
	s := watchConsole(t, c)
	u := s.nextUpdate()
	if len(u.NewMetadata.Metadata) != 3 || len(u.TaskUpdate.NewTasks) != 1 || len(u.ResourceUpdate.NewResources) != 1 || len(u.AsyncOpUpdate.NewAsyncOps) != 1 {
		t.Fatalf("first update: %v", u)
	}
	was := s.now
	clock.pass(time.Second)
	if u = s.nextUpdate(); items(u) != 0 || s.now.Sub(was) != time.Second {
		t.Errorf("update without changes, except the time: %v", u)
	}
	a.Polled(0, 1, 2)
	op.Ready()
	r.Set(Bool("locked", true))
	b := c.NewTask(TaskOptions{Name: "b"})
	u = s.nextUpdate()
	if items(u) != 4 || len(u.TaskUpdate.NewTasks) != 1 || u.TaskUpdate.NewTasks[0].Id.Id != b.ID() {
		t.Errorf("one item of each kind has changed and one task is new: %v", u)
	}
	if got := u.AsyncOpUpdate.StatsUpdate[op.id]; got.DroppedAt == nil || got.PollStats.Polls != 2 || got.TaskId.Id != a.ID() {
		t.Errorf("%v", got)
	}
	r.Set(Bool("locked", true))
	if u = s.nextUpdate(); items(u) != 0 {
		t.Errorf("attribute set to the same value: %v", u)
	}
	late := watchConsole(t, c)
	if u = late.nextUpdate(); items(u) != 4 || len(u.TaskUpdate.NewTasks) != 2 {
		t.Errorf("a second viewer must receive all items: %v", u)
	}
}

// items returns the number of items whose stats an update contains.
func items(u *instrumentpb.Update) int {
	return len(u.GetTaskUpdate().GetStatsUpdate()) + len(u.GetResourceUpdate().GetStatsUpdate()) + len(u.GetAsyncOpUpdate().GetStatsUpdate())
}

func TestStateIsReadWhileWatched(t *testing.T) {
	c, _ := newTestConsole(t, nil)
	calls, length := 0, 3
	r := c.NewResource(ResourceOptions{Kind: "Channel", Name: "orders", State: func(add func(Field)) {
		calls++
		add(Int("len", int64(length)).In("B"))
	}})
	if calls != 0 {
		t.Error("State was called without a viewer")
	}
	s := watchConsole(t, c)
	u := s.nextUpdate()
	got := u.ResourceUpdate.StatsUpdate[r.ID()].Attributes
	if attr(got, "len") != int64(3) || attr(got, "name") != "orders" || got[1].GetUnit() != "B" {
		t.Errorf("%v", got)
	}
	if u = s.nextUpdate(); items(u) != 0 {
		t.Errorf("unchanged: %v", u)
	}
	length = 4
	r.Drop()
	calls = 0
	u = s.nextUpdate()
	if got := u.ResourceUpdate.StatsUpdate[r.ID()]; attr(got.Attributes, "len") != int64(4) || got.DroppedAt == nil || calls != 0 {
		t.Errorf("final state %v, State called %d times after Drop", got, calls)
	}
}

func TestEndedTasksAreRetained(t *testing.T) {
	c, clock := newTestConsole(t, func(o *Options) { o.Retention, o.MaxClosed = time.Minute, 3 })
	for i := range 5 {
		c.NewTask(TaskOptions{Name: fmt.Sprint(i)}).Drop()
	}
	s := watchConsole(t, c)
	s.nextUpdate()
	if len(s.all) != 3 {
		t.Errorf("%d ended tasks were sent, want the last 3", len(s.all))
	}
	clock.pass(61 * time.Second)
	if s = watchConsole(t, c); len(s.nextUpdate().GetTaskUpdate().GetStatsUpdate()) != 0 {
		t.Errorf("%d ended tasks were sent after the retention", len(s.all))
	}
}

func TestSlowViewerReceivesEndOfEvictedItems(t *testing.T) {
	c, clock := newTestConsole(t, func(o *Options) { o.Retention = time.Second })
	task := c.NewTask(TaskOptions{})
	r := c.NewResource(ResourceOptions{})
	op := r.Wait(task, "", "")
	s := watchConsole(t, c)
	s.nextUpdate()
	op.Drop()
	r.Drop()
	task.Drop()
	clock.pass(time.Hour)
	watchConsole(t, c).nextUpdate() // this viewer's update evicts the ended items
	u := s.nextUpdate()
	if items(u) != 3 || u.TaskUpdate.StatsUpdate[task.id].DroppedAt == nil ||
		u.ResourceUpdate.StatsUpdate[r.id].DroppedAt == nil || u.AsyncOpUpdate.StatsUpdate[op.id].DroppedAt == nil {
		t.Errorf("%v", u)
	}
	if u = s.nextUpdate(); items(u) != 0 || len(s.v.tasks.items) != 0 {
		t.Errorf("the end was sent twice: %v", u)
	}
}

func TestItemsOverLimitAreCounted(t *testing.T) {
	c, _ := newTestConsole(t, func(o *Options) { o.MaxTasks, o.MaxResources, o.MaxAsyncOps = 2, 1, 1 })
	first := c.NewTask(TaskOptions{})
	c.NewTask(TaskOptions{})
	if c.NewTask(TaskOptions{}) != nil {
		t.Error("a task over the limit was registered")
	}
	r := c.NewResource(ResourceOptions{})
	c.NewResource(ResourceOptions{})
	r.Wait(first, "", "")
	r.Wait(first, "", "")
	r.Wait(first, "", "")
	s := watchConsole(t, c)
	u := s.nextUpdate()
	if u.TaskUpdate.DroppedEvents != 1 || u.ResourceUpdate.DroppedEvents != 1 || u.AsyncOpUpdate.DroppedEvents != 2 {
		t.Errorf("%v", u)
	}
	if u = s.nextUpdate(); u.TaskUpdate.DroppedEvents != 0 {
		t.Errorf("counted twice: %v", u)
	}
	first.Drop()
	if c.NewTask(TaskOptions{}) == nil {
		t.Error("no task can be registered after another has ended")
	}
}

func TestManyTasksAreSplitIntoMessages(t *testing.T) {
	c, _ := newTestConsole(t, func(o *Options) { o.Clock = nil })
	const n = 20_000
	tasks := make([]*Task, n)
	for i := range tasks {
		tasks[i] = c.NewTask(TaskOptions{Name: fmt.Sprintf("connection %d", i), Fields: []Field{Text("peer", "127.0.0.1:12345")}})
	}
	s := watchConsole(t, c)
	if messages := s.v.updates(); len(messages) < 2 {
		t.Errorf("%d messages, want at least 2", len(messages))
	} else {
		for _, u := range messages {
			check(t, u)
		}
	}
	for _, task := range tasks {
		task.Drop()
	}
	u := s.mergeUpdates()
	if len(u.TaskUpdate.StatsUpdate) != n {
		t.Errorf("the ends of %d tasks were sent, want %d", len(u.TaskUpdate.StatsUpdate), n)
	}
}

// mergeUpdates requests and merges the next updates without recording the tasks in them.
func (s *testViewer) mergeUpdates() *instrumentpb.Update {
	s.all, s.tasks = nil, nil
	merged := &instrumentpb.Update{}
	for _, u := range s.v.updates() {
		check(s.t, u)
		proto.Merge(merged, u)
	}
	return merged
}

func TestPollOpsAreSentWhileWatched(t *testing.T) {
	c, _ := newTestConsole(t, nil)
	task, r := c.NewTask(TaskOptions{}), c.NewResource(ResourceOptions{})
	r.Tried(task, "lock", true)
	s := watchConsole(t, c)
	s.nextUpdate()
	r.Tried(task, "lock", true)
	r.Wait(nil, "Mutex.Lock", "lock").Ready()
	u := s.nextUpdate()
	ops := u.ResourceUpdate.NewPollOps
	if len(ops) != 3 || !ops[0].IsReady || ops[0].TaskId.Id != task.id || ops[1].IsReady || ops[1].TaskId != nil || !ops[2].IsReady || ops[2].AsyncOpId == nil {
		t.Errorf("%v", ops)
	}
	for range 3000 {
		r.Tried(task, "lock", false)
	}
	if u = s.nextUpdate(); len(u.ResourceUpdate.NewPollOps) != 1024 || u.ResourceUpdate.DroppedEvents != 3000-1024 {
		t.Errorf("%d poll operations sent, %d dropped", len(u.ResourceUpdate.NewPollOps), u.ResourceUpdate.DroppedEvents)
	}
}

func TestEpochFollowsWallClockJump(t *testing.T) {
	c, clock := newTestConsole(t, nil)
	clock.mu.Lock()
	clock.wall = clock.wall.Add(time.Hour) // the monotonic clock stands still
	clock.mu.Unlock()
	s := watchConsole(t, c)
	s.nextUpdate()
	if !s.now.Equal(clock.wall) {
		t.Errorf("%v, want %v", s.now, clock.wall)
	}
}

// TestRandomHistoriesGiveValidUpdates executes random operations. nextUpdate checks each update.
func TestRandomHistoriesGiveValidUpdates(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 0))
		c, clock := newTestConsole(t, func(o *Options) { o.MaxTasks, o.MaxClosed, o.Retention = 20, 5, time.Second })
		viewers := []*testViewer{watchConsole(t, c), watchConsole(t, c)}
		var tasks []*Task
		var resources []*Resource
		var ops []*AsyncOp
		pick := func(n int) int { return r.IntN(max(n, 1)) }
		for range 2000 {
			at := clock.pass(time.Duration(r.Int64N(int64(40 * ms))))
			if len(tasks) == 0 || r.IntN(20) == 0 {
				tasks = append(tasks, c.NewTask(TaskOptions{Name: "\xff" + fmt.Sprint(r.Int()), CountsWakers: r.IntN(2) == 0}))
				resources = append(resources, c.NewResource(ResourceOptions{Kind: []string{"", "Mutex", "Timer"}[r.IntN(3)]}))
			}
			task, res := tasks[pick(len(tasks))], resources[pick(len(resources))]
			switch r.IntN(12) {
			case 0:
				task.Wake(at)
			case 1:
				task.SelfWake(at)
			case 2:
				task.BeginPoll(at)
			case 3:
				task.EndPoll(at)
			case 4:
				task.Polled(at-r.Int64N(1e9), at-r.Int64N(1e9), at)
			case 5:
				task.WakerCloned()
			case 6:
				if r.IntN(10) == 0 {
					task.Drop()
				}
			case 7:
				ops = append(ops, res.Wait(task, "s", "o"))
			case 8:
				if len(ops) > 0 {
					ops[pick(len(ops))].Ready()
				}
			case 9:
				res.Set(Int("n", r.Int64()))
			case 10:
				if r.IntN(10) == 0 {
					res.Drop()
				}
			case 11:
				viewers[r.IntN(2)].nextUpdate()
			}
		}
		for _, task := range tasks {
			task.Drop()
		}
		for _, v := range viewers {
			v.nextUpdate()
			for id, stats := range v.tasks {
				if stats.DroppedAt == nil {
					t.Errorf("seed %d: a viewer was not sent the end of task %d", seed, id)
				}
			}
		}
	}
}
