package ui

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"mini-redis/services/console/internal/table"
)

// prompt is the filter line while the user edits it.
type prompt struct {
	text  string
	saved table.Filter // restored by escape
	err   error
}

func (p *prompt) insert(s string) { p.text += strings.Map(visible, s) }

func visible(r rune) rune {
	if r < ' ' || r == 0x7f {
		return -1
	}
	return r
}

// key handles a key.
func (a *App) key(k tea.KeyPressMsg) tea.Cmd {
	a.notice = ""
	name := k.String()
	if name == "ctrl+c" {
		return tea.Quit
	}
	switch {
	case a.prompt != nil:
		a.promptKey(k)
		return nil
	case a.help:
		if name == "q" {
			return tea.Quit
		}
		a.help = false
		return nil
	}
	last := a.lastKey
	a.lastKey = name
	switch name {
	case "q", "ctrl+d":
		return tea.Quit
	case "?":
		a.help = true
	case "space":
		a.pause()
	case "g":
		if last == "g" {
			a.lastKey = ""
			a.scroller().First()
		}
	default:
		if !a.viewKey(name) {
			a.listKey(name)
		}
	}
	return nil
}

// views lists the views and their keys.
var views = []struct {
	key, name, short string
	view             view
}{
	{"t", "tasks", "tasks", viewTasks},
	{"r", "resources", "resources", viewResources},
	{"a", "async ops", "ops", viewOps},
	{"o", "goroutines", "goroutines", viewGoroutines},
	{"s", "spans", "spans", viewSpans},
	{"v", "events", "events", viewEvents},
	{"w", "warnings", "warn", viewWarnings},
	{"u", "summary", "summary", viewSummary},
}

func (a *App) viewKey(name string) bool {
	for _, v := range views {
		if v.key == name {
			a.show(v.view)
			return true
		}
	}
	return false
}

// scroller returns the table that the movement keys apply to.
func (a *App) scroller() *table.Table {
	if p := a.page(); p != nil {
		if t := p.table(); t != nil {
			return t
		}
	}
	return &a.list().table
}

func (a *App) listKey(name string) {
	t := a.scroller()
	if p := a.page(); p != nil && p.table() == nil && a.scrollKey(p, name) {
		return
	}
	switch name {
	case "down", "j":
		t.Move(1, true)
	case "up", "k":
		t.Move(-1, true)
	case "left", "h":
		t.NextColumn(-1)
		a.refresh()
	case "right", "l":
		t.NextColumn(1)
		a.refresh()
	case "i":
		t.Invert()
		a.refresh()
	case "G", "end":
		t.Last()
	case "home":
		t.First()
	case "pgdown", "ctrl+f":
		t.Page(1)
	case "pgup", "ctrl+b":
		t.Page(-1)
	case "enter":
		a.enter(t.Selected())
	case "esc", "backspace":
		a.escape(t)
	case "/":
		a.prompt = &prompt{text: t.Filter.Text, saved: t.Filter}
	case "T":
		t.Tree = !t.Tree
		a.refresh()
	case "b":
		a.bySite = !a.bySite
		a.refresh()
	case "e":
		a.export()
	}
}

// scrollKey handles a key on a page of text. It returns false for keys that are handled elsewhere.
func (a *App) scrollKey(p page, name string) bool {
	switch name {
	case "down", "j":
		p.scroll(1)
	case "up", "k":
		p.scroll(-1)
	case "pgdown", "ctrl+f":
		p.scroll(a.height / 2)
	case "pgup", "ctrl+b":
		p.scroll(-a.height / 2)
	case "home":
		p.scroll(-1 << 20)
	case "G", "end":
		p.scroll(1 << 20)
	case "esc", "backspace", "e":
		return false
	}
	return true
}

// escape closes the page, or clears the filter if no page is open.
func (a *App) escape(t *table.Table) {
	if a.page() != nil {
		a.back()
		return
	}
	t.Filter = table.Filter{}
	a.refresh()
}

func (a *App) promptKey(k tea.KeyPressMsg) {
	p := a.prompt
	switch k.String() {
	case "enter":
		a.prompt = nil
		return
	case "esc":
		a.scroller().Filter = p.saved
		a.prompt = nil
		a.refresh()
		return
	case "backspace":
		if r := []rune(p.text); len(r) > 0 {
			p.text = string(r[:len(r)-1])
		}
	case "ctrl+u":
		p.text = ""
	case "down":
		a.scroller().Move(1, true)
		return
	case "up":
		a.scroller().Move(-1, true)
		return
	default:
		p.insert(k.Text)
	}
	a.filter()
}

// filter applies the text that has been typed so far. An invalid filter is reported and not
// applied.
func (a *App) filter() {
	f, err := table.ParseFilter(a.prompt.text)
	if a.prompt.err = err; err == nil {
		a.scroller().Filter = f
		a.refresh()
	}
}

func (a *App) pause() {
	a.paused = !a.paused
	a.source.Pause(a.paused)
}

// enter opens the detail page of the selected row.
func (a *App) enter(id any) {
	switch id := id.(type) {
	case key:
		a.openKey(id)
	case warningKey:
		a.openKey(id.key)
	}
}

func (a *App) openKey(k key) {
	target := a.target(k)
	if target == nil {
		return
	}
	switch k.kind {
	case kindTask:
		if t := target.Tasks[k.id]; t != nil {
			a.open(&taskPage{key: k, task: t})
		}
	case kindResource:
		if r := target.Resources[k.id]; r != nil {
			a.open(newResourcePage(k, r))
		}
	case kindOp: // opens the waiting task, which has a page
		if o := target.Ops[k.id]; o != nil && o.Task != 0 {
			a.openKey(key{k.target, kindTask, o.Task})
		}
	case kindGoroutine:
		for _, g := range target.Goroutines.GetGoroutines() {
			if g.GetId() == k.id {
				a.open(&goroutinePage{key: k, g: g})
			}
		}
	case kindSpan:
		if s := target.FindSpan(k.id); s != nil {
			a.open(&spanPage{key: k, span: s})
		}
	case kindEvent:
		for _, e := range target.LatestEvents() {
			if e.Number == k.id {
				a.open(&eventPage{event: e})
				return
			}
		}
	}
}

func (a *App) export() {
	if a.o.Export == nil {
		return
	}
	l := a.list()
	t := Table{}
	for _, c := range l.table.Columns {
		t.Columns = append(t.Columns, c.Title)
	}
	for _, r := range l.table.Rows() {
		row := make([]string, len(r.Cells))
		for i, c := range r.Cells {
			row[i] = c.Text
		}
		t.Rows = append(t.Rows, row)
	}
	name, err := a.o.Export(a.store, a.findings, strings.ReplaceAll(strings.ToLower(l.title), " ", "-"), t)
	if err != nil {
		a.notice = "export failed: " + err.Error()
		return
	}
	a.notice = "written: " + name
}
