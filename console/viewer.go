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

// viewer is the state of one stream of updates: what has been sent so far. It is used by one
// goroutine.
type viewer struct {
	c         *Console
	metas     int // number of metadata entries sent
	tasks     sentItems[*Task, *taskspb.Stats]
	resources sentItems[*Resource, *resourcespb.Stats]
	ops       sentItems[*AsyncOp, *asyncopspb.Stats]
	pollOps   uint64
}

// sentItems records which items of one kind a viewer has been sent.
type sentItems[T item, S proto.Message] struct {
	items   map[uint64]sentItem[S]
	list    []T // reused by snapshot
	dropped uint64
	round   uint64
}

// sentItem is the state of an item as it was last sent.
type sentItem[S proto.Message] struct {
	mutated uint64
	round   uint64 // the last round in which the item was still registered
	stats   S
}

func newViewer(c *Console) *viewer {
	v := &viewer{c: c}
	c.pollOps.mu.Lock()
	v.pollOps = c.pollOps.next
	c.pollOps.mu.Unlock()
	return v
}

// timeBase converts readings of Mono to wall-clock times, for one round of updates.
type timeBase struct {
	zero time.Time
	now  int64
}

func (m timeBase) at(mono int64) *timestamppb.Timestamp {
	if mono == 0 {
		return nil
	}
	return timestamppb.New(m.zero.Add(time.Duration(mono)))
}

// updates returns the changes since the last call, as messages to be sent in order. The first call
// returns all items. Every call returns at least one message, which carries the current time.
func (v *viewer) updates() []*instrumentpb.Update {
	var m timeBase
	m.zero, m.now = v.c.epoch()
	out := newUpdateBatch(m.at(m.now))

	tasks, lost := v.tasks.snapshot(&v.c.tasks, m.now)
	out.task().DroppedEvents = lost
	resources, lost := v.resources.snapshot(&v.c.resources, m.now)
	out.resource().DroppedEvents = lost
	ops, lost := v.ops.snapshot(&v.c.ops, m.now)
	out.asyncOp().DroppedEvents = lost
	// Read the metadata after the items, so that it includes everything the items refer to.
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
		v.asyncOp(out, a, m)
	}
	v.endMissing(out, m)
	v.addPollOps(out)
	return out.updates()
}

// snapshot starts a round. It returns the items of the registry, and how many have been dropped
// since the last round.
func (k *sentItems[T, S]) snapshot(r *registry[T], now int64) (list []T, lost uint64) {
	if k.items == nil {
		k.items = map[uint64]sentItem[S]{}
	}
	clear(k.list)
	list, dropped := r.snapshot(k.list[:0], now)
	k.list, k.round = list, k.round+1
	lost, k.dropped = dropped-k.dropped, dropped
	return list, lost
}

// changed reports whether the item has changed since it was last sent, or has never been sent.
func (k *sentItems[T, S]) changed(id, mutated uint64) (changed, isNew bool) {
	was, ok := k.items[id]
	if ok && was.mutated == mutated {
		was.round = k.round
		k.items[id] = was
		return false, false
	}
	return true, !ok
}

func (k *sentItems[T, S]) markSent(id, mutated uint64, stats S) {
	k.items[id] = sentItem[S]{mutated: mutated, round: k.round, stats: stats}
}

func (v *viewer) task(out *updateBatch, t *Task, m timeBase) {
	t.mu.Lock()
	s := t.s
	t.mu.Unlock()
	changed, isNew := v.tasks.changed(t.id, s.mutated)
	if !changed {
		return
	}
	stats := s.message(m)
	v.tasks.markSent(t.id, s.mutated, stats)
	var fresh *taskspb.Task
	if isNew {
		fresh = t.message()
	}
	out.addTask(t.id, fresh, stats)
}

func (v *viewer) resource(out *updateBatch, r *Resource, m timeBase) {
	attrs, mutated := r.state()
	changed, isNew := v.resources.changed(r.id, mutated)
	if !changed {
		return
	}
	stats := &resourcespb.Stats{CreatedAt: m.at(r.created), DroppedAt: m.at(r.dropped.Load()), Attributes: r.attributes(attrs)}
	v.resources.markSent(r.id, mutated, stats)
	var fresh *resourcespb.Resource
	if isNew {
		fresh = r.message()
	}
	out.addResource(r.id, fresh, stats)
}

func (v *viewer) asyncOp(out *updateBatch, a *AsyncOp, m timeBase) {
	changed, isNew := v.ops.changed(a.id, a.mutated.Load())
	if !changed {
		return
	}
	a.mu.Lock()
	mutated, stats := a.mutated.Load(), a.stats(m)
	a.mu.Unlock()
	v.ops.markSent(a.id, mutated, stats)
	var fresh *asyncopspb.AsyncOp
	if isNew {
		fresh = a.message()
	}
	out.addAsyncOp(a.id, fresh, stats)
}

// endMissing reports the end of items that the viewer knows as live but that the registry no longer
// holds: they ended and were evicted while the viewer was paused or slow.
func (v *viewer) endMissing(out *updateBatch, m timeBase) {
	now := m.at(m.now)
	for id, was := range v.tasks.takeMissing() {
		if was.stats.DroppedAt == nil {
			was.stats.DroppedAt = now
			out.addTask(id, nil, was.stats)
		}
	}
	for id, was := range v.resources.takeMissing() {
		if was.stats.DroppedAt == nil {
			was.stats.DroppedAt = now
			out.addResource(id, nil, was.stats)
		}
	}
	for id, was := range v.ops.takeMissing() {
		if was.stats.DroppedAt == nil {
			was.stats.DroppedAt = now
			out.addAsyncOp(id, nil, was.stats)
		}
	}
}

// takeMissing yields the items that were not registered in this round, and removes them.
func (k *sentItems[T, S]) takeMissing() func(func(uint64, sentItem[S]) bool) {
	return func(yield func(uint64, sentItem[S]) bool) {
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

func (v *viewer) addPollOps(out *updateBatch) {
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
