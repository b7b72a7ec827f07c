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

// readyTimeout is how long a program may take to become ready: they take a tenth of a second on an idle machine.
const readyTimeout = 90 * time.Second

// buildAll returns the paths of all five programs. The project's own come first: when the checkout does not compile, that is
// known in seconds and not after minutes of building backends.
func (s *stack) buildAll(ctx context.Context) (map[string]string, error) {
	logs := filepath.Join(s.dir, "logs")
	if err := os.MkdirAll(logs, 0o755); err != nil {
		return nil, err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, fmt.Errorf("no directory to keep what is built: %w", err)
	}
	step := "1/4"
	b := &build.Builder{
		Go: "go", Env: os.Environ(), Cache: filepath.Join(cache, "mini-redis"), Logs: logs, Start: s.nursery.Start,
		Progress: func(p build.Progress) { s.show.Build(step, p) },
	}
	bin := filepath.Join(s.dir, "bin")
	if err := b.Into(ctx, backends.Own(s.root), bin); err != nil {
		return nil, err
	}
	programs := map[string]string{backends.Server: filepath.Join(bin, backends.Server), backends.Load: filepath.Join(bin, backends.Load)}
	warned := false
	for i, name := range []string{backends.Collector, backends.Prometheus, backends.Jaeger} {
		step = fmt.Sprintf("%d/4", i+2)
		if given := *s.flags.given[name]; given != "" {
			if programs[name], err = filepath.Abs(given); err != nil {
				return nil, err
			}
			continue
		}
		target, err := backends.Backend(s.root, name)
		if err != nil {
			return nil, err
		}
		if !warned {
			warned, err = s.warnOfFirstBuild(ctx, b, target)
			if err != nil {
				return nil, err
			}
		}
		if programs[name], err = b.Ensure(ctx, target); err != nil {
			return nil, err
		}
	}
	s.show.Done()
	return programs, nil
}

// warnOfFirstBuild says, when a target is not built yet, that this takes a while and what it leaves behind.
func (s *stack) warnOfFirstBuild(ctx context.Context, b *build.Builder, target build.Target) (bool, error) {
	_, ok, err := b.Cached(ctx, target)
	if err != nil || ok {
		return false, err
	}
	s.show.Printf("The first start builds the collector, Prometheus and Jaeger from their Go modules: some minutes, once.\nThe programs are kept in %s; -collector, -prometheus and -jaeger take ready ones.", b.Cache)
	return true, nil
}

// startAll starts the children in their order, waits until each is ready, and says where they are.
func (s *stack) startAll(ctx context.Context, programs map[string]string) error {
	found, err := backends.ReservePorts()
	if err != nil {
		return program.Errorf(exitChild, "%w", err)
	}
	s.settings = backends.Settings{
		Dir: s.dir, Programs: programs, Environ: os.Environ(), Ports: found,
		Overlays: s.flags.overlays, Rate: s.flags.loadRate(), Duration: s.flags.duration,
	}
	children, err := backends.Prepare(s.settings)
	if err != nil {
		return err
	}
	for _, moved := range found.Moved() {
		s.show.Printf("port %d is in use: %s gets %d", moved.Wanted, moved.Purpose, moved.Number)
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
	s.announce()
	return nil
}

func (s *stack) start(ctx context.Context, child backends.Child) (*supervise.Process, error) {
	s.show.Transient("starting " + child.Name)
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
	case died := <-s.group.Died(): // this one or one before it
		return program.Errorf(exitChild, "%w", died.DeathError())
	case err := <-ready:
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return errors.Join(context.Cause(ctx), errStopped)
		}
		words := supervise.Tail(p.Log(), 8)
		return program.Errorf(exitChild, "%s was not ready within %v: %w; its last words, from %s:\n%s", child.Name, readyTimeout, err, p.Log(), strings.TrimRight(words, "\n"))
	}
}
