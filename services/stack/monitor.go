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

// refreshInterval is the interval between updates of the live line.
const refreshInterval = 2 * time.Second

// monitor updates the live line until the load or -duration ends, a child exits unexpectedly, or
// ctx is done.
func (s *stack) monitor(ctx context.Context) error {
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
	ticker := time.NewTicker(refreshInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return s.interrupted(ctx)
		case process := <-s.group.UnexpectedExit():
			return program.Errorf(exitChild, "%w", process.ExitError())
		case <-loadDone:
			return s.verify(ctx)
		case <-timeUp:
			return s.verify(ctx)
		case <-ticker.C:
			s.sampleMemory()
			s.showLive(ctx)
		}
	}
}

// sampleMemory records the peak memory of the running processes. It must be called during the run,
// because the load has ended when the summary is printed.
func (s *stack) sampleMemory() {
	for _, p := range s.group.Processes() {
		if bytes := p.PeakMemory(); bytes > 0 {
			s.peaks[p.Name()] = bytes
		}
	}
}

// showLive updates the live line.
func (s *stack) showLive(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, refreshInterval)
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
	s.out.Live("status", "  "+strings.Join(parts, " · "))
}

// interrupted stops the load, prints its results and returns errStopped.
func (s *stack) interrupted(ctx context.Context) error {
	s.out.ClearLive()
	if s.load != nil && s.load.Stop(context.WithoutCancel(ctx)) == nil {
		if text := s.loadSummary(); text != "" {
			s.out.Print(text)
		}
	}
	return errStopped
}
