// Package goroutines describes a program's goroutines without changes to the program. The stack
// traces that the runtime prints state what each goroutine is and why it waits. An execution trace
// states how long each goroutine ran, was ready to run, and waited. If the runtime was built with
// GOEXPERIMENT=goroutineleakprofile, its leak profile states which goroutines are leaked.
//
// [Local] describes the goroutines of the current program, with a flight recorder; [Remote] those
// of a program that serves net/http/pprof. Both have a cost only while snapshots are requested.
package goroutines

import (
	"sort"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mini-redis/console/wire/goroutinespb"
)

// maxSites is the maximum number of sites in a snapshot.
const maxSites = 500

// rawSnapshot is the information about a program from which a snapshot is made.
type rawSnapshot struct {
	now        time.Time
	stacks     []stack
	total      int
	times      map[uint64]Times
	window     time.Duration
	leaksKnown bool
	notes      []string
}

// Times is what a goroutine did within a window. With several goroutines it is their sum.
type Times struct {
	Running, Runnable, Waiting time.Duration
	Scheduled                  uint64 // how often it began to run
	Reason                     string // of its last wait, as the runtime names it
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

// snapshot describes each goroutine if there are at most limit, and only sites otherwise.
func (f *rawSnapshot) snapshot(limit int) *goroutinespb.Snapshot {
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

// sites sums the goroutines up by the place where they were started, in descending order of their
// number.
func (f *rawSnapshot) sites() []*goroutinespb.Site {
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
