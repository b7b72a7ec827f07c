// Package summary compares the counts of a run: what the load sent, what the collector accepted and
// what Jaeger and Prometheus stored. Different programs count them, so if the counts agree, no data
// was lost.
//
// services/stack collects the counts. This package makes no requests.
package summary

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// Load is the part of client-load's report that the summary uses.
type Load struct {
	RunID      string  `json:"run_id"`
	Operations int64   `json:"operations"`
	Errors     int64   `json:"errors"`
	Missed     int64   `json:"missed"`
	Seconds    float64 `json:"seconds"`
	Rate       float64 `json:"rate"` // operations per second
	LatencyMS  struct {
		P50 float64 `json:"p50"`
		P99 float64 `json:"p99"`
		Max float64 `json:"max"`
	} `json:"latency_ms"`
	ByCommand   map[string]Command `json:"by_command"`
	LastTraceID string             `json:"last_trace_id"`
}

// Command holds the load's counts for one command.
type Command struct {
	Operations int64 `json:"operations"`
	Errors     int64 `json:"errors"`
}

// ReadLoad reads a report that client-load -report has written.
func ReadLoad(path string) (*Load, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("no report of the load: %w", err)
	}
	var l Load
	if err := json.Unmarshal(text, &l); err != nil {
		return nil, fmt.Errorf("the load's report %s: %w", path, err)
	}
	return &l, nil
}

// Spans holds the counts of spans at each step from the programs to Jaeger.
type Spans struct {
	Server   int64 `json:"server"`   // created by the server, from its own metric
	Dropped  int64 `json:"dropped"`  // dropped by the server before export, from its own metric
	Accepted int64 `json:"accepted"` // accepted by the collector's receiver
	Refused  int64 `json:"refused"`  // refused by the collector's receiver
	Failed   int64 `json:"failed"`   // dropped by the collector's exporter: its queue was full, or Jaeger rejected them
	Stored   int64 `json:"stored"`   // stored by Jaeger
}

// Traces describes the traces of the load that Jaeger has stored.
type Traces struct {
	Found   int  `json:"found"`
	Spans   int  `json:"spans"`
	Single  int  `json:"single"`  // traces with only one span: the client's or the server's span is missing
	Keeps   int  `json:"keeps"`   // maximum number of traces that Jaeger keeps
	Sampled bool `json:"sampled"` // a sampler is configured, so not every operation has a trace
}

// Figures holds all counts of one run.
type Figures struct {
	Load    *Load            `json:"load,omitempty"` // nil if no load was run
	Spans   Spans            `json:"spans"`
	Traces  Traces           `json:"traces"`
	Counter map[string]int64 `json:"redis_commands_total"` // from Prometheus, by command in lower case
	Memory  []Memory         `json:"memory"`
}

// Memory is the peak resident memory of one program.
type Memory struct {
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
}

// Losses returns one sentence for each inconsistency between the counts. While telemetry is still
// in transit there are inconsistencies; afterwards the result is empty unless data was lost.
func (f Figures) Losses() []string {
	var losses []string
	add := func(lost bool, format string, args ...any) {
		if lost {
			losses = append(losses, fmt.Sprintf(format, args...))
		}
	}
	s := f.Spans
	add(s.Dropped > 0, "%d spans were dropped by the server before export", s.Dropped)
	add(s.Refused > 0, "%d spans were refused by the collector", s.Refused)
	add(s.Failed > 0, "%d spans were dropped by the collector's exporter to Jaeger", s.Failed)
	add(s.Stored < s.Accepted, "Jaeger stored %d of the %d spans that the collector accepted", s.Stored, s.Accepted)
	if f.Load == nil {
		return losses
	}
	l := f.Load
	if !f.Traces.Sampled {
		sent := l.Operations + s.Server
		add(s.Accepted < sent, "the collector accepted %d spans; %d were created (%d by the load, %d by the server)", s.Accepted, sent, l.Operations, s.Server)
		want := min(int(l.Operations), f.Traces.Keeps-f.Traces.Keeps/20) // 5 % may be traces of other clients
		add(f.Traces.Found < want, "Jaeger has %d of the %d expected traces", f.Traces.Found, want)
		add(f.Traces.Single > 0, "%d traces have only one span", f.Traces.Single)
	}
	for _, name := range slices.Sorted(maps.Keys(l.ByCommand)) {
		c := l.ByCommand[name]
		counted := f.Counter[strings.ToLower(name)]
		add(counted < c.Operations-c.Errors, "Prometheus counted %d %s; the load sent %d", counted, name, c.Operations)
	}
	return losses
}

// Total returns the sum of the counter over all commands.
func (f Figures) Total() (total int64) {
	for _, n := range f.Counter {
		total += n
	}
	return total
}
