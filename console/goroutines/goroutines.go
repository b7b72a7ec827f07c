// Package goroutines looks at a program's goroutines without any help of the
// program: at its stacks, as the runtime prints them, for what each is and why
// it waits; at an execution trace for how long it ran, was ready to run, and
// waited; and, where the runtime can tell (GOEXPERIMENT=goroutineleakprofile),
// at its search for leaked ones.
//
// [Local] looks at the program it is part of, through a flight recorder;
// [Remote] at one that serves net/http/pprof. Both cost something only while
// they are asked.
package goroutines

import (
	"sort"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mini-redis/console/wire/goroutinespb"
)

// maxSites bounds how many sites a snapshot has.
const maxSites = 500

// findings are what was found out about a program, from which snapshots are
// made.
type findings struct {
	now        time.Time
	stacks     []stack
	total      int
	times      map[uint64]Times
	window     time.Duration
	leaksKnown bool
	notes      []string
}

// Times is what goroutines did within a window.
type Times struct {
	Running, Runnable, Waiting time.Duration
	Scheduled                  uint64 // how often they began to run
	Reason                     string // of the last wait
}

func (t *Times) add(o Times) {
	t.Running += o.Running
	t.Runnable += o.Runnable
	t.Waiting += o.Waiting
	t.Scheduled += o.Scheduled
}

func (t Times) message() *goroutinespb.Times {
	return &goroutinespb.Times{
		Running: durationpb.New(t.Running), Runnable: durationpb.New(t.Runnable), Waiting: durationpb.New(t.Waiting), Scheduled: t.Scheduled,
	}
}

// snapshot tells the findings: one by one up to limit goroutines, by site
// beyond.
func (f *findings) snapshot(limit int) *goroutinespb.Snapshot {
	s := &goroutinespb.Snapshot{
		Now: timestamppb.New(f.now), Total: uint64(max(f.total, len(f.stacks))), LeaksKnown: f.leaksKnown, Note: strings.Join(f.notes, "; "),
	}
	if f.times != nil {
		s.Window = durationpb.New(f.window)
	}
	s.Sites = f.sites()
	if int(s.Total) > limit {
		s.BySite = true
		return s
	}
	for _, g := range f.stacks {
		m := &goroutinespb.Goroutine{
			Id: g.id, Name: g.name, State: g.state, BlockedFor: durationpb.New(g.blocked), CreatedBy: g.createdBy, Location: g.location,
			Parent: g.parent, Leaked: g.leaked, Stack: g.frames, Labels: g.labels,
		}
		if f.times != nil {
			m.Times = f.times[g.id].message()
		}
		s.Goroutines = append(s.Goroutines, m)
	}
	return s
}

// sites sums goroutines up by where they were started, the most numerous first.
func (f *findings) sites() []*goroutinespb.Site {
	type key struct{ name, location string }
	sums := map[key]*goroutinespb.Site{}
	times := map[key]*Times{}
	for _, g := range f.stacks {
		k := key{g.name, g.location}
		site := sums[k]
		if site == nil {
			site = &goroutinespb.Site{CreatedBy: g.createdBy, Location: g.location, Name: g.name, States: map[string]uint64{}}
			sums[k], times[k] = site, &Times{}
		}
		site.Count += g.count
		site.States[g.state] += g.count
		if g.leaked {
			site.Leaked += g.count
		}
		times[k].add(f.times[g.id])
	}
	list := make([]*goroutinespb.Site, 0, len(sums))
	for k, site := range sums {
		if f.times != nil {
			site.Times = times[k].message()
		}
		list = append(list, site)
	}
	sort.Slice(list, func(i, j int) bool {
		a, b := list[i], list[j]
		if a.Count != b.Count {
			return a.Count > b.Count
		}
		return a.Name+a.Location < b.Name+b.Location
	})
	return list[:min(len(list), maxSites)]
}
