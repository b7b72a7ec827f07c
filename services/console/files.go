package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"mini-redis/internal/program"
	"mini-redis/services/console/internal/export"
	"mini-redis/services/console/internal/lint"
	"mini-redis/services/console/internal/model"
	"mini-redis/services/console/internal/record"
	"mini-redis/services/console/internal/source"
	"mini-redis/services/console/internal/ui"
)

func newRecording(f io.Writer, specs []source.Spec) *record.Writer {
	var names []string
	for _, s := range specs {
		names = append(names, s.Name)
	}
	return record.NewWriter(f, time.Now(), names)
}

// collect receives events of the targets for c.duration, or until the context ends.
func collect(ctx context.Context, c *config, specs []source.Spec, emit func(source.Event)) error {
	if c.duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.duration)
		defer cancel()
	}
	live := source.NewLive(specs, c.source)
	if c.spans {
		live.Spans()
	}
	if c.events {
		live.Events()
	}
	if c.routines {
		live.Goroutines()
	}
	return live.Run(ctx, emit)
}

// recordTargets writes the received events to a recording.
func recordTargets(ctx context.Context, c *config, stdout, _ io.Writer) error {
	specs, stop, err := c.targets(ctx)
	if err != nil {
		return err
	}
	defer stop()
	f, err := os.Create(c.output)
	if err != nil {
		return program.Errorf(exitFailed, "%w", err)
	}
	w := newRecording(f, specs)
	printLine(stdout, "recording %d target(s) to %s", len(specs), c.output)
	var mu sync.Mutex
	received, connected := 0, map[int]bool{}
	err = collect(ctx, c, specs, func(e source.Event) {
		mu.Lock()
		defer mu.Unlock()
		received++
		if e.Status != nil && e.Status.Connected != connected[e.Target] && (e.Status.Kind == source.ConsoleStream || e.Status.Kind == source.PprofStream) {
			connected[e.Target] = e.Status.Connected
			printLine(stdout, "%s: %s", specs[e.Target].Name, map[bool]string{true: "connected", false: e.Status.Text}[e.Status.Connected])
		}
		w.Write(e)
	})
	if err = errors.Join(err, w.Flush(), f.Close()); err != nil {
		return program.Errorf(exitFailed, "%w", err)
	}
	printLine(stdout, "%d events recorded; show them with: console replay %s", received, c.output)
	return nil
}

// settleTime is how long an export continues after the last target has sent its first data: a large
// first update arrives in several messages.
const settleTime = 300 * time.Millisecond

// exportTimeout bounds how long an export without -duration waits for its targets.
const exportTimeout = 10 * time.Second

// exportTargets collects data of the targets and writes it as JSON. Without -duration it ends as
// soon as every target has sent data.
func exportTargets(ctx context.Context, c *config, stdout, _ io.Writer) error {
	specs, stop, err := c.targets(ctx)
	if err != nil {
		return err
	}
	defer stop()
	store := &model.Store{RetainFor: -1}
	source.NewLive(specs, c.source).Targets(store)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if c.duration == 0 {
		defer time.AfterFunc(exportTimeout, cancel).Stop()
	}
	var mu sync.Mutex
	pending := len(specs)
	if err := collect(ctx, c, specs, func(e source.Event) {
		mu.Lock()
		defer mu.Unlock()
		first := store.Targets[e.Target].Updates == 0 && store.Targets[e.Target].Goroutines == nil
		source.Apply(store, e)
		if first && (e.Update != nil || e.Goroutines != nil) {
			if pending--; pending == 0 && c.duration == 0 {
				time.AfterFunc(settleTime, cancel)
			}
		}
	}); err != nil {
		return program.Errorf(exitFailed, "%w", err)
	}
	for _, t := range store.Targets {
		if t.Updates == 0 && t.Goroutines == nil {
			return program.Errorf(exitFailed, "%s: %s", t.Name, statusText(t))
		}
	}
	out := stdout
	if c.output != "" {
		f, err := os.Create(c.output)
		if err != nil {
			return program.Errorf(exitFailed, "%w", err)
		}
		defer f.Close()
		out = f
	}
	if err := export.JSON(out, store, lint.Check(store, c.ui.Lint)); err != nil {
		return program.Errorf(exitFailed, "%w", err)
	}
	return nil
}

func statusText(t *model.Target) string {
	for _, s := range []model.Status{t.Status, t.Pprof} {
		if s.Text != "" {
			return s.Text
		}
	}
	return "no data received"
}

// exportFiles writes the shown table as CSV and all data as JSON to new files in the working
// directory. It returns the names of the files.
func exportFiles(store *model.Store, f *lint.Findings, view string, t ui.Table) (string, error) {
	base := "console-" + time.Now().Format("20060102-150405")
	table, all := fmt.Sprintf("%s-%s.csv", base, view), base+".json"
	if err := create(table, func(w io.Writer) error { return export.CSV(w, t.Columns, t.Rows) }); err != nil {
		return "", err
	}
	if err := create(all, func(w io.Writer) error { return export.JSON(w, store, f) }); err != nil {
		return "", err
	}
	return table + ", " + all, nil
}

func create(name string, write func(io.Writer) error) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}
