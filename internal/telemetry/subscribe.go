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

// Span is a finished span as subscribers see it.
type Span struct {
	Name       string
	Context    trace.SpanContext
	Parent     trace.SpanContext // not valid for a root
	Kind       trace.SpanKind
	Start, End time.Time
	Status     codes.Code
	Attributes []attribute.KeyValue // not to be changed
	Scope      string               // instrumentation scope; empty for a record whose Describer names none
}

// Subscription is one reader's view of the spans that pass a sink, as they end and before any batching. It is lossy: what its
// buffer cannot hold is counted, and the program never waits for it. One goroutine reads it.
type Subscription struct {
	ring    *ring
	missed  atomic.Uint64
	scratch [32]item
	leave   func()
}

// Subscribe starts a view that holds up to buffer spans between two reads (at least 1). Close it.
func (s *Sink) Subscribe(buffer int) *Subscription {
	sub := &Subscription{ring: newRing(max(buffer, 1), 1)}
	sub.leave = sync.OnceFunc(func() {
		s.subs.remove(sub)
		sub.end()
	})
	s.subs.add(sub, &s.stats.unseen)
	return sub
}

// Next waits for at least one span, fills dst and returns how many it wrote, and how many were lost to a full buffer since
// the last call. It returns io.EOF after Close or the sink's Shutdown, once everything buffered was read, and the
// context's error when that ends first.
func (s *Subscription) Next(ctx context.Context, dst []Span) (n int, missed uint64, err error) {
	for {
		closed := s.ring.closed()
		for n < len(dst) {
			got := s.ring.take(s.scratch[:min(len(s.scratch), len(dst)-n)])
			for i := range got {
				dst[n+i] = s.scratch[i].view()
			}
			clear(s.scratch[:got])
			n += got
			if got == 0 {
				break
			}
		}
		if n > 0 || len(dst) == 0 {
			return n, s.missed.Swap(0), nil
		}
		if closed && s.ring.len() == 0 {
			return 0, s.missed.Swap(0), io.EOF
		}
		if s.ring.arm(1) {
			continue
		}
		select {
		case <-s.ring.wake:
		case <-ctx.Done():
			return 0, s.missed.Swap(0), ctx.Err()
		}
	}
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
	if s := it.span; s != nil {
		return Span{
			Name: s.Name(), Context: s.SpanContext(), Parent: s.Parent(), Kind: s.SpanKind(), Start: s.StartTime(), End: s.EndTime(),
			Status: s.Status().Code, Attributes: s.Attributes(), Scope: s.InstrumentationScope().Name,
		}
	}
	r := &it.record
	name, attrs := r.describe()
	var scope string
	if named, ok := r.Describer.(Scoper); ok {
		scope, _ = named.Scope()
	}
	return Span{
		Name: name, Context: r.spanContext(), Parent: r.parentContext(), Kind: r.Kind,
		Start: time.Unix(0, r.Start), End: time.Unix(0, r.End), Status: r.Status, Attributes: attrs, Scope: scope,
	}
}

// subscriptions is the set of a sink's subscribers. Writers copy it, so that a hot path with nobody subscribed pays one load.
type subscriptions struct {
	mu     sync.Mutex
	ended  bool
	active atomic.Pointer[audience]
}

// audience is one state of the set, never changed once published, never empty.
type audience struct {
	list   []*Subscription
	missed *atomic.Uint64 // the sink's total over all subscribers
}

func (s *subscriptions) load() *audience { return s.active.Load() }

func (s *subscriptions) any() bool { return s.active.Load() != nil }

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

func (a *audience) span(span sdktrace.ReadOnlySpan) {
	for _, sub := range a.list {
		accepted, closed := sub.ring.pushSpan(span)
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
