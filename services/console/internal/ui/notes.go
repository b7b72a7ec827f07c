package ui

import (
	"fmt"

	"mini-redis/console/wire/goroutinespb"
	"mini-redis/services/console/internal/model"
	"mini-redis/services/console/internal/table"
)

// status is a target's state in a word or two.
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

// countStates counts running, scheduled, idle and ended tasks.
func (a *App) countStates() (n [4]int) {
	for _, target := range a.world.Targets {
		for _, t := range target.Tasks {
			n[t.State()]++
		}
	}
	return n
}

func (a *App) goroutineNote(g *goroutinespb.Snapshot) string {
	note := fmt.Sprintf("  %d in all", g.GetTotal())
	if g.GetWindow() != nil {
		d, _ := a.styles.duration(g.GetWindow().AsDuration())
		note += "; times within " + d
	}
	if !g.GetLeaksKnown() {
		note += "; leaks are not looked for"
	}
	if g.GetNote() != "" {
		note += "; " + clean(g.GetNote())
	}
	return note
}

// whyEmpty says why a list has nothing in it, where that is not plain.
func (a *App) whyEmpty(l *list) string {
	connected, updated, pprof := false, false, false
	for _, t := range a.world.Targets {
		connected = connected || t.Status.Connected
		pprof = pprof || t.Pprof.Connected || t.Pprof.Text != ""
		updated = updated || t.Updates > 0
	}
	if a.o.Replay && !updated {
		return "Nothing yet."
	}
	switch l.kind {
	case kindTask, kindResource, kindOp:
		switch {
		case updated:
			return ""
		case connected:
			return "Connected; the program has not said anything yet."
		}
		return a.notConnected()
	case kindGoroutine, kindSite:
		if !connected && !pprof {
			return a.notConnected()
		}
		return "No goroutines: the program's console does not serve them, and no address of profiles was given (TARGET,pprof=ADDRESS)."
	case kindSpan:
		if !connected {
			return a.notConnected()
		}
		return a.whyNone("spans", func(t *model.Target) model.Status { return t.SpanStatus })
	case kindEvent:
		if !connected {
			return a.notConnected()
		}
		return a.whyNone("events", func(t *model.Target) model.Status { return t.EventStatus })
	case kindWarning:
		return "No warnings."
	}
	return ""
}

// whyNone says of what a program was asked for why there is none.
func (a *App) whyNone(what string, status func(*model.Target) model.Status) string {
	for _, t := range a.world.Targets {
		if s := status(t).Text; s != "" {
			return "No " + what + ": " + clean(s) + "."
		}
	}
	return "No " + what + " yet."
}

func (a *App) notConnected() string {
	for _, t := range a.world.Targets {
		if t.Status.Text != "" {
			return "Not connected: " + clean(t.Status.Text)
		}
	}
	return "Connecting..."
}
