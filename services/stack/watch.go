package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"mini-redis/internal/inspect"
	"mini-redis/internal/program"
	"mini-redis/services/stack/internal/backends"
)

// refresh is how often the live line is renewed.
const refresh = 2 * time.Second

// watch keeps the live line until the load has ended by itself, a child dies, or ctx ends.
func (s *stack) watch(ctx context.Context) error {
	var loadDone <-chan struct{}
	if s.load != nil && s.flags.duration > 0 {
		loadDone = s.load.Done()
	}
	var timeUp <-chan time.Time
	if s.load == nil && s.flags.duration > 0 {
		timer := time.NewTimer(s.flags.duration)
		defer timer.Stop()
		timeUp = timer.C
	}
	tick := time.NewTicker(refresh)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return s.interrupted(ctx)
		case died := <-s.group.Died():
			return program.Errorf(exitChild, "%w", died.DeathError())
		case <-loadDone:
			return s.conclude(ctx)
		case <-timeUp:
			return s.conclude(ctx)
		case <-tick.C:
			s.measure()
			s.showLive(ctx)
		}
	}
}

// measure notes the memory of the processes that still run: the load is gone when the summary is made.
func (s *stack) measure() {
	for _, p := range s.group.Processes() {
		if bytes := p.PeakMemory(); bytes > 0 {
			s.peaks[p.Name()] = bytes
		}
	}
}

func (s *stack) showLive(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, refresh)
	defer cancel()
	parts := []string{"up " + time.Since(s.up).Round(time.Second).String()}
	prometheus := inspect.Prometheus{Base: s.settings.Ports.Prometheus.URL("")}
	if rate, ok, err := prometheus.Scalar(ctx, "sum(rate(redis_commands_total[15s]))"); err == nil && ok {
		parts = append(parts, fmt.Sprintf("%.1f commands/s", rate))
	}
	jaeger := inspect.Jaeger{Base: s.settings.Ports.JaegerHTTP.URL("")}
	if id, err := jaeger.Newest(ctx, backends.Server); err == nil && id != "" {
		parts = append(parts, "last trace "+jaeger.TraceURL(id))
	}
	s.show.Live("status", "  "+strings.Join(parts, " · "))
}

// interrupted stops the load, so that it can say how it went, and passes the wish to stop on.
func (s *stack) interrupted(ctx context.Context) error {
	s.show.Done()
	if s.load != nil && s.load.Stop(context.WithoutCancel(ctx)) == nil {
		if text := s.loadText(); text != "" {
			s.show.Print(text)
		}
	}
	return errStopped
}
