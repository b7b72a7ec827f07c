// Package ui is the terminal interface of the console. It draws the state that package model holds
// as lists and detail pages and handles the keys.
package ui

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"mini-redis/services/console/internal/lint"
	"mini-redis/services/console/internal/model"
	"mini-redis/services/console/internal/source"
)

// Source provides the events: a [source.Live], or a replayed recording.
type Source interface {
	Targets(store *model.Store)
	// Run emits events until the context ends or there are no more events.
	Run(ctx context.Context, emit func(source.Event)) error
	// The following methods request data that costs the program time.
	Pause(paused bool)
	Spans()
	Events()
	Goroutines()
	Details(target int, task uint64)
}

// Options configures an [App].
type Options struct {
	Styles    Styles
	Lint      lint.Options
	RetainFor time.Duration  // how long ended items are shown; negative: no limit
	Zone      *time.Location // time zone of the times shown; nil: local
	Replay    bool           // the source is a recording
	// Export writes the state and the shown table to files and returns their names.
	Export func(store *model.Store, f *lint.Findings, view string, t Table) (string, error)
}

// Table is the content of the shown table, for an export.
type Table struct {
	Columns []string
	Rows    [][]string
}

// view identifies one of the lists, or the summary.
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
	viewSites // shown in place of viewGoroutines if goroutines are grouped by site
)

// App is the console's user interface. It implements tea.Model.
type App struct {
	o        Options
	styles   Styles
	zone     *time.Location
	store    *model.Store
	source   Source
	findings *lint.Findings
	lists    map[view]*list

	view    view
	bySite  bool
	pages   []page // open detail pages; the last one is shown
	help    bool
	paused  bool
	prompt  *prompt
	notice  string
	lastKey string
	ended   string // notice that the source has ended, "" before

	width, height int
}

// New returns an App that shows the targets of a source.
func New(s Source, o Options) *App {
	a := &App{o: o, styles: o.Styles, zone: o.Zone, store: &model.Store{RetainFor: o.RetainFor}, source: s, lists: newLists(), width: 80, height: 24}
	if a.zone == nil {
		a.zone = time.Local
	}
	s.Targets(a.store)
	a.findings = lint.Check(a.store, o.Lint)
	a.refresh()
	return a
}

// Store returns the state of the targets.
func (a *App) Store() *model.Store { return a.store }

// Findings returns the current warnings.
func (a *App) Findings() *lint.Findings { return a.findings }

// batch holds events that are applied together. sourceDone reports that the source has ended.
type (
	batch      []source.Event
	sourceDone struct{ err error }
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
	case sourceDone:
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

// Apply applies events as if the source had emitted them.
func (a *App) Apply(events ...source.Event) { a.apply(events) }

func (a *App) apply(events []source.Event) {
	changed := false
	for _, e := range events {
		if a.paused && e.Goroutines != nil {
			continue // a profile that was requested before the pause
		}
		source.Apply(a.store, e)
		changed = changed || e.Trace == nil || a.showsSpans()
	}
	if !changed {
		return
	}
	a.findings = lint.Check(a.store, a.o.Lint)
	a.refresh()
}

func (a *App) showsSpans() bool {
	return a.view == viewSpans || a.view == viewSummary || len(a.pages) > 0
}

// refresh updates the shown list and page from the state.
func (a *App) refresh() {
	a.list().fill(a)
	if p := a.page(); p != nil {
		p.refresh(a)
	}
}

// list returns the list of the current view. The summary uses the list of tasks.
func (a *App) list() *list {
	switch {
	case a.view == viewSummary:
		return a.lists[viewTasks]
	case a.view == viewGoroutines && a.sites():
		return a.lists[viewSites]
	}
	return a.lists[a.view]
}

// sites reports whether goroutines are shown by site: because the user chose it, or because a
// target has more goroutines than the limit.
func (a *App) sites() bool {
	for _, t := range a.store.Targets {
		if t.Goroutines.GetBySite() {
			return true
		}
	}
	return a.bySite
}

// page returns the detail page that is shown, or nil if a list is shown.
func (a *App) page() page {
	if len(a.pages) == 0 {
		return nil
	}
	return a.pages[len(a.pages)-1]
}

// show changes to a view and requests the data that it needs.
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
	a.requestDetails()
	a.refresh()
}

// open shows a detail page on top of the current one.
func (a *App) open(p page) {
	a.pages = append(a.pages, p)
	a.requestDetails()
	a.refresh()
}

// back closes the current detail page.
func (a *App) back() {
	if len(a.pages) > 0 {
		a.pages = a.pages[:len(a.pages)-1]
		a.requestDetails()
		a.refresh()
	}
}

// requestDetails requests the histograms of the task that is shown, and of no other task.
func (a *App) requestDetails() {
	if p, ok := a.page().(*taskPage); ok {
		a.source.Details(p.key.target, p.key.id)
		return
	}
	a.source.Details(0, 0)
}

func (a *App) target(k key) *model.Target {
	if k.target >= len(a.store.Targets) {
		return nil
	}
	return a.store.Targets[k.target]
}
