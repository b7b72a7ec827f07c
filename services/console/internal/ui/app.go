// Package ui is the console on the screen: what package model knows, as tables
// and pages, and the keys that move through them.
package ui

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"mini-redis/services/console/internal/lint"
	"mini-redis/services/console/internal/model"
	"mini-redis/services/console/internal/source"
)

// Source is where events come from: package source's Live, or a recording.
type Source interface {
	Targets(w *model.World)
	// Run yields events until the context ends, or until there are no more.
	Run(ctx context.Context, emit func(source.Event)) error
	// What follows asks for things that cost the program something.
	Pause(paused bool)
	Spans()
	Events()
	Goroutines()
	Details(target int, task uint64)
}

// Options are how the console looks and what it warns of.
type Options struct {
	Styles    Styles
	Lint      lint.Options
	RetainFor time.Duration  // negative: for ever
	Zone      *time.Location // of times of day; nil: local
	Replay    bool           // there is no program to be asked for anything
	// Export writes what there is to a file and returns its name.
	Export func(w *model.World, f *lint.Findings, view string, t Table) (string, error)
}

// Table is what a table shows, for an export.
type Table struct {
	Columns []string
	Rows    [][]string
}

// view is one of the lists, or the summary.
type view int

const (
	viewTasks view = iota
	viewResources
	viewOps
	viewGoroutines
	viewSpans
	viewEvents
	viewWarnings
	viewSummary
	viewSites // what viewGoroutines shows where there are too many
)

// App is the console. It is a tea.Model.
type App struct {
	o        Options
	styles   Styles
	zone     *time.Location
	world    *model.World
	source   Source
	findings *lint.Findings
	lists    map[view]*list

	view    view
	bySite  bool
	pages   []page // details, the last is shown
	help    bool
	paused  bool
	prompt  *prompt
	notice  string
	lastKey string
	ended   string // of a recording

	width, height int
}

// New returns a console of the source's targets.
func New(s Source, o Options) *App {
	a := &App{o: o, styles: o.Styles, zone: o.Zone, world: &model.World{RetainFor: o.RetainFor}, source: s, lists: newLists(), width: 80, height: 24}
	if a.zone == nil {
		a.zone = time.Local
	}
	s.Targets(a.world)
	a.findings = lint.Check(a.world, o.Lint)
	a.refill()
	return a
}

// World is what the console knows.
func (a *App) World() *model.World { return a.world }

// Findings are the warnings of the moment.
func (a *App) Findings() *lint.Findings { return a.findings }

// batch is events that came together, done the end of a source.
type (
	batch []source.Event
	done  struct{ err error }
)

// Init implements tea.Model.
func (a *App) Init() tea.Cmd { return nil }

// Update implements tea.Model.
func (a *App) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		a.width, a.height = msg.Width, msg.Height
	case batch:
		a.apply(msg)
	case done:
		a.ended = "the recording has ended"
		if msg.err != nil {
			a.ended = msg.err.Error()
		}
	case tea.KeyPressMsg:
		return a, a.key(msg)
	case tea.PasteMsg:
		if a.prompt != nil {
			a.prompt.insert(msg.Content)
			a.filter()
		}
	}
	return a, nil
}

// Apply takes events in, as if they had come from the source.
func (a *App) Apply(events ...source.Event) { a.apply(events) }

func (a *App) apply(events []source.Event) {
	fresh := false
	for _, e := range events {
		if a.paused && e.Goroutines != nil {
			continue // a profile that was on its way
		}
		source.Apply(a.world, e)
		fresh = fresh || e.Trace == nil || a.showsSpans()
	}
	if !fresh {
		return
	}
	a.findings = lint.Check(a.world, a.o.Lint)
	a.refill()
}

func (a *App) showsSpans() bool {
	return a.view == viewSpans || a.view == viewSummary || len(a.pages) > 0
}

// refill brings what is shown up to what is known.
func (a *App) refill() {
	a.list().fill(a)
	if p := a.page(); p != nil {
		p.refresh(a)
	}
}

// list is the list of the current view.
func (a *App) list() *list {
	switch {
	case a.view == viewSummary:
		return a.lists[viewTasks]
	case a.view == viewGoroutines && a.sites():
		return a.lists[viewSites]
	}
	return a.lists[a.view]
}

// sites reports whether goroutines are shown by site: when that is asked for,
// and when there are too many.
func (a *App) sites() bool {
	for _, t := range a.world.Targets {
		if t.Goroutines.GetBySite() {
			return true
		}
	}
	return a.bySite
}

// page is the details that are shown, nil where it is a list.
func (a *App) page() page {
	if len(a.pages) == 0 {
		return nil
	}
	return a.pages[len(a.pages)-1]
}

// show changes to a view.
func (a *App) show(v view) {
	a.view = v
	a.pages = nil
	switch v {
	case viewSpans:
		a.source.Spans()
	case viewEvents:
		a.source.Events()
	case viewGoroutines:
		a.source.Goroutines()
	case viewSummary, viewWarnings:
		a.source.Goroutines() // some warnings are about them
	}
	a.wantDetails()
	a.refill()
}

// open shows a page of details above what is shown.
func (a *App) open(p page) {
	a.pages = append(a.pages, p)
	a.wantDetails()
	a.refill()
}

// back goes to what was shown before.
func (a *App) back() {
	if len(a.pages) > 0 {
		a.pages = a.pages[:len(a.pages)-1]
		a.wantDetails()
		a.refill()
	}
}

// wantDetails asks for the histograms of the task that is shown, and for no
// other's.
func (a *App) wantDetails() {
	if p, ok := a.page().(*taskPage); ok {
		a.source.Details(p.key.target, p.key.id)
		return
	}
	a.source.Details(0, 0)
}

func (a *App) target(k key) *model.Target {
	if k.target >= len(a.world.Targets) {
		return nil
	}
	return a.world.Targets[k.target]
}
