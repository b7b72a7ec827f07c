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

// drawInterval is the interval at which received events are applied and drawn.
const drawInterval = 100 * time.Millisecond

// maxPending is the number of pending events above which events of spans are discarded.
const maxPending = 20_000

// eventQueue collects events until they are applied.
type eventQueue struct {
	mu      sync.Mutex
	pending batch
	lost    map[int]uint64 // discarded span ends, by target
}

func (f *eventQueue) add(e source.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if e.Trace != nil && len(f.pending) > maxPending && !isRegistration(e.Trace) {
		if e.Trace.GetCloseSpan() != nil {
			if f.lost == nil {
				f.lost = map[int]uint64{}
			}
			f.lost[e.Target]++
		}
		return
	}
	f.pending = append(f.pending, e)
}

// isRegistration reports whether later messages refer to this one, so that it must not be
// discarded.
func isRegistration(e *tracepb.TraceEvent) bool {
	return e.GetRegisterMetadata() != nil || e.GetRegisterThread() != nil
}

// take removes and returns the pending events, followed by the counts of lost span ends.
func (f *eventQueue) take() batch {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := f.pending
	for target, n := range f.lost {
		b = append(b, source.Event{Target: target, SpansLost: n})
	}
	f.pending, f.lost = nil, nil
	return b
}

// Run shows the console on a terminal until the user quits or the context ends. If tap is not nil,
// it is called with each event as it arrives, possibly from several goroutines.
func Run(ctx context.Context, a *App, in io.Reader, out io.Writer, tap func(source.Event)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	options := []tea.ProgramOption{tea.WithContext(ctx), tea.WithInput(in), tea.WithOutput(out), tea.WithoutSignalHandler()}
	if p, ok := profiles[a.styles.Palette]; ok {
		options = append(options, tea.WithColorProfile(p))
	}
	p := tea.NewProgram(a, options...)
	f := &eventQueue{}
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
		p.Send(sourceDone{err})
	})
	all.Go(func() {
		tick := time.NewTicker(drawInterval)
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

// profiles maps each palette to the color profile that Bubble Tea assumes for the terminal.
var profiles = map[Palette]colorprofile.Profile{
	NoColors: colorprofile.ASCII, Colors8: colorprofile.ANSI, Colors16: colorprofile.ANSI, Colors256: colorprofile.ANSI256, AllColors: colorprofile.TrueColor,
}
