package goroutines

import (
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/exp/trace"
)

// readTimes reads an execution trace: what each goroutine did, within the time
// that the trace covers.
func readTimes(r io.Reader) (map[uint64]Times, time.Duration, error) {
	in, err := trace.NewReader(r)
	if err != nil {
		return nil, 0, fmt.Errorf("execution trace: %w", err)
	}
	c := clerk{gs: map[trace.GoID]*account{}}
	for {
		e, err := in.ReadEvent()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, 0, fmt.Errorf("execution trace: %w", err)
		}
		c.event(e)
	}
	return c.close(), c.now.Sub(c.begin), nil
}

// clerk keeps the accounts of all goroutines.
type clerk struct {
	gs         map[trace.GoID]*account
	begin, now trace.Time
	begun      bool
}

// account is one goroutine's.
type account struct {
	state trace.GoState
	since trace.Time
	times Times
}

func (c *clerk) event(e trace.Event) {
	if !c.begun {
		c.begin, c.begun = e.Time(), true
	}
	c.now = e.Time()
	if e.Kind() != trace.EventStateTransition {
		return
	}
	t := e.StateTransition()
	if t.Resource.Kind != trace.ResourceGoroutine {
		return
	}
	from, to := t.Goroutine()
	id := t.Resource.Goroutine()
	a := c.gs[id]
	if a == nil {
		// The first that is heard of it: from being nothing it was made now; else
		// it was as it is since the trace began.
		a = &account{state: to, since: e.Time()}
		if from == trace.GoUndetermined {
			a.since = c.begin
		}
		c.gs[id] = a
	}
	a.book(e.Time())
	if executing(to) && !executing(a.state) {
		a.times.Scheduled++
	}
	if to == trace.GoWaiting && t.Reason != "" {
		a.times.Reason = t.Reason
	}
	a.state = to
}

// executing reports whether a goroutine in the state has a thread. In a system
// call it has one, which may wait in the kernel: the trace does not know.
func executing(s trace.GoState) bool { return s == trace.GoRunning || s == trace.GoSyscall }

// book adds the time since the last entry.
func (a *account) book(now trace.Time) {
	d := now.Sub(a.since)
	switch a.state {
	case trace.GoRunning:
		a.times.Running += d
	case trace.GoRunnable:
		a.times.Runnable += d
	case trace.GoWaiting, trace.GoSyscall:
		a.times.Waiting += d
	}
	a.since = now
}

func (c *clerk) close() map[uint64]Times {
	all := make(map[uint64]Times, len(c.gs))
	for id, a := range c.gs {
		a.book(c.now)
		all[uint64(id)] = a.times
	}
	return all
}
