package console

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mini-redis/console/wire/asyncopspb"
	"mini-redis/console/wire/commonpb"
	"mini-redis/console/wire/instrumentpb"
	"mini-redis/console/wire/resourcespb"
	"mini-redis/console/wire/taskspb"
)

// maxUpdate is the approximate size of an update, in bytes, above which the remaining items go into
// another one. Viewers reject messages larger than 4 MiB.
const maxUpdate = 1 << 20

// entrySize is the approximate overhead of an item in a message, in bytes: tags, lengths and map
// keys.
const entrySize = 32

// updateBatch splits items into updates of bounded size. A new item is in the same update as its
// stats, as viewers expect.
type updateBatch struct {
	now     *timestamppb.Timestamp
	full    []*instrumentpb.Update
	current *instrumentpb.Update
	size    int
}

func newUpdateBatch(now *timestamppb.Timestamp) *updateBatch {
	return &updateBatch{now: now, current: &instrumentpb.Update{Now: now}}
}

// reserve starts another update if n more bytes would exceed maxUpdate.
func (b *updateBatch) reserve(n int) {
	n += entrySize
	if b.size+n > maxUpdate && b.size > 0 {
		b.full = append(b.full, b.current)
		b.current, b.size = &instrumentpb.Update{Now: b.now}, 0
	}
	b.size += n
}

func (b *updateBatch) updates() []*instrumentpb.Update { return append(b.full, b.current) }

// first returns the update that is sent first.
func (b *updateBatch) first() *instrumentpb.Update {
	if len(b.full) > 0 {
		return b.full[0]
	}
	return b.current
}

func (b *updateBatch) task() *taskspb.TaskUpdate {
	if b.current.TaskUpdate == nil {
		b.current.TaskUpdate = &taskspb.TaskUpdate{StatsUpdate: map[uint64]*taskspb.Stats{}}
	}
	return b.current.TaskUpdate
}

func (b *updateBatch) resource() *resourcespb.ResourceUpdate {
	if b.current.ResourceUpdate == nil {
		b.current.ResourceUpdate = &resourcespb.ResourceUpdate{StatsUpdate: map[uint64]*resourcespb.Stats{}}
	}
	return b.current.ResourceUpdate
}

func (b *updateBatch) asyncOp() *asyncopspb.AsyncOpUpdate {
	if b.current.AsyncOpUpdate == nil {
		b.current.AsyncOpUpdate = &asyncopspb.AsyncOpUpdate{StatsUpdate: map[uint64]*asyncopspb.Stats{}}
	}
	return b.current.AsyncOpUpdate
}

func (b *updateBatch) addTask(id uint64, fresh *taskspb.Task, stats *taskspb.Stats) {
	b.reserve(proto.Size(fresh) + proto.Size(stats))
	u := b.task()
	if fresh != nil {
		u.NewTasks = append(u.NewTasks, fresh)
	}
	u.StatsUpdate[id] = stats
}

func (b *updateBatch) addResource(id uint64, fresh *resourcespb.Resource, stats *resourcespb.Stats) {
	b.reserve(proto.Size(fresh) + proto.Size(stats))
	u := b.resource()
	if fresh != nil {
		u.NewResources = append(u.NewResources, fresh)
	}
	u.StatsUpdate[id] = stats
}

func (b *updateBatch) addAsyncOp(id uint64, fresh *asyncopspb.AsyncOp, stats *asyncopspb.Stats) {
	b.reserve(proto.Size(fresh) + proto.Size(stats))
	u := b.asyncOp()
	if fresh != nil {
		u.NewAsyncOps = append(u.NewAsyncOps, fresh)
	}
	u.StatsUpdate[id] = stats
}

func (b *updateBatch) addPollOp(op *resourcespb.PollOp) {
	b.reserve(proto.Size(op))
	u := b.resource()
	u.NewPollOps = append(u.NewPollOps, op)
}

// message returns the description of the task.
func (t *Task) message() *taskspb.Task {
	fields := []Field{Uint("task.id", t.id), Text("kind", t.kind)}
	if t.name != "" {
		fields = append(fields, Text("task.name", t.name))
	}
	if t.gid != 0 {
		fields = append(fields, Int("goroutine", t.gid))
	}
	fields = append(fields, t.fields...)
	m := &taskspb.Task{
		Id: &commonpb.Id{Id: t.id}, Metadata: &commonpb.MetaId{Id: t.meta}, Kind: taskspb.Task_SPAWN, Location: t.site.message(),
	}
	if t.kind == KindBlocking {
		m.Kind = taskspb.Task_BLOCKING
	}
	for _, f := range fields {
		m.Fields = append(m.Fields, f.message(t.meta))
	}
	if t.parent != 0 {
		m.Parents = []*commonpb.SpanId{{Id: t.parent}}
	}
	return m
}

func (s *taskStats) message(m timeBase) *taskspb.Stats {
	return &taskspb.Stats{
		CreatedAt: m.at(s.created), DroppedAt: m.at(s.dropped),
		Wakes: s.wakes, SelfWakes: s.selfWakes, WakerClones: s.clones, WakerDrops: s.drops,
		LastWake: m.at(s.lastWake), ScheduledTime: duration(s.scheduled),
		PollStats: &commonpb.PollStats{
			Polls: s.polls, FirstPoll: m.at(s.first), LastPollStarted: m.at(s.started), LastPollEnded: m.at(s.ended),
			BusyTime: duration(s.busy),
		},
	}
}

func (r *Resource) message() *resourcespb.Resource {
	m := &resourcespb.Resource{
		Id: &commonpb.Id{Id: r.id}, Metadata: &commonpb.MetaId{Id: r.meta}, ConcreteType: clean(r.o.Type), IsInternal: r.o.Internal,
		Location: r.o.Site.message(), Kind: &resourcespb.Resource_Kind{Kind: &resourcespb.Resource_Kind_Other{Other: clean(r.o.Kind)}},
	}
	if r.o.Kind == "Timer" {
		m.Kind.Kind = &resourcespb.Resource_Kind_Known_{Known: resourcespb.Resource_Kind_TIMER}
	}
	if r.parent != 0 {
		m.ParentResourceId = &commonpb.Id{Id: r.parent}
	}
	return m
}

func (r *Resource) attributes(now []Field) []*commonpb.Attribute {
	if r.o.Name != "" {
		now = append([]Field{Text("name", r.o.Name)}, now...)
	}
	return attributes(now, r.meta)
}

func (a *AsyncOp) message() *asyncopspb.AsyncOp {
	return &asyncopspb.AsyncOp{
		Id: &commonpb.Id{Id: a.id}, Metadata: &commonpb.MetaId{Id: a.meta}, Source: clean(a.source), ResourceId: &commonpb.Id{Id: a.res},
	}
}

// stats returns the state of the operation. The caller holds a.mu.
func (a *AsyncOp) stats(m timeBase) *asyncopspb.Stats {
	s := &asyncopspb.Stats{
		CreatedAt: m.at(a.created), DroppedAt: m.at(a.dropped), Attributes: attributes(a.attrs, a.meta),
		PollStats: &commonpb.PollStats{
			Polls: a.polls, FirstPoll: m.at(a.created), LastPollStarted: m.at(a.last), LastPollEnded: m.at(a.last), BusyTime: duration(0),
		},
	}
	if a.task != 0 {
		s.TaskId = &commonpb.Id{Id: a.task}
	}
	return s
}
