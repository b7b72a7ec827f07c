package console

import (
	"time"

	"mini-redis/console/hdr"
)

// recent holds a task's latest durations. Recording a value directly in a histogram costs some
// hundred nanoseconds on a busy server, because the histogram has left the processor's cache by the
// time the connection is served again. This buffer is beside the task's other fields, which are in
// the cache anyway. A task's histograms are therefore recorded only while a viewer has its details
// open, and start with the durations in this buffer.
type recent struct {
	n      uint32 // durations added since the last flush; the buffer is a ring
	values [31]uint32
}

// A value is a duration in nanoseconds, or in microseconds if the bit coarse is set. The bit
// scheduledTime distinguishes scheduled times from poll times.
const (
	pollTime      = 0
	scheduledTime = 1 << 31
	coarse        = 1 << 30
)

func pack(ns int64, kind uint32) uint32 {
	if ns < coarse {
		return uint32(ns) | kind
	}
	return uint32(min(ns/1000, coarse-1)) | coarse | kind
}

func unpack(v uint32) (ns uint64, kind uint32) {
	ns, kind = uint64(v&(coarse-1)), v&scheduledTime
	if v&coarse != 0 {
		ns *= 1000
	}
	return ns, kind
}

// record adds a duration, unless durations are not recorded at present.
func (s *taskStats) record(took int64, kind uint32, c *Console) {
	if !c.recordsDurations() {
		return
	}
	r := &s.recent
	size := uint32(len(r.values))
	r.values[r.n%size] = pack(took, kind)
	r.n++
	if r.n%size == 0 && s.recordsAll(c) {
		s.flushRecent(c)
	}
}

// recordsAll reports whether every duration is recorded in the histograms.
func (s *taskStats) recordsAll(c *Console) bool {
	return s.detailSubscribers > 0 || c.o.AlwaysHistograms
}

// flushRecent moves the recent durations to the histograms.
func (s *taskStats) flushRecent(c *Console) {
	r := &s.recent
	size := uint32(len(r.values))
	for i := r.n - min(r.n, size); i < r.n; i++ {
		ns, kind := unpack(r.values[i%size])
		s.count(ns, kind, c)
	}
	r.n = 0
}

// digits is the precision of the histograms in significant decimal digits, the same as in
// console-subscriber.
const digits = 2

func (s *taskStats) count(ns uint64, kind uint32, c *Console) {
	h, longest := &s.pollTimes, c.o.PollDurationMax
	if kind == scheduledTime {
		h, longest = &s.scheduledTimes, c.o.ScheduledDurationMax
	}
	if *h == nil {
		*h = hdr.New(uint64(max(longest, 2*time.Nanosecond)), digits)
	}
	(*h).Record(ns)
}

// subscribeDetails records that a viewer has opened the task's details. The caller must call
// unsubscribe when the viewer closes them.
func (t *Task) subscribeDetails() (unsubscribe func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.s.recordsAll(t.c) {
		t.s.pollTimes, t.s.scheduledTimes = nil, nil // recorded for an earlier subscriber
	}
	t.s.detailSubscribers++
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.s.detailSubscribers--
	}
}
