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

// Apply applies an update. It ignores items whose metadata is unknown and statistics of unknown
// items, so that an inconsistent program is still shown as far as possible.
func (t *Target) Apply(u *instrumentpb.Update) {
	t.Updates++
	if now := timeOf(u.Now); now.After(t.Now) { // an update may arrive in parts, which have the same time
		t.Previous, t.Now = t.Now, now
	}
	for _, m := range u.GetNewMetadata().GetMetadata() {
		t.register(m)
	}
	t.applyTasks(u.GetTaskUpdate())
	t.applyResources(u.GetResourceUpdate())
	t.applyOps(u.GetAsyncOpUpdate())
	t.removeExpired()
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
		if x := t.newTask(m); x != nil && u.StatsUpdate[x.WireID] != nil {
			t.Tasks[x.WireID] = x
		}
	}
	for id, s := range u.GetStatsUpdate() {
		if x := t.Tasks[id]; x != nil {
			x.Stats = taskStats(s)
			t.CountsWakers = t.CountsWakers || x.Stats.WakerClones > 0
		}
	}
}

// Fields of a task that are shown in columns of their own.
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
	x := &Task{Target: t, WireID: m.Id.Id, ID: m.Id.Id, Location: location(m.Location), Module: meta.target}
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
		if p.GetId() != x.WireID {
			x.Parent = p.GetId()
		}
	}
	return x
}

func taskStats(s *taskspb.Stats) TaskStats {
	p := s.GetPollStats()
	return TaskStats{
		Created: timeOf(s.GetCreatedAt()), Dropped: timeOf(s.GetDroppedAt()),
		Polls: p.GetPolls(), Wakes: s.GetWakes(), SelfWakes: s.GetSelfWakes(), WakerClones: s.GetWakerClones(), WakerDrops: s.GetWakerDrops(),
		LastWake: timeOf(s.GetLastWake()), First: timeOf(p.GetFirstPoll()), Started: timeOf(p.GetLastPollStarted()), Ended: timeOf(p.GetLastPollEnded()),
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
			Target: t, WireID: m.Id.Id, ID: t.resourceIDs.get(m.Id.Id), Kind: kind, Type: m.GetConcreteType(), Module: meta.target, Location: location(m.Location),
			Internal: m.GetIsInternal(), Parent: m.GetParentResourceId().GetId(),
		}
	}
	for id, s := range u.GetStatsUpdate() {
		if x := t.Resources[id]; x != nil {
			x.Created, x.Dropped, x.Attributes = timeOf(s.GetCreatedAt()), timeOf(s.GetDroppedAt()), t.attributes(s.GetAttributes())
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
			Target: t, WireID: m.Id.Id, ID: t.opIDs.get(m.Id.Id), Source: m.GetSource(), Resource: m.GetResourceId().GetId(), Parent: m.GetParentAsyncOpId().GetId(),
		}
	}
	for id, s := range u.GetStatsUpdate() {
		x := t.Ops[id]
		if x == nil {
			continue
		}
		p := s.GetPollStats()
		x.Created, x.Dropped, x.Task = timeOf(s.GetCreatedAt()), timeOf(s.GetDroppedAt()), s.GetTaskId().GetId()
		x.Polls, x.BusyTotal = p.GetPolls(), p.GetBusyTime().AsDuration()
		x.Started, x.Ended = timeOf(p.GetLastPollStarted()), timeOf(p.GetLastPollEnded())
		x.Attributes = t.attributes(s.GetAttributes())
	}
}

// ApplyDetails applies a task's histograms.
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

// fieldGoroutine is the field of a task that contains its goroutine ID.
const fieldGoroutine = "goroutine"

// ApplyGoroutines applies a snapshot of the goroutines. A goroutine whose task is not given is
// matched by the goroutine field of the tasks, then by its pprof label.
func (t *Target) ApplyGoroutines(s *goroutinespb.Snapshot) {
	tasks := map[string]uint64{}
	for _, x := range t.Tasks {
		for _, f := range x.Fields {
			if f.Name == fieldGoroutine {
				tasks[f.Value] = x.WireID
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

// removeExpired removes the items that ended at least RetainFor ago.
func (t *Target) removeExpired() {
	if *t.retain < 0 {
		return
	}
	expired := func(end time.Time) bool { return !end.IsZero() && t.Now.Sub(end) >= *t.retain }
	for id, x := range t.Tasks {
		if expired(x.Stats.Dropped) {
			delete(t.Tasks, id)
			delete(t.Details, id)
		}
	}
	for id, x := range t.Resources {
		if expired(x.Dropped) {
			delete(t.Resources, id)
			delete(t.resourceIDs.of, id)
		}
	}
	for id, x := range t.Ops {
		if expired(x.Dropped) {
			delete(t.Ops, id)
			delete(t.opIDs.of, id)
		}
	}
}

func timeOf(ts *timestamppb.Timestamp) time.Time {
	if ts == nil {
		return time.Time{}
	}
	return ts.AsTime()
}

// fields converts wire fields. A field's name is given directly or as an index into the metadata's
// names. Fields without a name or value are omitted.
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
			x.Number, _ = strconv.ParseUint(v.StrVal, 10, 64) // some programs send numbers as strings
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

// cargoPath matches the part of a path up to and including cargo's directory of sources.
var cargoPath = regexp.MustCompile(`.*[/\\]\.cargo[/\\](registry[/\\]src[/\\][^/\\]*[/\\]|git[/\\]checkouts[/\\])`)

// location formats a source location as path:line:column, or module:line:column.
func location(l *commonpb.Location) string {
	s := l.GetModulePath()
	if s == "" {
		s = cargoPath.ReplaceAllString(l.GetFile(), "<cargo>/")
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
