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

// Span is a span as subscribers receive it: open or ended.
type Span struct {
	Name       string
	Context    trace.SpanContext
	Parent     trace.SpanContext // not valid for a root span
	Kind       trace.SpanKind
	Start, End time.Time
	Status     codes.Code
	Attributes []attribute.KeyValue // read-only
	Scope      string               // instrumentation scope; empty for a record whose Describer is not a Scoper
	// Open is true for a span that has started and not ended. Its End is zero, and the other fields
	// have the values known so far.
	Open          bool
	Events        []SpanEvent // set when the span has ended, oldest first
	DroppedEvents int         // number of events over the SDK's limit
}

// SpanEvent is an event of a span: one that the program added, or an error that it recorded.
type SpanEvent struct {
	Name       string
	Time       time.Time
	Attributes []attribute.KeyValue // read-only
}

// Subscription delivers the spans of a sink to one reader when they start and when they end, before
// any batching. It is lossy: spans that do not fit into its buffer are counted, and the program
// never waits for the reader. Only one goroutine may call Next.
type Subscription struct {
	ring          *ring
	missed        atomic.Uint64
	pendingMissed uint64 // of missed, not yet returned by Next
	missedAt      uint64 // ring index up to which the reader reads before Next returns pendingMissed
	scratch       [32]item
	unsubscribe   func()
	sendOpen      func(*Subscription)
}

// Subscribe starts a subscription with a buffer of buffer spans (at least 1). The caller must call
// Close. The first spans are the open ones that the function of SetOpen provides.
func (s *Sink) Subscribe(buffer int) *Subscription {
	sub := &Subscription{ring: newRing(max(buffer, 1), 1), sendOpen: s.subs.sendOpen}
	sub.unsubscribe = sync.OnceFunc(func() {
		s.subs.remove(sub)
		sub.closeRing()
	})
	s.subs.add(sub, &s.stats.subscriberDropped)
	sub.sendOpen(sub)
	return sub
}

// SetOpen sets the function that provides the open spans that are not spans of the SDK. f calls
// show with their records, which have End 0. The sink calls f for every new subscriber and for
// every subscriber that has missed spans, on the subscriber's goroutine.
func (s *Sink) SetOpen(f func(show func([]Record))) { s.subs.open.Store(&f) }

// Next waits for at least one span, fills dst and returns the number of spans it wrote. missed is
// the number of spans that were dropped because the buffer was full. They may include the end of
// any open span that was delivered up to and including this call, so a reader that tracks open
// spans must forget them when missed is not 0. The spans that SetOpen's function provides follow
// again; the others are delivered when they end. After Close or the sink's Shutdown, Next returns
// io.EOF once the buffer is empty. If ctx ends first, Next returns its error.
func (s *Subscription) Next(ctx context.Context, dst []Span) (n int, missed uint64, err error) {
	for {
		closed := s.ring.closed()
		if s.pendingMissed == 0 {
			if s.pendingMissed = s.missed.Swap(0); s.pendingMissed > 0 {
				s.missedAt = s.ring.tailIndex()
			}
		}
		n = s.fill(dst)
		if s.pendingMissed > 0 && s.ring.headIndex() >= s.missedAt {
			missed, s.pendingMissed = s.pendingMissed, 0
			s.sendOpen(s)
			return n, missed, nil
		}
		if n > 0 || len(dst) == 0 {
			return n, 0, nil
		}
		if closed && s.ring.len() == 0 {
			return 0, s.pendingMissed + s.missed.Swap(0), io.EOF
		}
		if s.ring.prepareWait(1) {
			continue
		}
		select {
		case <-s.ring.wake:
		case <-ctx.Done():
			return 0, 0, ctx.Err()
		}
	}
}

// fill moves the buffered spans into dst. With a pending loss it stops at missedAt.
func (s *Subscription) fill(dst []Span) (n int) {
	for n < len(dst) {
		want := min(len(s.scratch), len(dst)-n)
		if s.pendingMissed > 0 {
			want = int(min(uint64(want), s.missedAt-s.ring.headIndex()))
		}
		got := s.ring.take(s.scratch[:want])
		if got == 0 {
			return n
		}
		for i := range got {
			dst[n+i] = s.scratch[i].toSpan()
		}
		clear(s.scratch[:got])
		n += got
	}
	return n
}

// Close ends the subscription. Any goroutine may call it, more than once.
func (s *Subscription) Close() { s.unsubscribe() }

// closeRing rejects further spans and wakes the reader.
func (s *Subscription) closeRing() {
	s.ring.close()
	select {
	case s.ring.wake <- struct{}{}:
	default:
	}
}

// toSpan converts the item for subscribers.
func (it *item) toSpan() Span {
	if it.span != nil {
		return it.sdkToSpan()
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

// sdkToSpan converts a span of the SDK. A span that was queued when it started is reported as open
// even if it has ended since, because its end is queued too.
func (it *item) sdkToSpan() Span {
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

// subscriptions is the set of a sink's subscribers. It is copied on write, so a hot path without
// subscribers costs one load.
type subscriptions struct {
	mu     sync.Mutex
	ended  bool
	active atomic.Pointer[subscriberSet]
	open   atomic.Pointer[func(show func([]Record))]
}

// subscriberSet is an immutable, non-empty set of subscribers.
type subscriberSet struct {
	list   []*Subscription
	missed *atomic.Uint64 // the sink's total over all subscribers
}

func (s *subscriptions) load() *subscriberSet { return s.active.Load() }

func (s *subscriptions) hasAny() bool { return s.active.Load() != nil }

// sendOpen sends the open spans to one subscriber. Those that do not fit are not counted as missed,
// because they are delivered when they end.
func (s *subscriptions) sendOpen(sub *Subscription) {
	if f := s.open.Load(); f != nil {
		(*f)(func(records []Record) { _, _ = sub.ring.pushRecords(records) })
	}
}

func (s *subscriptions) add(sub *Subscription, missed *atomic.Uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		sub.closeRing()
		return
	}
	next := &subscriberSet{missed: missed}
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
	remaining := slices.DeleteFunc(slices.Clone(old.list), func(x *Subscription) bool { return x == sub })
	if len(remaining) == 0 {
		s.active.Store(nil)
		return
	}
	s.active.Store(&subscriberSet{list: remaining, missed: old.missed})
}

// close ends every subscription, including future ones.
func (s *subscriptions) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	if old := s.active.Swap(nil); old != nil {
		for _, sub := range old.list {
			sub.closeRing()
		}
	}
}

func (a *subscriberSet) sendRecords(records []Record) {
	for _, sub := range a.list {
		accepted, closed := sub.ring.pushRecords(records)
		a.countMissed(sub, len(records)-accepted, closed)
	}
}

func (a *subscriberSet) sendSpan(span sdktrace.ReadOnlySpan, open bool) {
	for _, sub := range a.list {
		accepted, closed := sub.ring.pushSpan(span, open)
		a.countMissed(sub, 1-accepted, closed)
	}
}

// countMissed counts n spans that did not fit into the subscriber's buffer, unless the subscription
// is closed.
func (a *subscriberSet) countMissed(sub *Subscription, n int, left bool) {
	if n > 0 && !left {
		sub.missed.Add(uint64(n))
		a.missed.Add(uint64(n))
	}
}
