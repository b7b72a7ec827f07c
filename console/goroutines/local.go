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

// Window is the time for which running and waiting times are measured: the minimum age of a flight
// recorder's data, and the default length of a remote program's execution trace.
const Window = 500 * time.Millisecond

// timesInterval is the minimum time between two measurements of times. The program is traced from
// one snapshot to the next, and not otherwise, because tracing costs a busy program a few percent.
const timesInterval = 5 * time.Second

// maxTrace is the maximum size of the flight recorder's data, in bytes.
const maxTrace = 4 << 20

// leakInterval is the minimum time between two searches for leaked goroutines, each of which runs a
// garbage collection.
const leakInterval = 10 * time.Second

// Local describes the goroutines of the current program. The zero Local is ready to use.
type Local struct {
	mu       sync.Mutex
	recorder *trace.FlightRecorder // nil while it does not run
	timesErr error                 // why there are no times
	times    map[uint64]Times      // the latest, of the duration window
	window   time.Duration
	triedAt  time.Time // start of the last measurement
	leaksAt  time.Time
}

// Snapshot implements console.GoroutineSource. The first snapshot has no times. The times of later
// ones are at most a few seconds old.
func (l *Local) Snapshot(_ context.Context, limit int) (*goroutinespb.Snapshot, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := &rawSnapshot{now: time.Now(), total: runtime.NumGoroutine()}
	l.leaks(f)
	if err := l.stacks(f, limit); err != nil {
		return nil, err
	}
	l.trace(f)
	return f.snapshot(limit), nil
}

// Rest stops the flight recorder and discards the times.
func (l *Local) Rest() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.recorder != nil {
		l.recorder.Stop()
	}
	l.recorder, l.timesErr, l.times, l.triedAt = nil, nil, nil, time.Time{}
}

func (l *Local) leaks(f *rawSnapshot) {
	p := pprof.Lookup("goroutineleak")
	if p == nil {
		return
	}
	f.leaksKnown = true
	if f.now.Sub(l.leaksAt) < leakInterval {
		return // leaked goroutines remain marked
	}
	l.leaksAt = f.now
	var discarded bytes.Buffer
	_ = p.WriteTo(&discarded, 1)
}

func (l *Local) stacks(f *rawSnapshot, limit int) (err error) {
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

// trace adds the latest times to f, and starts or ends a measurement when it is due.
func (l *Local) trace(f *rawSnapshot) {
	switch {
	case l.recorder != nil && f.now.Sub(l.triedAt) >= Window:
		l.timesErr = l.read()
		l.recorder.Stop()
		l.recorder = nil
	case l.recorder == nil && f.now.Sub(l.triedAt) >= timesInterval:
		l.triedAt = f.now
		l.recorder = trace.NewFlightRecorder(trace.FlightRecorderConfig{MinAge: Window, MaxBytes: maxTrace})
		if l.timesErr = l.recorder.Start(); l.timesErr != nil {
			l.recorder = nil // usually another recorder is active: the runtime allows only one
		}
	}
	f.times, f.window = l.times, l.window
	switch {
	case l.timesErr != nil:
		f.notes = append(f.notes, "no times: "+l.timesErr.Error())
	case l.times == nil:
		f.notes = append(f.notes, "times follow in a later snapshot")
	}
}

// read takes the times from the recorder.
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
