package console

import (
	"time"

	"mini-redis/console/hdr"
)

// recent holds a task's latest durations. A histogram is out of the processor's
// cache when a busy server comes back to a connection, and costs some hundred
// nanoseconds for each value; this is beside the task's other numbers, which are
// in use anyway. So a task's histograms are kept while somebody looks at the
// task, and begin with what is here.
type recent struct {
	n      uint32 // how many there were since they were settled last; a ring
	values [31]uint32
}

// A value is in nanoseconds, or, with coarse set, in microseconds. scheduledTime
// marks what was waited, the others are polls.
const (
	pollTime      = 0
	scheduledTime = 1 << 31
	coarse        = 1 << 30
)

func pack(ns int64, of uint32) uint32 {
	if ns < coarse {
		return uint32(ns) | of
	}
	return uint32(min(ns/1000, coarse-1)) | coarse | of
}

func unpack(v uint32) (ns uint64, of uint32) {
	ns, of = uint64(v&(coarse-1)), v&scheduledTime
	if v&coarse != 0 {
		ns *= 1000
	}
	return ns, of
}

// record counts a duration, while somebody watches.
func (s *taskStats) record(took int64, of uint32, c *Console) {
	if !c.detailed() {
		return
	}
	r := &s.recent
	size := uint32(len(r.values))
	r.values[r.n%size] = pack(took, of)
	r.n++
	if r.n%size == 0 && s.exact(c) {
		s.settle(c)
	}
}

// exact reports whether every duration is to be in the histograms.
func (s *taskStats) exact(c *Console) bool { return s.looking > 0 || c.o.AlwaysHistograms }

// settle brings the histograms up to date.
func (s *taskStats) settle(c *Console) {
	r := &s.recent
	size := uint32(len(r.values))
	for i := r.n - min(r.n, size); i < r.n; i++ {
		ns, of := unpack(r.values[i%size])
		s.count(ns, of, c)
	}
	r.n = 0
}

// digits is the histograms' precision, that of console-subscriber.
const digits = 2

func (s *taskStats) count(ns uint64, of uint32, c *Console) {
	h, longest := &s.pollTimes, c.o.PollDurationMax
	if of == scheduledTime {
		h, longest = &s.scheduledTimes, c.o.ScheduledDurationMax
	}
	if *h == nil {
		*h = hdr.New(uint64(max(longest, 2*time.Nanosecond)), digits)
	}
	(*h).Record(ns)
}

// look says that somebody looks at the task's details from now on; what it
// returns, that they no longer do.
func (t *Task) look() (away func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.s.exact(t.c) {
		t.s.pollTimes, t.s.scheduledTimes = nil, nil // of an earlier look
	}
	t.s.looking++
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.s.looking--
	}
}
