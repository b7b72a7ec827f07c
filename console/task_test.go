package console

import (
	"context"
	"slices"
	"testing"
	"time"

	"mini-redis/console/hdr"
	"mini-redis/console/wire/taskspb"
)

func TestTaskTimes(t *testing.T) {
	c, clock := newTestConsole(t, nil)
	s := watchConsole(t, c)
	task := c.NewTask(TaskOptions{Name: "spins"})
	clock.pass(10 * ms) // waiting for the first poll
	task.BeginPoll(clock.Mono())
	clock.pass(200 * ms)
	task.EndPoll(clock.Mono())
	clock.pass(300 * ms) // idle
	task.Wake(clock.Mono())
	clock.pass(5 * ms) // scheduled
	task.BeginPoll(clock.Mono())
	clock.pass(50 * ms)
	s.nextUpdate()

	f := func(name string, got, want any) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	got := s.task(task)
	f("busy", got.PollStats.BusyTime.AsDuration(), 200*ms)
	f("scheduled", got.ScheduledTime.AsDuration(), 15*ms)
	f("polls", got.PollStats.Polls, uint64(2))
	f("wakes", got.Wakes, uint64(1))
	f("self-wakes", got.SelfWakes, uint64(0))
	f("total", s.now.Sub(got.CreatedAt.AsTime()), 565*ms)
	f("running since", s.now.Sub(got.PollStats.LastPollStarted.AsTime()), 50*ms)
	f("ended before that", got.PollStats.LastPollEnded.AsTime().Before(got.PollStats.LastPollStarted.AsTime()), true)
	f("first poll", got.PollStats.FirstPoll.AsTime().Sub(got.CreatedAt.AsTime()), 10*ms)

	task.Drop() // during a poll, which this ends
	s.nextUpdate()
	got = s.task(task)
	f("busy at the end", got.PollStats.BusyTime.AsDuration(), 250*ms)
	f("lifetime", got.DroppedAt.AsTime().Sub(got.CreatedAt.AsTime()), 565*ms)
	clock.pass(time.Second)
	task.BeginPoll(clock.Mono())
	task.EndPoll(clock.Mono())
	task.Drop()
	s.nextUpdate()
	f("busy after the end", s.task(task).PollStats.BusyTime.AsDuration(), 250*ms)
	f("lifetime after the end", s.task(task).DroppedAt.AsTime().Sub(got.CreatedAt.AsTime()), 565*ms)
}

func TestWakeDuringPollCountsFromPollEnd(t *testing.T) {
	c, clock := newTestConsole(t, nil)
	s := watchConsole(t, c)
	task := c.NewTask(TaskOptions{})
	task.BeginPoll(clock.Mono())
	clock.pass(10 * ms)
	task.SelfWake(clock.Mono())
	clock.pass(10 * ms)
	task.Wake(clock.Mono()) // no effect on times: the task is already scheduled
	task.EndPoll(clock.Mono())
	clock.pass(7 * ms)
	task.BeginPoll(clock.Mono())
	s.nextUpdate()
	got := s.task(task)
	if d := got.ScheduledTime.AsDuration(); d != 7*ms || got.Wakes != 2 || got.SelfWakes != 1 {
		t.Errorf("scheduled %v, %d wakes, %d self-wakes, want 7ms, 2 and 1", d, got.Wakes, got.SelfWakes)
	}
}

func TestPolledCombinesWakeBeginAndEnd(t *testing.T) {
	c, clock := newTestConsole(t, nil)
	s := watchConsole(t, c)
	task := c.NewTask(TaskOptions{})
	zero := clock.Mono()
	clock.pass(time.Second)
	task.Polled(0, zero, zero)
	task.Polled(zero+int64(100*ms), zero+int64(130*ms), zero+int64(150*ms))
	s.nextUpdate()
	got := s.task(task)
	if got.PollStats.Polls != 2 || got.PollStats.BusyTime.AsDuration() != 20*ms || got.ScheduledTime.AsDuration() != 30*ms || got.Wakes != 1 {
		t.Errorf("%v", got)
	}
}

func TestClockGoingBackGivesNoNegativeTimes(t *testing.T) {
	c, clock := newTestConsole(t, nil)
	s := watchConsole(t, c)
	task := c.NewTask(TaskOptions{})
	at := clock.pass(time.Second)
	task.Polled(at, at-500, at-1000)
	task.Polled(at+5, at-500, at-1000)
	s.nextUpdate() // checks that no time is negative
}

func TestWakerCounts(t *testing.T) {
	c, _ := newTestConsole(t, nil)
	s := watchConsole(t, c)
	plain, counted := c.NewTask(TaskOptions{}), c.NewTask(TaskOptions{CountsWakers: true})
	blocking := c.NewTask(TaskOptions{Kind: KindBlocking})
	counted.WakerCloned()
	counted.WakerCloned()
	counted.WakerDropped()
	f := func(task *Task, clones, drops uint64) {
		t.Helper()
		s.nextUpdate()
		if got := s.task(task); got.WakerClones != clones || got.WakerDrops != drops {
			t.Errorf("%d clones and %d drops, want %d and %d", got.WakerClones, got.WakerDrops, clones, drops)
		}
	}
	f(plain, 1, 0)
	f(counted, 2, 1)
	f(blocking, 0, 0)
	plain.Drop()
	counted.Drop()
	f(plain, 1, 1)
	f(counted, 2, 1)
}

func TestHistogramsAreRecordedWhileWatched(t *testing.T) {
	c, clock := newTestConsole(t, nil)
	task := c.NewTask(TaskOptions{})
	poll := func(took time.Duration) {
		at := clock.Mono()
		clock.pass(took)
		task.Polled(at, at, clock.Mono())
	}
	poll(ms)
	if d, _ := c.details(task); d.PollTimesHistogram != nil || d.ScheduledTimesHistogram != nil {
		t.Errorf("histograms recorded without a viewer: %v", d)
	}
	watchConsole(t, c)
	poll(2 * ms)
	poll(3 * time.Second)
	poll(2 * time.Second)
	d, ended := c.details(task)
	h := d.GetHistogram()
	if ended || h.HighOutliers != 2 || h.GetHighestOutlier() != uint64(3*time.Second) || h.MaxValue != uint64(DefaultDurationMax) {
		t.Errorf("%v, ended %t", h, ended)
	}
	always, _ := newTestConsole(t, func(o *Options) { o.AlwaysHistograms = true })
	task = always.NewTask(TaskOptions{})
	task.Polled(0, 1, 2)
	if d, _ := always.details(task); d.GetHistogram() == nil || d.GetHistogram().HighestOutlier != nil {
		t.Errorf("%v", d)
	}
}

func TestGoCreatesTask(t *testing.T) {
	c := New(Options{})
	s := watchConsole(t, c)
	parent := c.NewTask(TaskOptions{Name: "parent"})
	inside, leave := make(chan *Task), make(chan struct{})
	c.Go(NewContext(context.Background(), parent), "child", func(ctx context.Context) {
		if c.Current() != FromContext(ctx) {
			t.Error("Current and FromContext return different tasks")
		}
		inside <- c.Current()
		<-leave
	}, Text("colour", "blue"))
	child := <-inside
	s.nextUpdate()
	m := s.all[child.ID()]
	if child.Name() != "child" || m.Kind != taskspb.Task_BLOCKING || m.Parents[0].Id != parent.ID() ||
		value(m.Fields, "colour") != "blue" || value(m.Fields, "kind") != "blocking" || value(m.Fields, "goroutine") == int64(0) {
		t.Errorf("%v", m)
	}
	if m.Location.GetFile() != "console/task_test.go" {
		t.Errorf("location %v", m.Location)
	}
	close(leave)
	waitUntil(t, func() bool { s.nextUpdate(); return s.task(child).DroppedAt != nil })
	if c.Current() != nil {
		t.Error("Current returns a task outside of Go")
	}
}

func TestNilConsole(t *testing.T) {
	var c *Console
	task := c.NewTask(TaskOptions{Name: "x"})
	task.Wake(1)
	task.SelfWake(1)
	task.BeginPoll(1)
	task.EndPoll(1)
	task.Polled(1, 2, 3)
	task.Park(1)
	task.Unpark(1, 2)
	task.WakerCloned()
	task.WakerDropped()
	task.Drop()
	r := c.NewResource(ResourceOptions{})
	r.Set(Text("a", "b"))
	r.Tried(task, "lock", true)
	op := r.Wait(task, "a", "b")
	op.Retry()
	op.Ready()
	op.Drop()
	r.Drop()
	ran := make(chan bool)
	c.Go(context.Background(), "x", func(ctx context.Context) { ran <- FromContext(ctx) == nil && c.Current() == nil })
	if !<-ran || task.ID() != 0 || r.ID() != 0 || c.Watched() || c.Mono() != 0 {
		t.Error("a nil console is not disabled")
	}
	s, err := c.Listen(ServeOptions{})
	if s != nil || err != nil || s.Addr() != nil || s.Close(t.Context()) != nil {
		t.Error(s, err)
	}
	if n := testing.AllocsPerRun(100, func() { task.Polled(1, 2, 3) }); n != 0 {
		t.Errorf("%g allocations", n)
	}
}

func TestPollsDoNotAllocate(t *testing.T) {
	c, _ := newTestConsole(t, nil)
	task := c.NewTask(TaskOptions{})
	if n := testing.AllocsPerRun(100, func() { task.Polled(1, 2, 3) }); n != 0 {
		t.Errorf("unwatched: %g allocations", n)
	}
	watchConsole(t, c)
	task.Polled(1, 2, 3)
	if n := testing.AllocsPerRun(100, func() { task.Polled(1, 2, 3) }); n != 0 {
		t.Errorf("watched: %g allocations", n)
	}
}

func TestCleanText(t *testing.T) {
	long := string(slices.Repeat([]byte{'x'}, 5000))
	f := func(in, want string) {
		t.Helper()
		if got := clean(in); got != want {
			t.Errorf("clean(%.20q) = %.20q", in, got)
		}
	}
	f("plain", "plain")
	f("a\xffb", "a\uFFFDb")
	f(long, long[:maxText])
}

// With AlwaysHistograms every duration is in a histogram when details are requested, independently
// of the number of durations since the last request.
func TestHistogramsCountEveryDuration(t *testing.T) {
	c, clock := newTestConsole(t, func(o *Options) { o.AlwaysHistograms = true })
	task := c.NewTask(TaskOptions{Name: "busy"})
	polls := 0
	for _, n := range []int{1, 30, 15, 16, 100} {
		for range n {
			woken := clock.Mono()
			began := clock.pass(3 * ms)
			task.Polled(woken, began, clock.pass(7*ms))
		}
		if polls += n; polls == 31 {
			woken := clock.Mono()
			began := clock.pass(5 * time.Second) // exceeds the histogram's range, and 32 bits of nanoseconds
			task.Polled(woken, began, clock.pass(10*ms))
			polls++
		}
		d, _ := c.details(task)
		h := must[*hdr.Histogram](t)(hdr.Decode(d.GetHistogram().GetRawHistogram()))
		s := must[*hdr.Histogram](t)(hdr.Decode(d.GetScheduledTimesHistogram().GetRawHistogram()))
		outliers := d.GetScheduledTimesHistogram().GetHighOutliers()
		if h.Total() != uint64(polls) || s.Total()+outliers != uint64(polls) || outliers != 0 && d.GetScheduledTimesHistogram().GetHighestOutlier() != 5e9 {
			t.Errorf("%d polls: histograms of %d polls, %d scheduled times and %d outliers", polls, h.Total(), s.Total(), outliers)
		}
	}
}

// The histograms of a task are recorded while a viewer has its details open, and start with its
// latest durations. A task without such a viewer has no histograms.
func TestHistogramsAreRecordedForDetailSubscribers(t *testing.T) {
	c, clock := newTestConsole(t, nil)
	watchConsole(t, c)
	c.watchers.Add(1)
	task := c.NewTask(TaskOptions{Name: "busy"})
	poll := func(n int, took time.Duration) {
		for range n {
			began := clock.Mono()
			task.Polled(began, began, clock.pass(took))
		}
	}
	want := func(polls uint64, longest time.Duration) {
		t.Helper()
		d, _ := c.details(task)
		h := must[*hdr.Histogram](t)(hdr.Decode(d.GetHistogram().GetRawHistogram()))
		if h.Total()+d.GetHistogram().GetHighOutliers() != polls || d.GetHistogram().GetHighestOutlier() != uint64(longest) {
			t.Errorf("%d polls, %d outliers up to %d; want %d, %v", h.Total(), d.GetHistogram().GetHighOutliers(), d.GetHistogram().GetHighestOutlier(), polls, longest)
		}
	}
	poll(100, ms)
	if task.s.pollTimes != nil {
		t.Error("histograms of a task without detail subscribers")
	}
	unsubscribe := task.subscribeDetails()
	want(16, 0) // of the latest 31 durations, which alternate between polls and scheduled times
	poll(40, ms)
	poll(1, 5*time.Second)
	want(57, 5*time.Second)
	second := task.subscribeDetails()
	want(57, 5*time.Second)
	second()
	unsubscribe()
	poll(7, ms)
	defer task.subscribeDetails()()
	want(7, 0)
}
