package goroutines

import (
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/exp/trace"
)

// readTimes reads an execution trace. It returns the times of each goroutine by ID, and the
// duration that the trace covers.
func readTimes(r io.Reader) (map[uint64]Times, time.Duration, error) {
	in, err := trace.NewReader(r)
	if err != nil {
		return nil, 0, fmt.Errorf("execution trace: %w", err)
	}
	c := traceReader{gs: map[trace.GoID]*goroutineTimes{}}
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

// traceReader adds up the times of all goroutines in an execution trace.
type traceReader struct {
	gs         map[trace.GoID]*goroutineTimes
	begin, now trace.Time
	begun      bool
}

// goroutineTimes is the state of one goroutine and its times up to since.
type goroutineTimes struct {
	state trace.GoState
	since trace.Time
	times Times
}

func (c *traceReader) event(e trace.Event) {
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
		// The first event of this goroutine. If its previous state is undetermined, it has been in
		// its state since the trace began. Otherwise it was created now.
		a = &goroutineTimes{state: to, since: e.Time()}
		if from == trace.GoUndetermined {
			a.since = c.begin
		}
		c.gs[id] = a
	}
	a.advance(e.Time())
	if executing(to) && !executing(a.state) {
		a.times.Scheduled++
	}
	if to == trace.GoWaiting && t.Reason != "" {
		a.times.Reason = t.Reason
	}
	a.state = to
}

// executing reports whether a goroutine in state s has a thread. In a system call it has one that
// may wait in the kernel, which the trace does not record.
func executing(s trace.GoState) bool { return s == trace.GoRunning || s == trace.GoSyscall }

// advance adds the time since a.since to the current state's total.
func (a *goroutineTimes) advance(now trace.Time) {
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

func (c *traceReader) close() map[uint64]Times {
	all := make(map[uint64]Times, len(c.gs))
	for id, a := range c.gs {
		a.advance(c.now)
		all[uint64(id)] = a.times
	}
	return all
}
