package console

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// BenchmarkPoll measures the cost of recording a poll, without reading the clock.
func BenchmarkPoll(b *testing.B) {
	run := func(name string, task *Task) {
		b.Run(name, func(b *testing.B) {
			for at := int64(1); b.Loop(); at += 1000 {
				task.Polled(at, at+10, at+500)
			}
		})
	}
	run("off", nil)
	c := New(Options{})
	run("unwatched", c.NewTask(TaskOptions{}))
	c.watchers.Add(1)
	run("watched", c.NewTask(TaskOptions{}))
}

// BenchmarkPollsOfManyTasks measures the cost of polls of 50 busy connections. The times are
// random, so that the branch predictor does not learn them.
func BenchmarkPollsOfManyTasks(b *testing.B) {
	times := make([]int64, 1<<14)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range times {
		times[i] = int64(300 * math.Exp(5*r.Float64()))
	}
	for _, watched := range []bool{false, true} {
		b.Run(map[bool]string{false: "unwatched", true: "watched"}[watched], func(b *testing.B) {
			c := New(Options{})
			if watched {
				c.watchers.Add(1)
			}
			tasks := make([]*Task, 50)
			for i := range tasks {
				tasks[i] = c.NewTask(TaskOptions{})
			}
			at := int64(1)
			for i := 0; b.Loop(); i++ {
				t := times[i&(1<<14-1)]
				at += t
				tasks[i%50].Polled(at-t, at, at+times[(i+7)&(1<<14-1)])
			}
		})
	}
}

func BenchmarkTaskLife(b *testing.B) {
	c := New(Options{})
	site := CallSite(0)
	b.ReportAllocs()
	for b.Loop() {
		c.NewTask(TaskOptions{Name: "connection", Site: site}).Drop()
	}
}

// BenchmarkUpdates measures the cost of a viewer per interval.
func BenchmarkUpdates(b *testing.B) {
	for _, busy := range []int{0, 100, 10_000} {
		b.Run(fmt.Sprintf("10000 tasks, %d changed", busy), func(b *testing.B) {
			c := New(Options{})
			tasks := make([]*Task, 10_000)
			for i := range tasks {
				tasks[i] = c.NewTask(TaskOptions{Name: "connection"})
			}
			v := newViewer(c)
			v.updates()
			for b.Loop() {
				for _, t := range tasks[:busy] {
					t.Wake(1)
				}
				v.updates()
			}
		})
	}
}
