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

// maxUpdate is about how large an update may become, in bytes, before the rest
// goes into another one. Viewers refuse messages of 4 MiB.
const maxUpdate = 1 << 20

// entrySize is what surrounds an item in a message: tags, lengths, map keys.
const entrySize = 32

// parcel packs items into updates of bounded size. A new item is in the same
// update as its stats, which is what viewers expect.
type parcel struct {
	now     *timestamppb.Timestamp
	done    []*instrumentpb.Update
	current *instrumentpb.Update
	size    int
}

func newParcel(now *timestamppb.Timestamp) *parcel {
	return &parcel{now: now, current: &instrumentpb.Update{Now: now}}
}

// room starts another update when n more bytes are too many for this one.
func (p *parcel) room(n int) {
	n += entrySize
	if p.size+n > maxUpdate && p.size > 0 {
		p.done = append(p.done, p.current)
		p.current, p.size = &instrumentpb.Update{Now: p.now}, 0
	}
	p.size += n
}

func (p *parcel) finished() []*instrumentpb.Update { return append(p.done, p.current) }

// first is the update that is sent first.
func (p *parcel) first() *instrumentpb.Update {
	if len(p.done) > 0 {
		return p.done[0]
	}
	return p.current
}

func (p *parcel) task() *taskspb.TaskUpdate {
	if p.current.TaskUpdate == nil {
		p.current.TaskUpdate = &taskspb.TaskUpdate{StatsUpdate: map[uint64]*taskspb.Stats{}}
	}
	return p.current.TaskUpdate
}

func (p *parcel) resource() *resourcespb.ResourceUpdate {
	if p.current.ResourceUpdate == nil {
		p.current.ResourceUpdate = &resourcespb.ResourceUpdate{StatsUpdate: map[uint64]*resourcespb.Stats{}}
	}
	return p.current.ResourceUpdate
}

func (p *parcel) asyncOp() *asyncopspb.AsyncOpUpdate {
	if p.current.AsyncOpUpdate == nil {
		p.current.AsyncOpUpdate = &asyncopspb.AsyncOpUpdate{StatsUpdate: map[uint64]*asyncopspb.Stats{}}
	}
	return p.current.AsyncOpUpdate
}

func (p *parcel) addTask(id uint64, fresh *taskspb.Task, stats *taskspb.Stats) {
	p.room(proto.Size(fresh) + proto.Size(stats))
	u := p.task()
	if fresh != nil {
		u.NewTasks = append(u.NewTasks, fresh)
	}
	u.StatsUpdate[id] = stats
}

func (p *parcel) addResource(id uint64, fresh *resourcespb.Resource, stats *resourcespb.Stats) {
	p.room(proto.Size(fresh) + proto.Size(stats))
	u := p.resource()
	if fresh != nil {
		u.NewResources = append(u.NewResources, fresh)
	}
	u.StatsUpdate[id] = stats
}

func (p *parcel) addAsyncOp(id uint64, fresh *asyncopspb.AsyncOp, stats *asyncopspb.Stats) {
	p.room(proto.Size(fresh) + proto.Size(stats))
	u := p.asyncOp()
	if fresh != nil {
		u.NewAsyncOps = append(u.NewAsyncOps, fresh)
	}
	u.StatsUpdate[id] = stats
}

func (p *parcel) addPollOp(op *resourcespb.PollOp) {
	p.room(proto.Size(op))
	u := p.resource()
	u.NewPollOps = append(u.NewPollOps, op)
}

// message describes the task.
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

func (s *taskStats) message(m moment) *taskspb.Stats {
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

// stats is called with the operation's lock held.
func (a *AsyncOp) stats(m moment) *asyncopspb.Stats {
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
