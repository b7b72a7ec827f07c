package source

import (
	"context"
	"sync"
	"time"

	"mini-redis/console/goroutines"
	"mini-redis/console/wire/commonpb"
	"mini-redis/services/console/internal/model"
)

// Options configures a [Live].
type Options struct {
	Interval      time.Duration // between two reads of pprof profiles; default 1 s
	MaxGoroutines int           // limit above which goroutines are grouped by site; default 500
	// Level is the lowest level of events to request. Nil: the default of the program's console.
	Level *commonpb.Metadata_Level
}

// Live receives events from running programs. Create it with [NewLive], add its targets to a store
// with Targets, and then call Run.
type Live struct {
	specs []Spec
	o     Options
	emit  func(Event)

	mu         sync.Mutex
	spans      bool
	events     bool
	goroutines bool
	paused     bool
	details    detailsTarget
	changed    chan struct{} // closed and replaced at each change of the fields above
}

// detailsTarget is the task whose details are requested. No details are requested if task is 0.
type detailsTarget struct {
	target int
	task   uint64
}

// NewLive returns a source for these targets.
func NewLive(specs []Spec, o Options) *Live {
	if o.Interval <= 0 {
		o.Interval = time.Second
	}
	if o.MaxGoroutines <= 0 {
		o.MaxGoroutines = 500
	}
	return &Live{specs: specs, o: o, changed: make(chan struct{})}
}

// Targets adds the targets to the store, in order.
func (l *Live) Targets(store *model.Store) {
	for _, s := range l.specs {
		store.Add(s.Name)
	}
}

// Run receives events until the context ends. It calls emit from several goroutines.
func (l *Live) Run(ctx context.Context, emit func(Event)) error {
	l.emit = emit
	// gRPC would send a deadline of ctx to the programs, which would then end the streams.
	watching, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()
	ctx = watching
	var all sync.WaitGroup
	for i, s := range l.specs {
		if s.Console != "" {
			all.Go(func() { l.watchConsole(ctx, i, s) })
		}
		if s.Pprof != "" {
			all.Go(func() { l.pollProfiles(ctx, i, s) })
		}
	}
	all.Wait()
	return nil
}

// subscriptions is what the user has requested.
type subscriptions struct {
	spans, events, goroutines, paused bool
	details                           detailsTarget
	changed                           <-chan struct{}
}

func (l *Live) subscriptions() subscriptions {
	l.mu.Lock()
	defer l.mu.Unlock()
	return subscriptions{l.spans, l.events, l.goroutines, l.paused, l.details, l.changed}
}

func (l *Live) change(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
	close(l.changed)
	l.changed = make(chan struct{})
}

// Pause asks the programs to stop or to resume sending updates.
func (l *Live) Pause(paused bool) { l.change(func() { l.paused = paused }) }

// Spans requests spans from now on. They are requested on demand because they cost the program
// time.
func (l *Live) Spans() { l.change(func() { l.spans = true }) }

// Events requests events from now on.
func (l *Live) Events() { l.change(func() { l.events = true }) }

// Goroutines requests goroutines from now on.
func (l *Live) Goroutines() { l.change(func() { l.goroutines = true }) }

// Details requests the histograms of one task, in place of those of another. Task 0 requests none.
func (l *Live) Details(target int, task uint64) {
	l.change(func() { l.details = detailsTarget{target, task} })
}

func (l *Live) send(e Event) {
	e.At = time.Now()
	l.emit(e)
}

// pollProfiles reads a program's goroutine profiles while goroutines are requested and not paused.
func (l *Live) pollProfiles(ctx context.Context, target int, s Spec) {
	remote := &goroutines.Remote{URL: s.Pprof}
	for {
		w := l.subscriptions()
		if w.goroutines && !w.paused {
			snapshot, err := remote.Snapshot(ctx, l.o.MaxGoroutines)
			if ctx.Err() != nil {
				return
			}
			status := &StreamStatus{Kind: PprofStream, Connected: err == nil}
			if err != nil {
				status.Text = err.Error()
			}
			l.send(Event{Target: target, Status: status})
			if err == nil {
				l.send(Event{Target: target, Goroutines: snapshot})
			}
		}
		select {
		case <-time.After(l.o.Interval):
		case <-w.changed:
		case <-ctx.Done():
			return
		}
	}
}
