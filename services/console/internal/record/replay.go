package record

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"mini-redis/services/console/internal/model"
	"mini-redis/services/console/internal/source"
)

// Replay is a source that replays a recording.
type Replay struct {
	r     *Reader
	speed float64

	mu      sync.Mutex
	paused  bool
	changed chan struct{}
	ended   bool
}

// NewReplay replays a recording. A speed of 1 is the recorded speed and 2 is twice as fast. At
// speed 0 there are no delays.
func NewReplay(r *Reader, speed float64) *Replay {
	return &Replay{r: r, speed: speed, changed: make(chan struct{})}
}

// Targets adds the recording's targets to the store.
func (p *Replay) Targets(store *model.Store) {
	for _, name := range p.r.Targets {
		store.Add(name)
	}
}

// Run replays the recording. It returns nil at its end or when ctx ends, and the error of a
// recording that is invalid.
func (p *Replay) Run(ctx context.Context, emit func(source.Event)) error {
	var played time.Duration
	for {
		e, at, err := p.r.Next()
		if err != nil {
			p.mu.Lock()
			p.ended = true
			p.mu.Unlock()
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if err := p.wait(ctx, at-played); err != nil {
			return nil
		}
		played = max(played, at)
		e.At = time.Now()
		emit(e)
	}
}

// wait waits for d divided by the speed, not counting the time during which the replay is paused.
func (p *Replay) wait(ctx context.Context, d time.Duration) error {
	if p.speed > 0 {
		d = time.Duration(float64(d) / p.speed)
	} else {
		d = 0
	}
	for {
		p.mu.Lock()
		paused, changed := p.paused, p.changed
		p.mu.Unlock()
		if !paused && d <= 0 {
			return ctx.Err()
		}
		var fire <-chan time.Time
		began := time.Now()
		if !paused {
			fire = time.After(d)
		}
		select {
		case <-fire:
			return ctx.Err()
		case <-changed:
			if !paused {
				d -= time.Since(began)
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Pause pauses or resumes the replay.
func (p *Replay) Pause(paused bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.paused = paused
	close(p.changed)
	p.changed = make(chan struct{})
}

// Ended reports whether the recording has been replayed completely.
func (p *Replay) Ended() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ended
}

// Spans, Events, Goroutines and Details do nothing: a recording contains no other data.
func (p *Replay) Spans()              {}
func (p *Replay) Events()             {}
func (p *Replay) Goroutines()         {}
func (p *Replay) Details(int, uint64) {}
