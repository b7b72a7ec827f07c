package ui

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"mini-redis/console/wire/tracepb"
	"mini-redis/services/console/internal/source"
)

// drawEvery is how often the screen follows what is heard.
const drawEvery = 100 * time.Millisecond

// maxWaiting bounds the events that wait to be taken in, beyond which spans are
// passed over.
const maxWaiting = 20_000

// feed gathers events between two looks at them.
type feed struct {
	mu      sync.Mutex
	waiting batch
	lost    map[int]uint64 // spans passed over, by target
}

func (f *feed) add(e source.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if e.Trace != nil && len(f.waiting) > maxWaiting && !names(e.Trace) {
		if e.Trace.GetCloseSpan() != nil {
			if f.lost == nil {
				f.lost = map[int]uint64{}
			}
			f.lost[e.Target]++
		}
		return
	}
	f.waiting = append(f.waiting, e)
}

// names reports whether a message says what later ones refer to.
func names(e *tracepb.TraceEvent) bool {
	return e.GetRegisterMetadata() != nil || e.GetRegisterThread() != nil
}

func (f *feed) take() batch {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := f.waiting
	for target, n := range f.lost {
		b = append(b, source.Event{Target: target, SpansLost: n})
	}
	f.waiting, f.lost = nil, nil
	return b
}

// Run shows the console on a terminal until the user quits or the context ends.
// tap, if it is not nil, hears every event as it comes.
func Run(ctx context.Context, a *App, in io.Reader, out io.Writer, tap func(source.Event)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	options := []tea.ProgramOption{tea.WithContext(ctx), tea.WithInput(in), tea.WithOutput(out), tea.WithoutSignalHandler()}
	if p, ok := profiles[a.styles.Palette]; ok {
		options = append(options, tea.WithColorProfile(p))
	}
	p := tea.NewProgram(a, options...)
	f := &feed{}
	var all sync.WaitGroup
	all.Go(func() {
		err := a.source.Run(ctx, func(e source.Event) {
			if tap != nil {
				tap(e)
			}
			f.add(e)
		})
		if b := f.take(); len(b) > 0 {
			p.Send(b)
		}
		p.Send(done{err})
	})
	all.Go(func() {
		tick := time.NewTicker(drawEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				if b := f.take(); len(b) > 0 {
					p.Send(b)
				}
			case <-ctx.Done():
				return
			}
		}
	})
	_, err := p.Run()
	cancel()
	all.Wait()
	if errors.Is(err, tea.ErrProgramKilled) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// profiles are what the terminal is taken to be able to, where the user says.
var profiles = map[Palette]colorprofile.Profile{
	NoColors: colorprofile.ASCII, Colors8: colorprofile.ANSI, Colors16: colorprofile.ANSI, Colors256: colorprofile.ANSI256, AllColors: colorprofile.TrueColor,
}
