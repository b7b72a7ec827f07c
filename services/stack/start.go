package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"mini-redis/internal/inspect"
	"mini-redis/internal/program"
	"mini-redis/services/stack/internal/backends"
	"mini-redis/services/stack/internal/build"
	"mini-redis/services/stack/internal/supervise"
)

// readyTimeout is the limit for a program to become ready. On an idle machine it takes about 0.1 s.
const readyTimeout = 90 * time.Second

// buildAll returns the paths of all five programs. It builds the project's own programs first, so
// that a compile error of the checkout shows after seconds, not after minutes of building backends.
func (s *stack) buildAll(ctx context.Context) (map[string]string, error) {
	logs := filepath.Join(s.dir, "logs")
	if err := os.MkdirAll(logs, 0o755); err != nil {
		return nil, err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, fmt.Errorf("no cache directory for the built programs: %w", err)
	}
	step := "1/4"
	b := &build.Builder{
		Go: "go", Env: os.Environ(), Cache: filepath.Join(cache, "mini-redis"), Logs: logs, Start: s.spawner.Start,
		Progress: func(p build.Progress) { s.out.Build(step, p) },
	}
	bin := filepath.Join(s.dir, "bin")
	if err := b.Into(ctx, backends.Own(s.root), bin); err != nil {
		return nil, err
	}
	programs := map[string]string{backends.Server: filepath.Join(bin, backends.Server), backends.Load: filepath.Join(bin, backends.Load)}
	noticed := false
	for i, name := range []string{backends.Collector, backends.Prometheus, backends.Jaeger} {
		step = fmt.Sprintf("%d/4", i+2)
		if path := *s.flags.binaries[name]; path != "" {
			if programs[name], err = filepath.Abs(path); err != nil {
				return nil, err
			}
			continue
		}
		target, err := backends.Backend(s.root, name)
		if err != nil {
			return nil, err
		}
		if !noticed {
			noticed, err = s.printFirstBuildNotice(ctx, b, target)
			if err != nil {
				return nil, err
			}
		}
		if programs[name], err = b.Ensure(ctx, target); err != nil {
			return nil, err
		}
	}
	s.out.ClearLive()
	return programs, nil
}

// printFirstBuildNotice prints a notice if target is not in the cache: how long the build takes and
// where the programs are stored. It reports whether it printed the notice.
func (s *stack) printFirstBuildNotice(ctx context.Context, b *build.Builder, target build.Target) (bool, error) {
	_, ok, err := b.Cached(ctx, target)
	if err != nil || ok {
		return false, err
	}
	s.out.Printf("The first start builds the collector, Prometheus and Jaeger from their Go modules, which takes several minutes.\nThe programs are stored in %s. Use -collector, -prometheus and -jaeger to run existing binaries instead.", b.Cache)
	return true, nil
}

// startAll starts the children in order, waits until each is ready, and prints their addresses.
func (s *stack) startAll(ctx context.Context, programs map[string]string) error {
	reserved, err := backends.ReservePorts()
	if err != nil {
		return program.Errorf(exitChild, "%w", err)
	}
	s.settings = backends.Settings{
		Dir: s.dir, Programs: programs, Environ: os.Environ(), Ports: reserved,
		Overlays: s.flags.overlays, Rate: s.flags.loadRate(), Duration: s.flags.duration,
	}
	children, err := backends.Prepare(s.settings)
	if err != nil {
		return err
	}
	for _, moved := range reserved.Moved() {
		s.out.Printf("port %d is in use: %s uses port %d", moved.Wanted, moved.Purpose, moved.Number)
	}
	s.up = time.Now()
	for _, child := range children {
		p, err := s.start(ctx, child)
		if err != nil {
			return err
		}
		if child.Name == backends.Load {
			s.load = p
		}
	}
	s.printReady()
	return nil
}

func (s *stack) start(ctx context.Context, child backends.Child) (*supervise.Process, error) {
	s.out.Transient("starting " + child.Name)
	for _, port := range child.Ports {
		port.Release()
	}
	p, err := s.group.Start(child.Spec)
	if err != nil {
		return nil, program.Errorf(exitChild, "%w", err)
	}
	if child.Ready == "" {
		return p, nil
	}
	if err := s.waitReady(ctx, p, child); err != nil {
		return nil, err
	}
	return p, nil
}

func (s *stack) waitReady(ctx context.Context, p *supervise.Process, child backends.Child) error {
	waiting, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	ready := make(chan error, 1)
	go func() { ready <- inspect.Client{}.WaitReady(waiting, child.Ready) }()
	select {
	case process := <-s.group.UnexpectedExit(): // this child or an earlier one
		return program.Errorf(exitChild, "%w", process.ExitError())
	case err := <-ready:
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return errors.Join(context.Cause(ctx), errStopped)
		}
		tail := supervise.Tail(p.Log(), 8)
		return program.Errorf(exitChild, "%s was not ready within %v: %w; last lines of %s:\n%s", child.Name, readyTimeout, err, p.Log(), strings.TrimRight(tail, "\n"))
	}
}
