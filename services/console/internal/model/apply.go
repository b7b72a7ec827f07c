package model

import (
	"fmt"
	"regexp"
	"sort"
	"strconv"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"mini-redis/console"
	"mini-redis/console/hdr"
	"mini-redis/console/wire/asyncopspb"
	"mini-redis/console/wire/commonpb"
	"mini-redis/console/wire/goroutinespb"
	"mini-redis/console/wire/instrumentpb"
	"mini-redis/console/wire/resourcespb"
	"mini-redis/console/wire/taskspb"
)

// Apply takes an update in. What it says of items that were never announced, or
// of metadata that was not, is left out: a program may be wrong, the console
// shows what it can.
func (t *Target) Apply(u *instrumentpb.Update) {
	t.Updates++
	if now := at(u.Now); now.After(t.Now) { // the parts of one update have one time
		t.Before, t.Now = t.Now, now
	}
	for _, m := range u.GetNewMetadata().GetMetadata() {
		t.register(m)
	}
	t.applyTasks(u.GetTaskUpdate())
	t.applyResources(u.GetResourceUpdate())
	t.applyOps(u.GetAsyncOpUpdate())
	t.forget()
}

func (t *Target) register(m *commonpb.RegisterMetadata_NewMetadata) {
	t.metas[m.GetId().GetId()] = newMeta(m.GetMetadata())
}

func newMeta(d *commonpb.Metadata) *meta {
	return &meta{
		name: d.GetName(), target: d.GetTarget(), fields: d.GetFieldNames(), event: d.GetKind() == commonpb.Metadata_EVENT,
		level: d.GetLevel(), location: location(d.GetLocation()),
	}
}

func (t *Target) applyTasks(u *taskspb.TaskUpdate) {
	t.Dropped.Tasks += u.GetDroppedEvents()
	for _, m := range u.GetNewTasks() {
		if x := t.newTask(m); x != nil && u.StatsUpdate[x.Wire] != nil {
			t.Tasks[x.Wire] = x
		}
	}
	for id, s := range u.GetStatsUpdate() {
		if x := t.Tasks[id]; x != nil {
			x.Stats = taskStats(s)
			t.CountsWakers = t.CountsWakers || x.Stats.WakerClones > 0
		}
	}
}

// Fields that a task has a column of its own for.
const (
	fieldTaskName = "task.name"
	fieldTaskID   = "task.id"
	fieldKind     = "kind"
)

func (t *Target) newTask(m *taskspb.Task) *Task {
	meta := t.metas[m.GetMetadata().GetId()]
	if m.GetId() == nil || meta == nil {
		return nil
	}
	x := &Task{Target: t, Wire: m.Id.Id, ID: m.Id.Id, Location: location(m.Location), Module: meta.target}
	for _, f := range fields(m.Fields, meta) {
		switch f.Name {
		case fieldTaskName:
			x.Name = f.Value
		case fieldKind:
			x.Kind = f.Value
		case fieldTaskID:
			x.ID = f.Number
		default:
			x.Fields = append(x.Fields, f)
		}
	}
	sort.SliceStable(x.Fields, func(i, j int) bool { return x.Fields[i].Name < x.Fields[j].Name })
	for _, p := range m.Parents {
		if p.GetId() != x.Wire {
			x.Parent = p.GetId()
		}
	}
	return x
}

func taskStats(s *taskspb.Stats) TaskStats {
	p := s.GetPollStats()
	return TaskStats{
		Created: at(s.GetCreatedAt()), Dropped: at(s.GetDroppedAt()),
		Polls: p.GetPolls(), Wakes: s.GetWakes(), SelfWakes: s.GetSelfWakes(), WakerClones: s.GetWakerClones(), WakerDrops: s.GetWakerDrops(),
		LastWake: at(s.GetLastWake()), First: at(p.GetFirstPoll()), Started: at(p.GetLastPollStarted()), Ended: at(p.GetLastPollEnded()),
		BusyTotal: p.GetBusyTime().AsDuration(), ScheduledTime: s.GetScheduledTime().AsDuration(),
	}
}

func (t *Target) applyResources(u *resourcespb.ResourceUpdate) {
	t.Dropped.Resources += u.GetDroppedEvents()
	for _, m := range u.GetNewResources() {
		meta := t.metas[m.GetMetadata().GetId()]
		if m.GetId() == nil || meta == nil || u.StatsUpdate[m.Id.Id] == nil {
			continue
		}
		kind := m.GetKind().GetOther()
		if _, known := m.GetKind().GetKind().(*resourcespb.Resource_Kind_Known_); known {
			kind = "Timer"
		}
		t.Resources[m.Id.Id] = &Resource{
			Target: t, Wire: m.Id.Id, ID: t.resourceIDs.get(m.Id.Id), Kind: kind, Type: m.GetConcreteType(), Module: meta.target, Location: location(m.Location),
			Internal: m.GetIsInternal(), Parent: m.GetParentResourceId().GetId(),
		}
	}
	for id, s := range u.GetStatsUpdate() {
		if x := t.Resources[id]; x != nil {
			x.Created, x.Dropped, x.Attributes = at(s.GetCreatedAt()), at(s.GetDroppedAt()), t.attributes(s.GetAttributes())
		}
	}
}

func (t *Target) applyOps(u *asyncopspb.AsyncOpUpdate) {
	t.Dropped.AsyncOps += u.GetDroppedEvents()
	for _, m := range u.GetNewAsyncOps() {
		if m.GetId() == nil || u.StatsUpdate[m.Id.Id] == nil {
			continue
		}
		t.Ops[m.Id.Id] = &Op{
			Target: t, Wire: m.Id.Id, ID: t.opIDs.get(m.Id.Id), Source: m.GetSource(), Resource: m.GetResourceId().GetId(), Parent: m.GetParentAsyncOpId().GetId(),
		}
	}
	for id, s := range u.GetStatsUpdate() {
		x := t.Ops[id]
		if x == nil {
			continue
		}
		p := s.GetPollStats()
		x.Created, x.Dropped, x.Task = at(s.GetCreatedAt()), at(s.GetDroppedAt()), s.GetTaskId().GetId()
		x.Polls, x.BusyTotal = p.GetPolls(), p.GetBusyTime().AsDuration()
		x.Started, x.Ended = at(p.GetLastPollStarted()), at(p.GetLastPollEnded())
		x.Attributes = t.attributes(s.GetAttributes())
	}
}

// ApplyDetails takes a task's histograms in.
func (t *Target) ApplyDetails(d *taskspb.TaskDetails) {
	raw := d.GetLegacyHistogram()
	if h := d.GetHistogram(); h != nil {
		raw = h.GetRawHistogram()
	}
	t.Details[d.GetTaskId().GetId()] = &Details{
		Polls:     histogram(raw, d.GetHistogram()),
		Scheduled: histogram(d.GetScheduledTimesHistogram().GetRawHistogram(), d.GetScheduledTimesHistogram()),
	}
}

func histogram(raw []byte, m *taskspb.DurationHistogram) *hdr.Histogram {
	h, err := hdr.Decode(raw)
	if err != nil {
		return nil
	}
	h.Outliers, h.Outlier = m.GetHighOutliers(), m.GetHighestOutlier()
	return h
}

// fieldGoroutine is the field of a task that is a goroutine.
const fieldGoroutine = "goroutine"

// ApplyGoroutines takes a look at the goroutines in. Profiles do not tell tasks,
// but a task may tell its goroutine.
func (t *Target) ApplyGoroutines(s *goroutinespb.Snapshot) {
	tasks := map[string]uint64{}
	for _, x := range t.Tasks {
		for _, f := range x.Fields {
			if f.Name == fieldGoroutine {
				tasks[f.Value] = x.Wire
			}
		}
	}
	for _, g := range s.GetGoroutines() {
		if g.Task == 0 {
			g.Task = tasks[fmt.Sprint(g.Id)]
		}
		if g.Task == 0 {
			g.Task, _ = strconv.ParseUint(g.Labels[console.TaskLabel], 10, 64)
		}
	}
	t.Goroutines = s
}

// forget lets go of what ended long enough ago.
func (t *Target) forget() {
	if *t.retain < 0 {
		return
	}
	over := func(end time.Time) bool { return !end.IsZero() && t.Now.Sub(end) >= *t.retain }
	for id, x := range t.Tasks {
		if over(x.Stats.Dropped) {
			delete(t.Tasks, id)
			delete(t.Details, id)
		}
	}
	for id, x := range t.Resources {
		if over(x.Dropped) {
			delete(t.Resources, id)
			delete(t.resourceIDs.of, id)
		}
	}
	for id, x := range t.Ops {
		if over(x.Dropped) {
			delete(t.Ops, id)
			delete(t.opIDs.of, id)
		}
	}
}

func at(ts *timestamppb.Timestamp) time.Time {
	if ts == nil {
		return time.Time{}
	}
	return ts.AsTime()
}

// fields reads fields, whose names are given or are those of the metadata. Empty
// ones are left out.
func fields(list []*commonpb.Field, m *meta) []Field {
	var out []Field
	for _, f := range list {
		name := f.GetStrName()
		if idx, ok := f.GetName().(*commonpb.Field_NameIdx); ok && m != nil && idx.NameIdx < uint64(len(m.fields)) {
			name = m.fields[idx.NameIdx]
		}
		x := Field{Name: name}
		switch v := f.GetValue().(type) {
		case *commonpb.Field_DebugVal:
			x.Value = v.DebugVal
		case *commonpb.Field_StrVal:
			x.Value = v.StrVal
			x.Number, _ = strconv.ParseUint(v.StrVal, 10, 64) // some programs write numbers as texts
		case *commonpb.Field_U64Val:
			x.Value, x.Number = fmt.Sprint(v.U64Val), v.U64Val
		case *commonpb.Field_I64Val:
			x.Value = fmt.Sprint(v.I64Val)
		case *commonpb.Field_BoolVal:
			x.Value = fmt.Sprint(v.BoolVal)
		}
		if name != "" && x.Value != "" {
			out = append(out, x)
		}
	}
	return out
}

func (t *Target) attributes(list []*commonpb.Attribute) []Field {
	var out []Field
	for _, a := range list {
		for _, f := range fields([]*commonpb.Field{a.GetField()}, t.metas[a.GetField().GetMetadataId().GetId()]) {
			f.Unit = a.GetUnit()
			out = append(out, f)
		}
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

var registry = regexp.MustCompile(`.*[/\\]\.cargo[/\\](registry[/\\]src[/\\][^/\\]*[/\\]|git[/\\]checkouts[/\\])`)

// location is how a place in the source is written.
func location(l *commonpb.Location) string {
	s := l.GetModulePath()
	if s == "" {
		s = registry.ReplaceAllString(l.GetFile(), "<cargo>/")
	}
	if s == "" {
		return ""
	}
	if l.Line != nil {
		s += fmt.Sprintf(":%d", *l.Line)
		if l.Column != nil {
			s += fmt.Sprintf(":%d", *l.Column)
		}
	}
	return s
}
