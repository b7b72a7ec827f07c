package source

import (
	"context"
	"sync"
	"time"

	"mini-redis/console/goroutines"
	"mini-redis/console/wire/commonpb"
	"mini-redis/services/console/internal/model"
)

// Options are what is watched, beside tasks and resources.
type Options struct {
	Interval   time.Duration // between looks at profiles; default 1 s
	Goroutines int           // told one by one up to here; default 500
	// Level is the lowest level of events that is asked for; nil: what the program
	// takes for usual.
	Level *commonpb.Metadata_Level
}

// Live watches programs. Make it with [NewLive], add its targets to a world with
// Targets, then Run it.
type Live struct {
	specs []Spec
	o     Options
	emit  func(Event)

	mu         sync.Mutex
	spans      bool
	events     bool
	goroutines bool
	paused     bool
	details    watched
	changed    chan struct{} // closed at each change of the above
}

// watched is the task whose details are wanted: none where task is 0.
type watched struct {
	target int
	task   uint64
}

// NewLive returns a source of these targets.
func NewLive(specs []Spec, o Options) *Live {
	if o.Interval <= 0 {
		o.Interval = time.Second
	}
	if o.Goroutines <= 0 {
		o.Goroutines = 500
	}
	return &Live{specs: specs, o: o, changed: make(chan struct{})}
}

// Targets adds the targets to the world, in order.
func (l *Live) Targets(w *model.World) {
	for _, s := range l.specs {
		w.Add(s.Name)
	}
}

// Run watches until the context ends. emit is called from several goroutines.
func (l *Live) Run(ctx context.Context, emit func(Event)) error {
	l.emit = emit
	// A deadline would travel to the programs, and they would end the streams.
	watching, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()
	ctx = watching
	var all sync.WaitGroup
	for i, s := range l.specs {
		if s.Console != "" {
			all.Go(func() { l.console(ctx, i, s) })
		}
		if s.Pprof != "" {
			all.Go(func() { l.profiles(ctx, i, s) })
		}
	}
	all.Wait()
	return nil
}

// wishes is what the user wants to see at the moment.
type wishes struct {
	spans, events, goroutines, paused bool
	details                           watched
	changed                           <-chan struct{}
}

func (l *Live) wishes() wishes {
	l.mu.Lock()
	defer l.mu.Unlock()
	return wishes{l.spans, l.events, l.goroutines, l.paused, l.details, l.changed}
}

func (l *Live) change(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
	close(l.changed)
	l.changed = make(chan struct{})
}

// Pause asks the programs to send no updates, or to send them again.
func (l *Live) Pause(paused bool) { l.change(func() { l.paused = paused }) }

// Spans asks for spans from now on. A program pays for what is asked of it.
func (l *Live) Spans() { l.change(func() { l.spans = true }) }

// Events asks for events from now on.
func (l *Live) Events() { l.change(func() { l.events = true }) }

// Goroutines asks for goroutines from now on.
func (l *Live) Goroutines() { l.change(func() { l.goroutines = true }) }

// Details asks for a task's histograms, and for no other's; task 0 is none.
func (l *Live) Details(target int, task uint64) {
	l.change(func() { l.details = watched{target, task} })
}

func (l *Live) send(e Event) {
	e.At = time.Now()
	l.emit(e)
}

// profiles looks at a program's goroutines by its profiles, while that is
// wanted.
func (l *Live) profiles(ctx context.Context, target int, s Spec) {
	remote := &goroutines.Remote{URL: s.Pprof}
	for {
		w := l.wishes()
		if w.goroutines && !w.paused {
			snapshot, err := remote.Snapshot(ctx, l.o.Goroutines)
			if ctx.Err() != nil {
				return
			}
			link := &Link{Kind: LinkPprof, Connected: err == nil}
			if err != nil {
				link.Text = err.Error()
			}
			l.send(Event{Target: target, Link: link})
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
