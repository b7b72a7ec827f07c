package console

import (
	"fmt"
	"testing"
)

// BenchmarkPoll is what a poll costs, without reading the clock.
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

func BenchmarkTaskLife(b *testing.B) {
	c := New(Options{})
	site := Here(0)
	b.ReportAllocs()
	for b.Loop() {
		c.NewTask(TaskOptions{Name: "connection", Site: site}).Drop()
	}
}

// BenchmarkTick is what a viewer costs each interval.
func BenchmarkTick(b *testing.B) {
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
