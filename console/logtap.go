package console

import (
	"context"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"

	"mini-redis/console/wire/commonpb"
)

// LogTap is a slog.Handler that passes every record to the next handler and sends it as an event to
// the viewers of a console. Wrap the program's handler in a LogTap and set it as [Options.Logs]. A
// viewer may ask for lower levels than the program writes. The output of the program does not
// change.
//
// Handle never waits for a viewer. Without viewers it adds about 1 µs to a record that is written,
// and two atomic loads to one that is not.
type LogTap struct {
	next   slog.Handler
	hub    *logHub
	fields []Field
	prefix string // names of the open groups, each followed by a dot
}

var _ slog.Handler = (*LogTap)(nil)

// Limits of events.
const (
	eventHistory = 200  // latest events that a new viewer is sent
	eventBuffer  = 1024 // events that a viewer may be behind
	maxFields    = 32   // fields of one event
)

// NewLogTap returns a tap whose next handler is next.
func NewLogTap(next slog.Handler) *LogTap {
	h := &logHub{}
	h.lowest.Store(int64(levelNone))
	return &LogTap{next: next, hub: h}
}

// levelNone is above all levels.
const levelNone = slog.Level(1 << 20)

// Enabled implements slog.Handler.
func (t *LogTap) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.Level(t.hub.lowest.Load()) || t.next.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (t *LogTap) Handle(ctx context.Context, r slog.Record) error {
	written := t.next.Enabled(ctx, r.Level)
	t.hub.add(t.event(ctx, r), written)
	if !written {
		return nil
	}
	return t.next.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (t *LogTap) WithAttrs(attrs []slog.Attr) slog.Handler {
	u := *t
	u.next = t.next.WithAttrs(attrs)
	u.fields = slices.Clip(t.fields)
	for _, a := range attrs {
		u.fields = appendAttr(u.fields, t.prefix, a)
	}
	return &u
}

// WithGroup implements slog.Handler.
func (t *LogTap) WithGroup(name string) slog.Handler {
	if name == "" {
		return t
	}
	u := *t
	u.next = t.next.WithGroup(name)
	u.prefix = t.prefix + name + "."
	return &u
}

// event converts a record to the event that viewers are sent.
func (t *LogTap) event(ctx context.Context, r slog.Record) *logEvent {
	at := r.Time
	if at.IsZero() {
		at = time.Now()
	}
	e := &logEvent{at: at, level: r.Level, message: r.Message, pc: r.PC, fields: slices.Clip(t.fields)}
	r.Attrs(func(a slog.Attr) bool {
		e.fields = appendAttr(e.fields, t.prefix, a)
		return true
	})
	if n := len(e.fields) - maxFields; n > 0 {
		e.fields, e.dropped = e.fields[:maxFields:maxFields], uint32(n)
	}
	if sc := trace.SpanContextFromContext(ctx); sc.IsValid() {
		e.trace, e.span = sc.TraceID().String(), sc.SpanID().String()
	}
	task := FromContext(ctx)
	if c := t.hub.console.Load(); task == nil && c.Watched() {
		task = c.Current()
	}
	e.task = task.ID()
	return e
}

// appendAttr appends an attribute. The names of a group's attributes are prefixed with the group's
// name.
func appendAttr(to []Field, prefix string, a slog.Attr) []Field {
	v := a.Value.Resolve()
	name := prefix + a.Key
	switch v.Kind() {
	case slog.KindGroup:
		if a.Key != "" {
			prefix = name + "."
		}
		for _, b := range v.Group() {
			to = appendAttr(to, prefix, b)
		}
		return to
	case slog.KindBool:
		return append(to, Bool(name, v.Bool()))
	case slog.KindInt64:
		return append(to, Int(name, v.Int64()))
	case slog.KindUint64:
		return append(to, Uint(name, v.Uint64()))
	case slog.KindTime:
		return append(to, Text(name, v.Time().Format(time.RFC3339Nano)))
	}
	if a.Equal(slog.Attr{}) {
		return to
	}
	return append(to, Text(name, clean(v.String())))
}

// logEvent is one record. It is immutable once it has been added to a hub.
type logEvent struct {
	at          time.Time
	level       slog.Level
	message     string
	pc          uintptr
	fields      []Field
	dropped     uint32 // number of fields over maxFields
	trace, span string
	task        uint64
}

// callSite returns where the record was created. It is called only for events that are sent.
func (e *logEvent) callSite() Site {
	if e.pc == 0 {
		return Site{}
	}
	frame, _ := runtime.CallersFrames([]uintptr{e.pc}).Next()
	return Site{file: shortFile(frame.File), line: uint32(frame.Line), function: frame.Function, pkg: packageOf(frame.Function)}
}

// logHub distributes events to viewers.
type logHub struct {
	console atomic.Pointer[Console]
	lowest  atomic.Int64 // the lowest level that a viewer asks for

	mu      sync.Mutex
	latest  []*logEvent // records that the program writes, oldest first
	viewers []*eventStream
}

// add passes an event to the viewers that ask for its level. written reports whether the program
// also writes the record; the latest of those are kept for new viewers.
func (h *logHub) add(e *logEvent, written bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if written {
		if len(h.latest) == eventHistory {
			copy(h.latest, h.latest[1:])
			h.latest = h.latest[:eventHistory-1]
		}
		h.latest = append(h.latest, e)
	}
	for _, v := range h.viewers {
		v.add(e)
	}
}

// eventStream is one viewer's subscription to the events. The hub's mutex guards it, except wake.
type eventStream struct {
	hub     *logHub
	level   slog.Level
	waiting []*logEvent
	dropped uint64
	wake    chan struct{}
}

func (h *logHub) subscribe(level slog.Level) *eventStream {
	v := &eventStream{hub: h, level: level, wake: make(chan struct{}, 1)}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.viewers = append(h.viewers, v)
	h.updateLowest()
	for _, e := range h.latest {
		v.add(e)
	}
	return v
}

func (h *logHub) updateLowest() {
	lowest := levelNone
	for _, v := range h.viewers {
		lowest = min(lowest, v.level)
	}
	h.lowest.Store(int64(lowest))
}

func (v *eventStream) add(e *logEvent) {
	switch {
	case e.level < v.level:
		return
	case len(v.waiting) >= eventBuffer:
		v.dropped++
		return
	}
	v.waiting = append(v.waiting, e)
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

func (v *eventStream) take() (list []*logEvent, dropped uint64) {
	v.hub.mu.Lock()
	defer v.hub.mu.Unlock()
	list, dropped = v.waiting, v.dropped
	v.waiting, v.dropped = nil, 0
	return list, dropped
}

func (v *eventStream) close() {
	v.hub.mu.Lock()
	defer v.hub.mu.Unlock()
	v.hub.viewers = slices.DeleteFunc(v.hub.viewers, func(x *eventStream) bool { return x == v })
	v.hub.updateLowest()
}

// wireLevel returns the protocol's level for l.
func wireLevel(l slog.Level) commonpb.Metadata_Level {
	switch {
	case l >= slog.LevelError:
		return commonpb.Metadata_ERROR
	case l >= slog.LevelWarn:
		return commonpb.Metadata_WARN
	case l >= slog.LevelInfo:
		return commonpb.Metadata_INFO
	case l >= slog.LevelDebug:
		return commonpb.Metadata_DEBUG
	}
	return commonpb.Metadata_TRACE
}

// slogLevel returns the lowest slog level that corresponds to the protocol's level.
func slogLevel(l commonpb.Metadata_Level) slog.Level {
	switch l {
	case commonpb.Metadata_ERROR:
		return slog.LevelError
	case commonpb.Metadata_WARN:
		return slog.LevelWarn
	case commonpb.Metadata_DEBUG:
		return slog.LevelDebug
	case commonpb.Metadata_TRACE:
		return slog.LevelDebug - 4
	}
	return slog.LevelInfo
}
