// Package summary holds the figures of a run side by side: what the load sent, what the collector accepted, what Jaeger and
// Prometheus have. Each is counted by a different program, so when they agree nothing was lost on the way.
//
// services/stack gathers the figures; nothing here asks anybody.
package summary

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// Load is the part of client-load's report that is judged and shown.
type Load struct {
	RunID      string  `json:"run_id"`
	Operations int64   `json:"operations"`
	Errors     int64   `json:"errors"`
	Missed     int64   `json:"missed"`
	Seconds    float64 `json:"seconds"`
	Rate       float64 `json:"rate"` // operations a second
	LatencyMS  struct {
		P50 float64 `json:"p50"`
		P99 float64 `json:"p99"`
		Max float64 `json:"max"`
	} `json:"latency_ms"`
	ByCommand   map[string]Command `json:"by_command"`
	LastTraceID string             `json:"last_trace_id"`
}

// Command is what a load counted of one command.
type Command struct {
	Operations int64 `json:"operations"`
	Errors     int64 `json:"errors"`
}

// ReadLoad reads the file that client-load's -report wrote.
func ReadLoad(path string) (*Load, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the load left no report: %w", err)
	}
	var l Load
	if err := json.Unmarshal(text, &l); err != nil {
		return nil, fmt.Errorf("the load's report %s: %w", path, err)
	}
	return &l, nil
}

// Spans are counts of spans along the way from the programs to Jaeger.
type Spans struct {
	Server   int64 `json:"server"`   // made by the server, by its own metric
	Dropped  int64 `json:"dropped"`  // not made or not sent by a program, by its own metrics
	Accepted int64 `json:"accepted"` // by the collector
	Refused  int64 `json:"refused"`  // by the collector
	Failed   int64 `json:"failed"`   // given up by the collector: its queue was full, or Jaeger said no
	Stored   int64 `json:"stored"`   // by Jaeger
}

// Traces are the traces of the load that Jaeger has.
type Traces struct {
	Found   int  `json:"found"`
	Spans   int  `json:"spans"`
	Single  int  `json:"single"`  // of one span alone: its other side is missing
	Keeps   int  `json:"keeps"`   // how many Jaeger keeps at all
	Sampled bool `json:"sampled"` // the user chose that not every operation is a trace
}

// Figures are one run's.
type Figures struct {
	Load    *Load            `json:"load,omitempty"` // nil: no load ran
	Spans   Spans            `json:"spans"`
	Traces  Traces           `json:"traces"`
	Counter map[string]int64 `json:"redis_commands_total"` // by command in lower case, from Prometheus
	Memory  []Memory         `json:"memory"`
}

// Memory is the most that one program had in RAM.
type Memory struct {
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
}

// Losses says, a sentence each, where the figures do not fit together. None is what is wanted; while data is still on its way
// there are some.
func (f Figures) Losses() []string {
	var losses []string
	add := func(bad bool, format string, args ...any) {
		if bad {
			losses = append(losses, fmt.Sprintf(format, args...))
		}
	}
	s := f.Spans
	add(s.Dropped > 0, "%d spans were dropped by the programs before they were sent", s.Dropped)
	add(s.Refused > 0, "%d spans were refused by the collector", s.Refused)
	add(s.Failed > 0, "%d spans were given up by the collector on their way to Jaeger", s.Failed)
	add(s.Stored < s.Accepted, "Jaeger stored %d of the %d spans that the collector accepted", s.Stored, s.Accepted)
	if f.Load == nil {
		return losses
	}
	l := f.Load
	if !f.Traces.Sampled {
		sent := l.Operations + s.Server
		add(s.Accepted < sent, "the collector accepted %d spans; %d were made (%d by the load, %d by the server)", s.Accepted, sent, l.Operations, s.Server)
		want := min(int(l.Operations), f.Traces.Keeps-f.Traces.Keeps/20) // a twentieth may be traces of others
		add(f.Traces.Found < want, "Jaeger has %d of the %d traces it should", f.Traces.Found, want)
		add(f.Traces.Single > 0, "%d traces have one span alone", f.Traces.Single)
	}
	for _, name := range slices.Sorted(maps.Keys(l.ByCommand)) {
		c := l.ByCommand[name]
		counted := f.Counter[strings.ToLower(name)]
		add(counted < c.Operations-c.Errors, "Prometheus counts %d %s; the load sent %d", counted, name, c.Operations)
	}
	return losses
}

// Total is the counter summed over all commands.
func (f Figures) Total() (total int64) {
	for _, n := range f.Counter {
		total += n
	}
	return total
}
