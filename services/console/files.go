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

// listen hears the targets for the given time, or until the context ends.
func listen(ctx context.Context, c *config, specs []source.Spec, emit func(source.Event)) error {
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

// recordTargets writes what is heard into a file.
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
	say(stdout, "recording %d target(s) into %s", len(specs), c.output)
	var mu sync.Mutex
	heard, connected := 0, map[int]bool{}
	err = listen(ctx, c, specs, func(e source.Event) {
		mu.Lock()
		defer mu.Unlock()
		heard++
		if e.Link != nil && e.Link.Connected != connected[e.Target] && (e.Link.Kind == source.LinkConsole || e.Link.Kind == source.LinkPprof) {
			connected[e.Target] = e.Link.Connected
			say(stdout, "%s: %s", specs[e.Target].Name, map[bool]string{true: "connected", false: e.Link.Text}[e.Link.Connected])
		}
		w.Write(e)
	})
	if err = errors.Join(err, w.Flush(), f.Close()); err != nil {
		return program.Errorf(exitFailed, "%w", err)
	}
	say(stdout, "%d events recorded; show them with: console replay %s", heard, c.output)
	return nil
}

// settle is how long an export listens after the last target has spoken: the
// parts of a large first update follow each other.
const settle = 300 * time.Millisecond

// patience bounds how long an export waits for its targets.
const patience = 10 * time.Second

// exportTargets prints what there is, once.
func exportTargets(ctx context.Context, c *config, stdout, _ io.Writer) error {
	specs, stop, err := c.targets(ctx)
	if err != nil {
		return err
	}
	defer stop()
	world := &model.World{RetainFor: -1}
	source.NewLive(specs, c.source).Targets(world)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if c.duration == 0 {
		defer time.AfterFunc(patience, cancel).Stop()
	}
	var mu sync.Mutex
	silent := len(specs)
	if err := listen(ctx, c, specs, func(e source.Event) {
		mu.Lock()
		defer mu.Unlock()
		first := world.Targets[e.Target].Updates == 0 && world.Targets[e.Target].Goroutines == nil
		source.Apply(world, e)
		if first && (e.Update != nil || e.Goroutines != nil) {
			if silent--; silent == 0 && c.duration == 0 {
				time.AfterFunc(settle, cancel)
			}
		}
	}); err != nil {
		return program.Errorf(exitFailed, "%w", err)
	}
	for _, t := range world.Targets {
		if t.Updates == 0 && t.Goroutines == nil {
			return program.Errorf(exitFailed, "%s: %s", t.Name, whyNot(t))
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
	if err := export.JSON(out, world, lint.Check(world, c.ui.Lint)); err != nil {
		return program.Errorf(exitFailed, "%w", err)
	}
	return nil
}

func whyNot(t *model.Target) string {
	for _, s := range []model.Status{t.Status, t.Pprof} {
		if s.Text != "" {
			return s.Text
		}
	}
	return "nothing was heard"
}

// exportFiles is the e key: the table as CSV and everything as JSON, in the
// working directory.
func exportFiles(world *model.World, f *lint.Findings, view string, t ui.Table) (string, error) {
	base := "console-" + time.Now().Format("20060102-150405")
	table, all := fmt.Sprintf("%s-%s.csv", base, view), base+".json"
	if err := create(table, func(w io.Writer) error { return export.CSV(w, t.Columns, t.Rows) }); err != nil {
		return "", err
	}
	if err := create(all, func(w io.Writer) error { return export.JSON(w, world, f) }); err != nil {
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
