package goroutines

import (
	"bytes"
	"context"
	"runtime"
	"runtime/pprof"
	"runtime/trace"
	"sync"
	"time"

	"mini-redis/console/wire/goroutinespb"
)

// Window is how long a flight recorder remembers, or how long a trace is taken
// of another program: the time within which running and waiting is told.
const Window = 500 * time.Millisecond

// timesInterval is how often times are told anew. The program is traced for it
// from one snapshot to the next, and not in between: tracing costs a busy program
// a few percent.
const timesInterval = 5 * time.Second

// maxTrace bounds what the flight recorder keeps, in bytes.
const maxTrace = 4 << 20

// leakInterval is how often leaked goroutines are looked for: the runtime
// collects garbage for it.
const leakInterval = 10 * time.Second

// Local looks at the goroutines of the program it is part of. The zero Local
// is ready.
type Local struct {
	mu       sync.Mutex
	recorder *trace.FlightRecorder // while it runs
	refused  error                 // why there are no times
	times    map[uint64]Times      // the latest, within window
	window   time.Duration
	triedAt  time.Time // when they were last asked for
	leaksAt  time.Time
}

// Snapshot implements console.GoroutineSource. The first one has no times yet;
// those of the later ones are a few seconds old at most.
func (l *Local) Snapshot(_ context.Context, limit int) (*goroutinespb.Snapshot, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := &findings{now: time.Now(), total: runtime.NumGoroutine()}
	l.leaks(f)
	if err := l.stacks(f, limit); err != nil {
		return nil, err
	}
	l.trace(f)
	return f.snapshot(limit), nil
}

// Rest stops what Snapshot has started.
func (l *Local) Rest() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.recorder != nil {
		l.recorder.Stop()
	}
	l.recorder, l.refused, l.times, l.triedAt = nil, nil, nil, time.Time{}
}

func (l *Local) leaks(f *findings) {
	p := pprof.Lookup("goroutineleak")
	if p == nil {
		return
	}
	f.leaksKnown = true
	if f.now.Sub(l.leaksAt) < leakInterval {
		return // what was found then is still marked
	}
	l.leaksAt = f.now
	var nowhere bytes.Buffer
	_ = p.WriteTo(&nowhere, 1)
}

func (l *Local) stacks(f *findings, limit int) (err error) {
	var text bytes.Buffer
	if f.total > limit {
		if err := pprof.Lookup("goroutine").WriteTo(&text, 1); err != nil {
			return err
		}
		f.stacks, f.total, err = readProfile(&text)
		return err
	}
	if err := pprof.Lookup("goroutine").WriteTo(&text, 2); err != nil {
		return err
	}
	f.stacks, err = readStacks(&text)
	return err
}

// trace tells the times, and sees to it that there are newer ones soon.
func (l *Local) trace(f *findings) {
	switch {
	case l.recorder != nil && f.now.Sub(l.triedAt) >= Window:
		l.refused = l.read()
		l.recorder.Stop()
		l.recorder = nil
	case l.recorder == nil && f.now.Sub(l.triedAt) >= timesInterval:
		l.triedAt = f.now
		l.recorder = trace.NewFlightRecorder(trace.FlightRecorderConfig{MinAge: Window, MaxBytes: maxTrace})
		if l.refused = l.recorder.Start(); l.refused != nil {
			l.recorder = nil // somebody else has one, and there can be one only
		}
	}
	f.times, f.window = l.times, l.window
	switch {
	case l.refused != nil:
		f.notes = append(f.notes, "no times: "+l.refused.Error())
	case l.times == nil:
		f.notes = append(f.notes, "times begin now")
	}
}

// read takes the times out of the recorder.
func (l *Local) read() error {
	var data bytes.Buffer
	if _, err := l.recorder.WriteTo(&data); err != nil {
		return err
	}
	times, window, err := readTimes(&data)
	if err != nil {
		return err
	}
	l.times, l.window = times, window
	return nil
}
