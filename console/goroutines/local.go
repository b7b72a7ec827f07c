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

// maxTrace bounds what the flight recorder keeps, in bytes.
const maxTrace = 4 << 20

// leakInterval is how often leaked goroutines are looked for: the runtime
// collects garbage for it.
const leakInterval = 10 * time.Second

// Local looks at the goroutines of the program it is part of. The zero Local
// is ready.
type Local struct {
	mu       sync.Mutex
	recorder *trace.FlightRecorder
	refused  error // why there is no recorder
	leaksAt  time.Time
}

// Snapshot implements console.GoroutineSource. The first one starts the flight
// recorder, so it has no times yet.
func (l *Local) Snapshot(_ context.Context, limit int) (*goroutinespb.Snapshot, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := &findings{now: time.Now(), total: runtime.NumGoroutine()}
	l.leaks(f)
	if err := l.stacks(f, limit); err != nil {
		return nil, err
	}
	l.times(f)
	return f.snapshot(limit), nil
}

// Rest stops what Snapshot has started.
func (l *Local) Rest() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.recorder != nil {
		l.recorder.Stop()
	}
	l.recorder, l.refused = nil, nil
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

func (l *Local) times(f *findings) {
	if l.refused != nil {
		f.notes = append(f.notes, "no times: "+l.refused.Error())
		return
	}
	if l.recorder == nil {
		l.recorder = trace.NewFlightRecorder(trace.FlightRecorderConfig{MinAge: Window, MaxBytes: maxTrace})
		if l.refused = l.recorder.Start(); l.refused != nil {
			l.recorder = nil // somebody else has one, and there can be one only
		}
		f.notes = append(f.notes, "times begin now")
		return
	}
	var data bytes.Buffer
	if _, err := l.recorder.WriteTo(&data); err != nil {
		f.notes = append(f.notes, "no times: "+err.Error())
		return
	}
	times, window, err := readTimes(&data)
	if err != nil {
		f.notes = append(f.notes, "no times: "+err.Error())
		return
	}
	f.times, f.window = times, window
}
