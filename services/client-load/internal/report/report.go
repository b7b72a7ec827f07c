// Package report says how a load run went, and whether well enough: as JSON for
// programs, and as a table for a person.
//
// services/client-load fills a [Report] from what packages pace and measure
// counted, and judges it by [Thresholds].
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"mini-redis/services/client-load/internal/measure"
)

// Report is a run. Every operation that fell due is in Operations or in Missed.
type Report struct {
	RunID       string    `json:"run_id"`
	Address     string    `json:"address"`
	Started     time.Time `json:"started"`
	Interrupted bool      `json:"interrupted"` // stopped by a signal
	Seconds     float64   `json:"seconds"`     // from the first operation due to the last answer
	TargetRate  float64   `json:"target_rate"` // operations a second that were due
	Rate        float64   `json:"rate"`        // operations a second that were answered or failed
	Thresholds
	Passed bool  `json:"passed"` // every threshold was met
	Missed int64 `json:"missed"` // fell due and could not begin in time
	Tally
	ErrorsByType  map[string]int64 `json:"errors_by_type"`
	RetriesByType map[string]int64 `json:"retries_by_type"` // by the error that was followed by another attempt
	ByCommand     map[string]Tally `json:"by_command"`
	// WakeMS is how late an idle worker began, in milliseconds: what the load
	// generator and its machine, and not the server, add to a latency.
	WakeMS      Percentiles `json:"wake_ms"`
	LastTraceID string      `json:"last_trace_id,omitempty"` // of the last sampled operation

	order []string // of ByCommand, as it was measured
}

// Tally is what came of the operations of one command, or of all. Operations +
// Retries is how many attempts were made, each of them a trace of its own; so is
// what a node of a Redis Cluster sends on to another one.
type Tally struct {
	Operations int64       `json:"operations"` // answered or failed
	Errors     int64       `json:"errors"`     // of those, failed in their last attempt
	Retried    int64       `json:"retried"`    // of those, took more than one attempt
	Retries    int64       `json:"retries"`    // attempts that failed and were followed by another
	LatencyMS  Percentiles `json:"latency_ms"` // from when they were due, in milliseconds
}

// Percentiles of a set of durations, in milliseconds.
type Percentiles struct {
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
	Max  float64 `json:"max"`
}

// Measured fills in what a Recorder knows, and the verdict. Seconds, Missed and
// the Thresholds must have been set.
func (r *Report) Measured(s measure.Snapshot) {
	r.Tally = tally(s.All)
	r.ErrorsByType, r.RetriesByType = s.All.ErrorsByType, s.All.RetriesByType
	r.WakeMS = percentiles(s.Wake)
	r.ByCommand = map[string]Tally{}
	for _, c := range s.Commands {
		r.ByCommand[c.Command] = tally(c)
		r.order = append(r.order, c.Command)
	}
	if s.LastTrace.IsValid() {
		r.LastTraceID = s.LastTrace.String()
	}
	if r.Seconds > 0 {
		r.Rate = float64(r.Operations) / r.Seconds
	}
	r.Passed = len(r.Shortfalls()) == 0
}

// The lines around a report that [Report.WriteMarked] writes.
const (
	BeginMark = "-----BEGIN LOAD REPORT-----"
	EndMark   = "-----END LOAD REPORT-----"
)

// WriteMarked writes the report as one line of JSON between [BeginMark] and
// [EndMark], for whoever has nothing of the run but its log.
func (r *Report) WriteMarked(w io.Writer) error {
	text, err := json.Marshal(r)
	if err == nil {
		_, err = fmt.Fprintf(w, "\n%s\n%s\n%s\n", BeginMark, text, EndMark)
	}
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// WriteFile writes the report as JSON. Whoever reads the file sees all of it or
// none: it is written beside its place and moved there.
func (r *Report) WriteFile(name string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(append(text, '\n'))
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Chmod(f.Name(), 0o644) // CreateTemp's 0600 would hide it from whoever collects it
	}
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

func tally(t measure.Tally) Tally {
	return Tally{Operations: t.Operations, Errors: t.Errors, Retried: t.Retried, Retries: t.Retries, LatencyMS: percentiles(t.Latency)}
}

func percentiles(d measure.Distribution) Percentiles {
	return Percentiles{P50: ms(d.P50), P90: ms(d.P90), P99: ms(d.P99), P999: ms(d.P999), Max: ms(d.Max)}
}

// ms is milliseconds to the microsecond, which is all that the histogram tells apart.
func ms(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond)) / float64(time.Millisecond)
}
