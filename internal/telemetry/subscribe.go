package telemetry

import (
	"context"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Span is a span as subscribers see it: one that has ended, or one that is open.
type Span struct {
	Name       string
	Context    trace.SpanContext
	Parent     trace.SpanContext // not valid for a root
	Kind       trace.SpanKind
	Start, End time.Time
	Status     codes.Code
	Attributes []attribute.KeyValue // not to be changed
	Scope      string               // instrumentation scope; empty for a record whose Describer names none
	// Open says that the span has begun and not ended: End is zero, and of the rest only what is known so far is there.
	Open          bool
	Events        []SpanEvent // of a span that has ended, oldest first
	DroppedEvents int         // events over the SDK's limit
}

// SpanEvent is something that happened in a span: an event that the program added, or an error that it recorded.
type SpanEvent struct {
	Name       string
	Time       time.Time
	Attributes []attribute.KeyValue // not to be changed
}

// Subscription is one reader's view of the spans that pass a sink, as they begin and end and before any batching. It is lossy:
// what its buffer cannot hold is counted, and the program never waits for it. One goroutine reads it.
type Subscription struct {
	ring    *ring
	missed  atomic.Uint64
	noticed uint64 // of missed, not yet told to the reader
	due     uint64 // index in the ring that the reader gets to first
	scratch [32]item
	leave   func()
	renew   func(*Subscription)
}

// Subscribe starts a view that holds up to buffer spans between two reads (at least 1). Close it. What is open already is told
// first, as far as the program knows it (see SetOpen).
func (s *Sink) Subscribe(buffer int) *Subscription {
	sub := &Subscription{ring: newRing(max(buffer, 1), 1), renew: s.subs.renew}
	sub.leave = sync.OnceFunc(func() {
		s.subs.remove(sub)
		sub.end()
	})
	s.subs.add(sub, &s.stats.unseen)
	sub.renew(sub)
	return sub
}

// SetOpen names who knows the spans that are open and came as no span of the SDK: f calls show with their records, of which
// End is 0. It is called for every new subscriber, and for one that has missed something, from their goroutines.
func (s *Sink) SetOpen(f func(show func([]Record))) { s.subs.open.Store(&f) }

// Next waits for at least one span, fills dst and returns how many it wrote. missed is how many were lost to a full buffer; the
// end of any span that was told as open, up to and with this call, may be among them. So whoever remembers open spans forgets
// them then: those that SetOpen's function knows are told anew, others as they end. Next returns io.EOF after Close or the sink's Shutdown,
// once everything buffered was read, and the context's error when that ends first.
func (s *Subscription) Next(ctx context.Context, dst []Span) (n int, missed uint64, err error) {
	for {
		closed := s.ring.closed()
		if s.noticed == 0 {
			if s.noticed = s.missed.Swap(0); s.noticed > 0 {
				s.due = s.ring.end()
			}
		}
		n = s.fill(dst)
		if s.noticed > 0 && s.ring.begin() >= s.due {
			missed, s.noticed = s.noticed, 0
			s.renew(s)
			return n, missed, nil
		}
		if n > 0 || len(dst) == 0 {
			return n, 0, nil
		}
		if closed && s.ring.len() == 0 {
			return 0, s.noticed + s.missed.Swap(0), io.EOF
		}
		if s.ring.arm(1) {
			continue
		}
		select {
		case <-s.ring.wake:
		case <-ctx.Done():
			return 0, 0, ctx.Err()
		}
	}
}

// fill moves what there is into dst, up to where a loss is to be told.
func (s *Subscription) fill(dst []Span) (n int) {
	for n < len(dst) {
		want := min(len(s.scratch), len(dst)-n)
		if s.noticed > 0 {
			want = int(min(uint64(want), s.due-s.ring.begin()))
		}
		got := s.ring.take(s.scratch[:want])
		if got == 0 {
			return n
		}
		for i := range got {
			dst[n+i] = s.scratch[i].view()
		}
		clear(s.scratch[:got])
		n += got
	}
	return n
}

// Close ends the view. It may be called from any goroutine, more than once.
func (s *Subscription) Close() { s.leave() }

// end lets nothing more in, and wakes the reader so that it notices.
func (s *Subscription) end() {
	s.ring.close()
	select {
	case s.ring.wake <- struct{}{}:
	default:
	}
}

// view is the item as a subscriber sees it.
func (it *item) view() Span {
	if it.span != nil {
		return it.viewSpan()
	}
	r := &it.record
	name, attrs := r.describe()
	var scope string
	if named, ok := r.Describer.(Scoper); ok {
		scope, _ = named.Scope()
	}
	v := Span{
		Name: name, Context: r.spanContext(), Parent: r.parentContext(), Kind: r.Kind,
		Start: time.Unix(0, r.Start), Status: r.Status, Attributes: attrs, Scope: scope, Open: r.End == 0,
	}
	if !v.Open {
		v.End = time.Unix(0, r.End)
	}
	return v
}

// viewSpan is view for a span of the SDK. One that was handed over as it began is shown as open also when it has ended since: its
// end follows.
func (it *item) viewSpan() Span {
	s := it.span
	v := Span{
		Name: s.Name(), Context: s.SpanContext(), Parent: s.Parent(), Kind: s.SpanKind(), Start: s.StartTime(),
		Attributes: s.Attributes(), Scope: s.InstrumentationScope().Name, Open: it.open,
	}
	if it.open {
		return v
	}
	v.End, v.Status, v.DroppedEvents = s.EndTime(), s.Status().Code, s.DroppedEvents()
	for _, e := range s.Events() {
		v.Events = append(v.Events, SpanEvent{Name: e.Name, Time: e.Time, Attributes: e.Attributes})
	}
	return v
}

// subscriptions is the set of a sink's subscribers. Writers copy it, so that a hot path with nobody subscribed pays one load.
type subscriptions struct {
	mu     sync.Mutex
	ended  bool
	active atomic.Pointer[audience]
	open   atomic.Pointer[func(show func([]Record))]
}

// audience is one state of the set, never changed once published, never empty.
type audience struct {
	list   []*Subscription
	missed *atomic.Uint64 // the sink's total over all subscribers
}

func (s *subscriptions) load() *audience { return s.active.Load() }

func (s *subscriptions) any() bool { return s.active.Load() != nil }

// renew tells one subscriber what is open. What finds no room is told when it ends, and so has not been missed.
func (s *subscriptions) renew(sub *Subscription) {
	if f := s.open.Load(); f != nil {
		(*f)(func(records []Record) { _, _ = sub.ring.pushRecords(records) })
	}
}

func (s *subscriptions) add(sub *Subscription, missed *atomic.Uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		sub.end()
		return
	}
	next := &audience{missed: missed}
	if old := s.active.Load(); old != nil {
		next.list = slices.Clone(old.list)
	}
	next.list = append(next.list, sub)
	s.active.Store(next)
}

func (s *subscriptions) remove(sub *Subscription) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.active.Load()
	if old == nil {
		return
	}
	rest := slices.DeleteFunc(slices.Clone(old.list), func(x *Subscription) bool { return x == sub })
	if len(rest) == 0 {
		s.active.Store(nil)
		return
	}
	s.active.Store(&audience{list: rest, missed: old.missed})
}

// close ends every subscription, and those still to come.
func (s *subscriptions) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	if old := s.active.Swap(nil); old != nil {
		for _, sub := range old.list {
			sub.end()
		}
	}
}

func (a *audience) records(records []Record) {
	for _, sub := range a.list {
		accepted, closed := sub.ring.pushRecords(records)
		a.miss(sub, len(records)-accepted, closed)
	}
}

func (a *audience) span(span sdktrace.ReadOnlySpan, open bool) {
	for _, sub := range a.list {
		accepted, closed := sub.ring.pushSpan(span, open)
		a.miss(sub, 1-accepted, closed)
	}
}

// miss counts what a subscriber had no room for; one that has left misses nothing.
func (a *audience) miss(sub *Subscription, n int, left bool) {
	if n > 0 && !left {
		sub.missed.Add(uint64(n))
		a.missed.Add(uint64(n))
	}
}
