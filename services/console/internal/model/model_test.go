package model

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mini-redis/console/hdr"
	"mini-redis/console/wire/asyncopspb"
	"mini-redis/console/wire/commonpb"
	"mini-redis/console/wire/eventspb"
	"mini-redis/console/wire/goroutinespb"
	"mini-redis/console/wire/instrumentpb"
	"mini-redis/console/wire/resourcespb"
	"mini-redis/console/wire/taskspb"
	"mini-redis/console/wire/tracepb"
)

const ms = time.Millisecond

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func ts(after time.Duration) *timestamppb.Timestamp { return timestamppb.New(noon.Add(after)) }

func id(n uint64) *commonpb.Id { return &commonpb.Id{Id: n} }

// update returns an update that contains metadata 1, whose first field name is color, and a task.
func update(now time.Duration, stats *taskspb.Stats) *instrumentpb.Update {
	return &instrumentpb.Update{
		Now: ts(now),
		NewMetadata: &commonpb.RegisterMetadata{Metadata: []*commonpb.RegisterMetadata_NewMetadata{{
			Id: &commonpb.MetaId{Id: 1}, Metadata: &commonpb.Metadata{Target: "tokio::task", FieldNames: []string{"color"}},
		}}},
		TaskUpdate: &taskspb.TaskUpdate{
			NewTasks: []*taskspb.Task{{Id: id(9), Metadata: &commonpb.MetaId{Id: 1}, Fields: []*commonpb.Field{
				{Name: &commonpb.Field_StrName{StrName: "task.name"}, Value: &commonpb.Field_DebugVal{DebugVal: "x"}},
				{Name: &commonpb.Field_StrName{StrName: "task.id"}, Value: &commonpb.Field_U64Val{U64Val: 77}},
				{Name: &commonpb.Field_NameIdx{NameIdx: 0}, MetadataId: &commonpb.MetaId{Id: 1}, Value: &commonpb.Field_StrVal{StrVal: "blue"}},
				{Name: &commonpb.Field_NameIdx{NameIdx: 5}, Value: &commonpb.Field_StrVal{StrVal: "no such name"}},
				{Name: &commonpb.Field_StrName{StrName: "empty"}, Value: &commonpb.Field_StrVal{}},
			}, Location: &commonpb.Location{File: proto.String("/home/x/.cargo/registry/src/index-1/tokio-1.0/src/lib.rs"), Line: proto.Uint32(7), Column: proto.Uint32(3)}}},
			StatsUpdate: map[uint64]*taskspb.Stats{9: stats},
		},
	}
}

func target(retain time.Duration) *Target {
	return (&Store{RetainFor: retain}).Add("t")
}

func TestTaskFields(t *testing.T) {
	x := target(-1)
	x.Apply(update(0, &taskspb.Stats{CreatedAt: ts(0), PollStats: &commonpb.PollStats{}}))
	got := x.Tasks[9]
	if got.ID != 77 || got.Name != "x" || got.Module != "tokio::task" || len(got.Fields) != 1 || got.Fields[0].Name != "color" || got.Fields[0].Value != "blue" {
		t.Errorf("unexpected task: %+v", got)
	}
	if got.Location != "<cargo>/tokio-1.0/src/lib.rs:7:3" {
		t.Errorf("location %q", got.Location)
	}
}

func TestTaskStatesAndTimes(t *testing.T) {
	f := func(name string, s *taskspb.Stats, state State, total, busy, waited, idle time.Duration) {
		t.Helper()
		s.CreatedAt = ts(0)
		x := target(-1)
		x.Apply(update(1000*ms, s))
		got := x.Tasks[9]
		if got.State() != state || got.Total() != total || got.Busy() != busy || got.ScheduledTime() != waited || got.IdleTime() != idle {
			t.Errorf("%s: %v, total %v, busy %v, waited %v, idle %v", name, got.State(), got.Total(), got.Busy(), got.ScheduledTime(), got.IdleTime())
		}
	}
	poll := func(started, ended *timestamppb.Timestamp, busy time.Duration) *commonpb.PollStats {
		return &commonpb.PollStats{Polls: 1, LastPollStarted: started, LastPollEnded: ended, BusyTime: durationpb.New(busy)}
	}
	f("new", &taskspb.Stats{PollStats: &commonpb.PollStats{}}, Idle, 1000*ms, 0, 0, 1000*ms)
	f("running", &taskspb.Stats{PollStats: poll(ts(900*ms), nil, 0)}, Running, 1000*ms, 100*ms, 0, 900*ms)
	f("running again", &taskspb.Stats{PollStats: poll(ts(900*ms), ts(500*ms), 50*ms), ScheduledTime: durationpb.New(10 * ms)}, Running, 1000*ms, 150*ms, 10*ms, 840*ms)
	f("idle", &taskspb.Stats{PollStats: poll(ts(100*ms), ts(300*ms), 200*ms)}, Idle, 1000*ms, 200*ms, 0, 800*ms)
	f("woken", &taskspb.Stats{LastWake: ts(600 * ms), PollStats: poll(ts(100*ms), ts(300*ms), 200*ms)}, Scheduled, 1000*ms, 200*ms, 400*ms, 400*ms)
	f("woken during its poll", &taskspb.Stats{LastWake: ts(200 * ms), PollStats: poll(ts(100*ms), ts(300*ms), 200*ms)}, Scheduled, 1000*ms, 200*ms, 700*ms, 100*ms)
	f("ended", &taskspb.Stats{DroppedAt: ts(500 * ms), PollStats: poll(ts(100*ms), ts(300*ms), 200*ms)}, Done, 500*ms, 200*ms, 0, 300*ms)
	f("inconsistent clocks", &taskspb.Stats{DroppedAt: ts(-500 * ms), PollStats: poll(ts(5000*ms), ts(300*ms), 200*ms)}, Done, 0, 200*ms, 0, 0)
}

func TestEndedTaskIsRemovedAfterRetention(t *testing.T) {
	x := target(6 * time.Second)
	x.Apply(update(1000*ms, &taskspb.Stats{CreatedAt: ts(0), DroppedAt: ts(500 * ms), PollStats: &commonpb.PollStats{}}))
	x.Apply(&instrumentpb.Update{Now: ts(6499 * ms)})
	if len(x.Tasks) != 1 || x.Previous != noon.Add(1000*ms) {
		t.Errorf("before the retention has passed: %d tasks, previous update at %v", len(x.Tasks), x.Previous)
	}
	x.Apply(&instrumentpb.Update{Now: ts(6500 * ms)})
	if len(x.Tasks) != 0 {
		t.Error("the task is still present when the retention has passed")
	}
}

func TestResourceAndOperationNumbers(t *testing.T) {
	x := target(time.Second)
	meta := &commonpb.MetaId{Id: 1}
	u := update(0, &taskspb.Stats{CreatedAt: ts(0), PollStats: &commonpb.PollStats{}})
	u.ResourceUpdate = &resourcespb.ResourceUpdate{
		NewResources: []*resourcespb.Resource{
			{Id: id(1 << 40), Metadata: meta, ConcreteType: "Sleep", Kind: &resourcespb.Resource_Kind{Kind: &resourcespb.Resource_Kind_Known_{}}},
			{Id: id(1 << 50), Metadata: meta, Kind: &resourcespb.Resource_Kind{Kind: &resourcespb.Resource_Kind_Other{Other: "Sync"}}, ParentResourceId: id(1 << 40)},
			{Id: id(3), Metadata: meta}, // without stats
		},
		StatsUpdate: map[uint64]*resourcespb.Stats{
			1 << 40: {CreatedAt: ts(0), Attributes: []*commonpb.Attribute{{
				Field: &commonpb.Field{Name: &commonpb.Field_NameIdx{}, MetadataId: meta, Value: &commonpb.Field_I64Val{I64Val: -5}}, Unit: proto.String("ms"),
			}}},
			1 << 50: {CreatedAt: ts(0), DroppedAt: ts(0)},
			99:      {},
		},
		DroppedEvents: 4,
	}
	u.AsyncOpUpdate = &asyncopspb.AsyncOpUpdate{
		NewAsyncOps: []*asyncopspb.AsyncOp{{Id: id(1 << 60), Source: "Sleep::poll", ResourceId: id(1 << 40)}},
		StatsUpdate: map[uint64]*asyncopspb.Stats{1 << 60: {CreatedAt: ts(0), TaskId: id(9), PollStats: &commonpb.PollStats{Polls: 2, LastPollStarted: ts(0)}}},
	}
	x.Apply(u)
	if len(x.Resources) != 2 || x.Resources[1<<40].ID != 1 || x.Resources[1<<50].ID != 2 || x.Resources[1<<40].Kind != "Timer" || x.Resources[1<<50].Kind != "Sync" {
		t.Errorf("unexpected resources: %+v", x.Resources)
	}
	if a, ok := x.Resources[1<<40].Attribute("color"); !ok || a.Value != "-5" || a.Unit != "ms" {
		t.Errorf("unexpected attribute: %+v", a)
	}
	if o := x.Ops[1<<60]; o.ID != 1 || o.Task != 9 || x.TaskTitle(9) != "77 (x)" || x.TaskTitle(8) != "8" || x.TaskTitle(0) != "" {
		t.Errorf("unexpected operation or task titles: %+v", o)
	}
	x.Apply(&instrumentpb.Update{Now: ts(500 * ms)})
	if o := x.Ops[1<<60]; o.Busy() != 500*ms || o.Total() != 500*ms || x.Dropped.Resources != 4 {
		t.Errorf("busy %v of %v, %d dropped resource events", o.Busy(), o.Total(), x.Dropped.Resources)
	}
	x.Apply(&instrumentpb.Update{Now: ts(2000 * ms)})
	if len(x.Resources) != 1 || x.ResourceNumber(1<<51) != 3 {
		t.Errorf("%d resources, want 1; the number of a removed resource must not be assigned again", len(x.Resources))
	}
}

func TestTaskDetailsHistograms(t *testing.T) {
	x := target(-1)
	h := hdr.New(1e9, 2)
	h.Record(1000)
	x.ApplyDetails(&taskspb.TaskDetails{TaskId: id(1), PollTimesHistogram: &taskspb.TaskDetails_LegacyHistogram{LegacyHistogram: h.AppendV2(nil)}})
	if d := x.Details[1]; d.Polls.Total() != 1 || d.Scheduled != nil {
		t.Errorf("unexpected details: %+v", d)
	}
	x.ApplyDetails(&taskspb.TaskDetails{TaskId: id(1), PollTimesHistogram: &taskspb.TaskDetails_Histogram{
		Histogram: &taskspb.DurationHistogram{RawHistogram: h.AppendV2(nil), HighOutliers: 3, HighestOutlier: proto.Uint64(7)}}})
	if d := x.Details[1]; d.Polls.Outliers != 3 || d.Polls.Outlier != 7 {
		t.Errorf("unexpected outliers: %+v", d.Polls)
	}
}

func TestLatestSpansAreKept(t *testing.T) {
	x := target(-1)
	x.ApplyTrace(&tracepb.TraceEvent{Event: &tracepb.TraceEvent_RegisterMetadata{RegisterMetadata: &commonpb.RegisterMetadata{
		Metadata: []*commonpb.RegisterMetadata_NewMetadata{{Id: &commonpb.MetaId{Id: 1}, Metadata: &commonpb.Metadata{Name: "GET"}}},
	}}})
	for i := range uint64(3 * maxSpans) {
		x.ApplyTrace(&tracepb.TraceEvent{Event: &tracepb.TraceEvent_NewSpan{NewSpan: &commonpb.Span{Id: &commonpb.SpanId{Id: i}, MetadataId: &commonpb.MetaId{Id: 1}, At: ts(0)}}})
		x.ApplyTrace(&tracepb.TraceEvent{Event: &tracepb.TraceEvent_CloseSpan{CloseSpan: &tracepb.TraceEvent_Close{SpanId: &commonpb.SpanId{Id: i}, At: ts(ms)}}})
	}
	if l := x.LatestSpans(); len(l) != maxSpans || l[len(l)-1].ID != 3*maxSpans-1 || x.SpanCount != 3*maxSpans || l[0].Duration() != ms {
		t.Errorf("%d of %d spans kept, want the latest %d", len(l), x.SpanCount, maxSpans)
	}
}

// FuzzMessages applies arbitrary messages to a target. None may cause a panic.
func FuzzMessages(f *testing.F) {
	b, _ := proto.Marshal(update(0, &taskspb.Stats{}))
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		x := target(time.Second)
		for range 2 {
			if u := (&instrumentpb.Update{}); proto.Unmarshal(b, u) == nil {
				x.Apply(u)
			}
			if d := (&taskspb.TaskDetails{}); proto.Unmarshal(b, d) == nil {
				x.ApplyDetails(d)
			}
			if e := (&tracepb.TraceEvent{}); proto.Unmarshal(b, e) == nil {
				x.ApplyTrace(e)
			}
			if e := (&eventspb.Batch{}); proto.Unmarshal(b, e) == nil {
				x.ApplyEvents(e)
			}
			if g := (&goroutinespb.Snapshot{}); proto.Unmarshal(b, g) == nil {
				x.ApplyGoroutines(g)
			}
		}
		for _, task := range x.Tasks {
			_ = task.State()
			_ = task.IdleTime()
			_ = task.SelfWakePercent()
		}
	})
}
