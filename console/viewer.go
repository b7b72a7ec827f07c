package console

import (
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mini-redis/console/wire/asyncopspb"
	"mini-redis/console/wire/commonpb"
	"mini-redis/console/wire/instrumentpb"
	"mini-redis/console/wire/resourcespb"
	"mini-redis/console/wire/taskspb"
)

// viewer is what one stream of updates has been told. One goroutine uses it.
type viewer struct {
	c         *Console
	metas     int // how much metadata
	tasks     known[*Task, *taskspb.Stats]
	resources known[*Resource, *resourcespb.Stats]
	ops       known[*AsyncOp, *asyncopspb.Stats]
	pollOps   uint64
}

// known is what a viewer knows of the items of one kind.
type known[T item, S proto.Message] struct {
	items   map[uint64]told[S]
	list    []T // scratch
	dropped uint64
	round   uint64
}

// told is the last the viewer heard of an item.
type told[S proto.Message] struct {
	mutated uint64
	round   uint64 // of updates in which the item was still known
	stats   S
}

func newViewer(c *Console) *viewer {
	v := &viewer{c: c}
	c.pollOps.mu.Lock()
	v.pollOps = c.pollOps.next
	c.pollOps.mu.Unlock()
	return v
}

// moment turns readings of Mono into times of day, for one update.
type moment struct {
	zero time.Time
	now  int64
}

func (m moment) at(mono int64) *timestamppb.Timestamp {
	if mono == 0 {
		return nil
	}
	return timestamppb.New(m.zero.Add(time.Duration(mono)))
}

// updates returns what has changed since the last call as messages to be sent
// one after the other: on the first call everything, later at least one that
// says what time it is.
func (v *viewer) updates() []*instrumentpb.Update {
	var m moment
	m.zero, m.now = v.c.epoch()
	out := newParcel(m.at(m.now))

	tasks, lost := v.tasks.begin(&v.c.tasks, m.now)
	out.task().DroppedEvents = lost
	resources, lost := v.resources.begin(&v.c.resources, m.now)
	out.resource().DroppedEvents = lost
	ops, lost := v.ops.begin(&v.c.ops, m.now)
	out.asyncOp().DroppedEvents = lost
	// After the items: whatever they refer to is in it.
	metas := v.c.metas.since(v.metas)
	v.metas += len(metas)
	out.current.NewMetadata = &commonpb.RegisterMetadata{Metadata: metas}

	for _, t := range tasks {
		v.task(out, t, m)
	}
	for _, r := range resources {
		v.resource(out, r, m)
	}
	for _, a := range ops {
		v.op(out, a, m)
	}
	v.gone(out, m)
	v.polled(out)
	return out.finished()
}

// begin takes stock of a registry.
func (k *known[T, S]) begin(r *registry[T], now int64) (list []T, lost uint64) {
	if k.items == nil {
		k.items = map[uint64]told[S]{}
	}
	clear(k.list)
	list, dropped := r.snapshot(k.list[:0], now)
	k.list, k.round = list, k.round+1
	lost, k.dropped = dropped-k.dropped, dropped
	return list, lost
}

// changed reports whether the viewer does not know the item, or not as it is.
func (k *known[T, S]) changed(id, mutated uint64) (changed, isNew bool) {
	was, ok := k.items[id]
	if ok && was.mutated == mutated {
		was.round = k.round
		k.items[id] = was
		return false, false
	}
	return true, !ok
}

func (k *known[T, S]) tell(id, mutated uint64, stats S) {
	k.items[id] = told[S]{mutated: mutated, round: k.round, stats: stats}
}

func (v *viewer) task(out *parcel, t *Task, m moment) {
	t.mu.Lock()
	s := t.s
	t.mu.Unlock()
	changed, isNew := v.tasks.changed(t.id, s.mutated)
	if !changed {
		return
	}
	stats := s.message(m)
	v.tasks.tell(t.id, s.mutated, stats)
	var fresh *taskspb.Task
	if isNew {
		fresh = t.message()
	}
	out.addTask(t.id, fresh, stats)
}

func (v *viewer) resource(out *parcel, r *Resource, m moment) {
	attrs, mutated := r.state()
	changed, isNew := v.resources.changed(r.id, mutated)
	if !changed {
		return
	}
	stats := &resourcespb.Stats{CreatedAt: m.at(r.created), DroppedAt: m.at(r.dropped.Load()), Attributes: r.attributes(attrs)}
	v.resources.tell(r.id, mutated, stats)
	var fresh *resourcespb.Resource
	if isNew {
		fresh = r.message()
	}
	out.addResource(r.id, fresh, stats)
}

func (v *viewer) op(out *parcel, a *AsyncOp, m moment) {
	changed, isNew := v.ops.changed(a.id, a.mutated.Load())
	if !changed {
		return
	}
	a.mu.Lock()
	mutated, stats := a.mutated.Load(), a.stats(m)
	a.mu.Unlock()
	v.ops.tell(a.id, mutated, stats)
	var fresh *asyncopspb.AsyncOp
	if isNew {
		fresh = a.message()
	}
	out.addAsyncOp(a.id, fresh, stats)
}

// gone ends what the viewer knows as alive and the program no longer knows at
// all: it ended, and was forgotten while the viewer was paused or slow.
func (v *viewer) gone(out *parcel, m moment) {
	now := m.at(m.now)
	for id, was := range v.tasks.left() {
		if was.stats.DroppedAt == nil {
			was.stats.DroppedAt = now
			out.addTask(id, nil, was.stats)
		}
	}
	for id, was := range v.resources.left() {
		if was.stats.DroppedAt == nil {
			was.stats.DroppedAt = now
			out.addResource(id, nil, was.stats)
		}
	}
	for id, was := range v.ops.left() {
		if was.stats.DroppedAt == nil {
			was.stats.DroppedAt = now
			out.addAsyncOp(id, nil, was.stats)
		}
	}
}

// left yields, and forgets, the items that this round has not met.
func (k *known[T, S]) left() func(func(uint64, told[S]) bool) {
	return func(yield func(uint64, told[S]) bool) {
		if len(k.items) == len(k.list) {
			return
		}
		for id, was := range k.items {
			if was.round == k.round {
				continue
			}
			delete(k.items, id)
			if !yield(id, was) {
				return
			}
		}
	}
}

func (v *viewer) polled(out *parcel) {
	list, next, missed := v.c.pollOps.since(v.pollOps)
	v.pollOps = next
	out.first().ResourceUpdate.DroppedEvents += missed
	for _, p := range list {
		op := &resourcespb.PollOp{
			Metadata: &commonpb.MetaId{Id: p.meta}, ResourceId: &commonpb.Id{Id: p.resource}, Name: clean(p.name), IsReady: p.ready,
		}
		if p.task != 0 {
			op.TaskId = &commonpb.Id{Id: p.task}
		}
		if p.op != 0 {
			op.AsyncOpId = &commonpb.Id{Id: p.op}
		}
		out.addPollOp(op)
	}
}

func duration(ns int64) *durationpb.Duration { return durationpb.New(time.Duration(max(ns, 0))) }
