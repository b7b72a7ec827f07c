package ui

import (
	"fmt"

	"mini-redis/console/wire/goroutinespb"
	"mini-redis/services/console/internal/model"
	"mini-redis/services/console/internal/table"
)

// status returns the state of a target's connection, for the header.
func (a *App) status(t *model.Target) (string, table.Tone) {
	connected, why := t.Status.Connected || t.Pprof.Connected, t.Status.Text
	if why == "" {
		why = t.Pprof.Text
	}
	switch {
	case a.o.Replay:
		return "(recorded)", table.Faint
	case connected && t.Paused && !a.paused:
		return "(paused by another viewer)", table.Warn
	case connected:
		return "(connected)", table.Good
	case why != "":
		return "(" + clean(why) + ")", table.Bad
	}
	return "(connecting)", table.Warn
}

// countStates counts the tasks of all targets by state.
func (a *App) countStates() (n [4]int) {
	for _, target := range a.store.Targets {
		for _, t := range target.Tasks {
			n[t.State()]++
		}
	}
	return n
}

func (a *App) goroutineNote(g *goroutinespb.Snapshot) string {
	note := fmt.Sprintf("  %d total", g.GetTotal())
	if g.GetWindow() != nil {
		d, _ := a.styles.duration(g.GetWindow().AsDuration())
		note += "; times over " + d
	}
	if !g.GetLeaksKnown() {
		note += "; leak detection is off"
	}
	if g.GetNote() != "" {
		note += "; " + clean(g.GetNote())
	}
	return note
}

// emptyText explains why a list is empty. It returns "" if the empty table is sufficient.
func (a *App) emptyText(l *list) string {
	connected, updated, pprof := false, false, false
	for _, t := range a.store.Targets {
		connected = connected || t.Status.Connected
		pprof = pprof || t.Pprof.Connected || t.Pprof.Text != ""
		updated = updated || t.Updates > 0
	}
	if a.o.Replay && !updated {
		return "No data yet."
	}
	switch l.kind {
	case kindTask, kindResource, kindOp:
		switch {
		case updated:
			return ""
		case connected:
			return "Connected; no update received yet."
		}
		return a.notConnected()
	case kindGoroutine, kindSite:
		if !connected && !pprof {
			return a.notConnected()
		}
		return "No goroutines: the program's console does not serve them, and no pprof address was given (TARGET,pprof=ADDRESS)."
	case kindSpan:
		if !connected {
			return a.notConnected()
		}
		return a.noneText("spans", func(t *model.Target) model.Status { return t.SpanStatus })
	case kindEvent:
		if !connected {
			return a.notConnected()
		}
		return a.noneText("events", func(t *model.Target) model.Status { return t.EventStatus })
	case kindWarning:
		return "No warnings."
	}
	return ""
}

// noneText explains why a requested stream has no items.
func (a *App) noneText(what string, status func(*model.Target) model.Status) string {
	for _, t := range a.store.Targets {
		if s := status(t).Text; s != "" {
			return "No " + what + ": " + clean(s) + "."
		}
	}
	return "No " + what + " yet."
}

func (a *App) notConnected() string {
	for _, t := range a.store.Targets {
		if t.Status.Text != "" {
			return "Not connected: " + clean(t.Status.Text)
		}
	}
	return "Connecting..."
}
