package console

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/slogtest"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"

	"mini-redis/console/wire/commonpb"
	"mini-redis/console/wire/eventspb"
)

// discard returns a handler that is enabled from the given level on and discards its output.
func discard(level slog.Level) slog.Handler {
	return slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: level})
}

// reader reads a stream of events.
type reader struct {
	t      *testing.T
	stream grpc.ServerStreamingClient[eventspb.Batch]
	metas  map[uint64]*commonpb.Metadata
	events []*eventspb.Event
	lost   uint64
}

func readEvents(t *testing.T, s *Server, level *commonpb.Metadata_Level) *reader {
	t.Helper()
	client := eventspb.NewEventsClient(dial(t, s, nil))
	return &reader{t: t, metas: map[uint64]*commonpb.Metadata{},
		stream: must[grpc.ServerStreamingClient[eventspb.Batch]](t)(client.Watch(t.Context(), &eventspb.WatchRequest{Level: level}))}
}

// next returns the next event and its metadata.
func (r *reader) next() (*eventspb.Event, *commonpb.Metadata) {
	r.t.Helper()
	for len(r.events) == 0 {
		b := must[*eventspb.Batch](r.t)(r.stream.Recv())
		for _, m := range b.GetNewMetadata().GetMetadata() {
			r.metas[m.Id.Id] = m.Metadata
		}
		r.events, r.lost = b.Events, r.lost+b.Dropped
	}
	e := r.events[0]
	r.events = r.events[1:]
	return e, r.metas[e.GetMetadataId().GetId()]
}

// waitForViewer waits until n viewers are subscribed to the events.
func waitForViewer(t *testing.T, tap *LogTap, n int) {
	t.Helper()
	waitUntil(t, func() bool {
		tap.hub.mu.Lock()
		defer tap.hub.mu.Unlock()
		return len(tap.hub.viewers) == n
	})
}

// valuer is a slog.LogValuer.
type valuer struct{}

func (valuer) LogValue() slog.Value { return slog.GroupValue(slog.Int("a", -1), slog.Uint64("b", 2)) }

func TestLogRecordBecomesEvent(t *testing.T) {
	tap := NewLogTap(discard(slog.LevelInfo))
	c, s := serve(t, Options{Logs: tap}, ServeOptions{})
	log := slog.New(tap).With("static", true).WithGroup("g").With("in", "group")
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{15: 7}, SpanID: trace.SpanID{7: 9}})
	task := c.NewTask(TaskOptions{Name: "worker"})
	ctx := NewContext(trace.ContextWithSpanContext(t.Context(), span), task)
	r := readEvents(t, s, nil)
	log.ErrorContext(ctx, "request \xfffailed", "error", errors.New("refused"), "v", valuer{}, slog.Group("", "flat", 1.5))
	log.DebugContext(ctx, "not asked for")
	slog.New(tap).Warn("plain")

	e, m := r.next()
	if e.Message != "request \uFFFDfailed" || m.Level != commonpb.Metadata_ERROR || m.Kind != commonpb.Metadata_EVENT ||
		m.Target != "mini-redis/console" || m.GetLocation().GetFile() != "console/logtap_test.go" || m.GetLocation().GetLine() == 0 {
		t.Errorf("%v\n%v", e, m)
	}
	if e.TraceId != "00000000000000000000000000000007" || e.SpanId != "0000000000000009" || e.Task != task.ID() || e.At == nil {
		t.Errorf("%v", e)
	}
	for name, want := range map[string]any{"static": true, "g.in": "group", "g.error": "refused", "g.v.a": int64(-1), "g.v.b": uint64(2), "g.flat": "1.5"} {
		if got := value(e.Fields, name); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	if e, m := r.next(); e.Message != "plain" || m.Level != commonpb.Metadata_WARN || e.TraceId != "" || e.Task != 0 {
		t.Errorf("%v", e)
	}
}

// The tap does not change what the program writes.
func TestLogTapDoesNotChangeOutput(t *testing.T) {
	var tapped, plain bytes.Buffer
	options := &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey && len(groups) == 0 {
			return slog.Attr{}
		}
		return a
	}}
	for w, log := range map[*bytes.Buffer]*slog.Logger{
		&tapped: slog.New(NewLogTap(slog.NewTextHandler(&tapped, options))), &plain: slog.New(slog.NewTextHandler(&plain, options)),
	} {
		log.Info("one", "n", 1)
		log.Debug("not written")
		log.With("a", 1).WithGroup("g").With("b", 2).WithGroup("").Warn("two", "c", valuer{})
		if w.Len() == 0 {
			t.Error("nothing was written")
		}
	}
	if tapped.String() != plain.String() {
		t.Errorf("with a tap:\n%s\nwithout:\n%s", &tapped, &plain)
	}
}

func TestLogTapConformsToSlogtest(t *testing.T) {
	var out bytes.Buffer
	tap := NewLogTap(slog.NewJSONHandler(&out, nil))
	if err := slogtest.TestHandler(tap, func() []map[string]any {
		return parseLines(t, out.Bytes())
	}); err != nil {
		t.Error(err)
	}
}

// A viewer may ask for lower and for higher levels than the program writes. Records below the
// program's level are created only while such a viewer is connected.
func TestViewerLevelIsIndependentOfOutputLevel(t *testing.T) {
	var out bytes.Buffer
	tap := NewLogTap(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelWarn}))
	log := slog.New(tap)
	_, s := serve(t, Options{Logs: tap}, ServeOptions{})
	if log.Enabled(t.Context(), slog.LevelInfo) {
		t.Error("info is enabled without a viewer")
	}
	debug, errors := commonpb.Metadata_DEBUG, commonpb.Metadata_ERROR
	all, errorsOnly := readEvents(t, s, &debug), readEvents(t, s, &errors)
	waitForViewer(t, tap, 2)
	log.Debug("debug message")
	log.Error("error message")
	for _, want := range []string{"debug message", "error message"} {
		if e, _ := all.next(); e.Message != want {
			t.Errorf("%v", e)
		}
	}
	if e, _ := errorsOnly.next(); e.Message != "error message" {
		t.Errorf("%v", e)
	}
	if text := out.String(); strings.Contains(text, "debug message") || !strings.Contains(text, "error message") {
		t.Errorf("the program wrote %q", text)
	}
	closeNow(t, s)
	waitForViewer(t, tap, 0)
	if log.Enabled(t.Context(), slog.LevelInfo) {
		t.Error("info is enabled after the last viewer left")
	}
}

func TestLatestEventsAreSentToNewViewers(t *testing.T) {
	tap := NewLogTap(discard(slog.LevelInfo))
	log := slog.New(tap)
	for i := range eventHistory + 5 {
		log.Info(fmt.Sprint(i))
	}
	_, s := serve(t, Options{Logs: tap}, ServeOptions{})
	r := readEvents(t, s, nil)
	for i := range eventHistory {
		if e, _ := r.next(); e.Message != fmt.Sprint(i+5) {
			t.Fatalf("event %d is %q", i, e.Message)
		}
	}
}

// A viewer that does not read blocks nothing, and is sent the number of events it has missed. The
// fields of an event are limited in number and size.
func TestEventsAreBounded(t *testing.T) {
	tap := NewLogTap(discard(slog.LevelInfo))
	v := tap.hub.subscribe(slog.LevelInfo)
	log := slog.New(tap)
	var many []any
	for i := range maxFields + 8 {
		many = append(many, fmt.Sprint(i), strings.Repeat("x", 2*maxText))
	}
	for range eventBuffer + 100 {
		log.Info("busy", many...)
	}
	list, dropped := v.take()
	if len(list) != eventBuffer || dropped != 100 {
		t.Errorf("%d events buffered, %d dropped, want %d and 100", len(list), dropped, eventBuffer)
	}
	w := &eventWriter{metas: map[eventSite]uint64{}}
	most, sent, lost := 0, 0, uint64(0)
	w.send = func(b *eventspb.Batch) error {
		most = max(most, sizeOf(b))
		sent, lost = sent+len(b.Events), lost+b.Dropped
		for _, e := range b.Events {
			if len(e.Fields) != maxFields || e.FieldsDropped != 8 {
				t.Fatalf("%d fields, %d dropped", len(e.Fields), e.FieldsDropped)
			}
		}
		return nil
	}
	if err := w.write(list, dropped); err != nil || sent != eventBuffer || lost != 100 || most > 4<<20 {
		t.Errorf("%d events sent, %d dropped, the largest message has %d bytes, error %v", sent, lost, most, err)
	}
	v.close()
}

// Events of a site over the limit are sent without their location, but with their level.
func TestEventSitesAreBounded(t *testing.T) {
	w := &eventWriter{metas: map[eventSite]uint64{}}
	fresh := &commonpb.RegisterMetadata{}
	for i := range maxEventSites + 10 {
		w.message(&logEvent{pc: uintptr(i + 1), level: slog.LevelError}, fresh)
	}
	last := fresh.Metadata[len(fresh.Metadata)-1].Metadata
	if len(fresh.Metadata) != maxEventSites+1 || last.Level != commonpb.Metadata_ERROR || last.Location != nil {
		t.Errorf("%d sites, the last one %v", len(fresh.Metadata), last)
	}
}

func BenchmarkLogTap(b *testing.B) {
	ctx := context.Background()
	for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo} {
		for name, h := range map[string]slog.Handler{"plain": discard(slog.LevelInfo), "tapped": NewLogTap(discard(slog.LevelInfo))} {
			log := slog.New(h)
			b.Run(fmt.Sprintf("%v/%s", level, name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					log.LogAttrs(ctx, level, "client connected", slog.String("peer", "127.0.0.1:1"), slog.Int64("id", 7))
				}
			})
		}
	}
}
