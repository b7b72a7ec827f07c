package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"mini-redis/internal/inspect"
	"mini-redis/internal/program"
	"mini-redis/services/stack/internal/backends"
	"mini-redis/services/stack/internal/summary"
)

// drainTimeout is how long telemetry may take to arrive after the end of the load. Batches and
// pushes take up to 2 s, retries up to 5 s.
const drainTimeout = 20 * time.Second

// loadExitThreshold is client-load's exit code for more failed operations than allowed.
const loadExitThreshold = 2

// verify waits until all telemetry has arrived and prints the summary. It returns an error if data
// is missing or operations failed.
func (s *stack) verify(ctx context.Context) error {
	if s.load != nil {
		if code := s.load.ExitCode(); code != 0 && code != loadExitThreshold {
			return program.Errorf(exitChild, "%w", s.load.ExitError())
		}
	}
	figures, err := s.drain(ctx)
	if err != nil {
		return err
	}
	s.sampleMemory()
	for _, p := range s.group.Processes() {
		if bytes := s.peaks[p.Name()]; bytes > 0 {
			figures.Memory = append(figures.Memory, summary.Memory{Name: p.Name(), Bytes: bytes})
		}
	}
	losses := figures.Losses()
	s.out.ClearLive()
	s.out.Print("\n" + figures.Text())
	s.out.Print("\n")
	s.emit(event{Event: "summary", Summary: figures, Losses: losses})
	switch {
	case len(losses) > 0:
		return program.Errorf(exitLost, "the counts do not agree %v after the end of the load: %s", drainTimeout, strings.Join(losses, "; "))
	case figures.Load != nil && figures.Load.Errors > 0:
		return program.Errorf(exitLost, "%d operations failed", figures.Load.Errors)
	}
	return nil
}

// drain reads the counts until they agree or drainTimeout has passed.
func (s *stack) drain(ctx context.Context) (*summary.Figures, error) {
	deadline := time.Now().Add(drainTimeout)
	figures := &summary.Figures{}
	if s.load != nil {
		load, err := summary.ReadLoad(s.settings.ReportFile())
		if err != nil {
			return nil, program.Errorf(exitChild, "%w", err)
		}
		figures.Load = load
	}
	for {
		err := s.readFigures(ctx, figures)
		if err == nil && len(figures.Losses()) == 0 || time.Now().After(deadline) {
			return figures, err
		}
		s.out.Live("drain", "  waiting for the telemetry to arrive")
		select {
		case <-ctx.Done():
			return nil, errors.Join(context.Cause(ctx), errStopped)
		case process := <-s.group.UnexpectedExit():
			return nil, program.Errorf(exitChild, "%w", process.ExitError())
		case <-time.After(250 * time.Millisecond):
		}
	}
}

// readFigures reads the counts of Prometheus, Jaeger, the collector and the server into f.
func (s *stack) readFigures(ctx context.Context, f *summary.Figures) error {
	p := s.settings.Ports
	prometheus := inspect.Prometheus{Base: p.Prometheus.URL("")}
	commands, err := prometheus.ByLabel(ctx, "sum by (cmd) (redis_commands_total)", "cmd")
	if err != nil {
		return err
	}
	f.Counter = map[string]int64{}
	for cmd, n := range commands {
		f.Counter[cmd] = int64(math.Round(n))
	}
	if f.Spans, err = s.spans(ctx); err != nil {
		return err
	}
	if f.Load == nil {
		return nil
	}
	f.Traces.Keeps, f.Traces.Sampled = backends.MaxTraces(s.settings.Rate), s.settings.Sampled()
	jaeger := inspect.Jaeger{Base: p.JaegerHTTP.URL("")}
	count, err := jaeger.Count(ctx, backends.Load, s.up, time.Now(), f.Traces.Keeps)
	f.Traces.Found, f.Traces.Spans, f.Traces.Single = count.Traces, count.Spans, count.Single
	return err
}

// spans reads the span counts of the server, the collector and Jaeger.
func (s *stack) spans(ctx context.Context) (spans summary.Spans, err error) {
	p := s.settings.Ports
	server, err := inspect.Client{}.Totals(ctx, p.Admin.URL("/metrics"))
	if err != nil {
		return spans, err
	}
	collector, err := inspect.Client{}.Totals(ctx, p.CollectorTelemetry.URL("/metrics"))
	if err != nil {
		return spans, err
	}
	jaeger, err := inspect.Client{}.Totals(ctx, p.JaegerTelemetry.URL("/metrics"))
	if err != nil {
		return spans, err
	}
	return summary.Spans{
		Server:   counter(server, "mini_redis_spans"),
		Dropped:  counter(server, "mini_redis_spans_dropped"),
		Accepted: counter(collector, "otelcol_receiver_accepted_spans"),
		Refused:  counter(collector, "otelcol_receiver_refused_spans"),
		Failed:   counter(collector, "otelcol_exporter_send_failed_spans") + counter(collector, "otelcol_exporter_enqueue_failed_spans"),
		Stored:   counter(jaeger, "otelcol_exporter_sent_spans"),
	}, nil
}

// counter returns the value of a counter. Depending on the version of the collector, which Jaeger
// is built from, its name ends in _total or not.
func counter(totals map[string]float64, name string) int64 {
	return int64(totals[name] + totals[name+"_total"])
}

// loadSummary formats the results of a load that was stopped early.
func (s *stack) loadSummary() string {
	load, err := summary.ReadLoad(s.settings.ReportFile())
	if err != nil {
		return ""
	}
	return fmt.Sprintf("  load: %d operations, %d errors, p50 %.2f ms, p99 %.2f ms\n", load.Operations, load.Errors, load.LatencyMS.P50, load.LatencyMS.P99)
}
