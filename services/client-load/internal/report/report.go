// Package report says how a load run went: as JSON for programs, and as a table
// for a person.
//
// services/client-load fills a [Report] from what packages pace and measure
// counted.
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
	MaxErrors   int64     `json:"max_errors"`  // the threshold; -1 is none
	MaxMissed   int64     `json:"max_missed"`  // likewise
	MaxP99MS    float64   `json:"max_p99_ms"`  // likewise; 0 is none
	Passed      bool      `json:"passed"`      // every threshold was met
	Missed      int64     `json:"missed"`      // fell due and could not begin in time
	Retried     int64     `json:"retried"`     // operations that took more than one attempt
	Tally
	ErrorsByType map[string]int64 `json:"errors_by_type"`
	ByCommand    map[string]Tally `json:"by_command"`
	// WakeMS is how late an idle worker began, in milliseconds: what the load
	// generator and its machine, and not the server, add to a latency.
	WakeMS      Percentiles `json:"wake_ms"`
	LastTraceID string      `json:"last_trace_id,omitempty"` // of the last sampled operation

	order []string // of ByCommand, as it was measured
}

// Tally is what came of the operations of one command, or of all.
type Tally struct {
	Operations int64       `json:"operations"` // answered or failed
	Errors     int64       `json:"errors"`     // of those, failed
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

// Limits are what a run must keep to.
type Limits struct {
	Errors, Missed int64         // at most so many; -1 is no limit
	P99            time.Duration // at most so long; 0 is no limit
}

// Limit notes the thresholds, for Measured to judge by.
func (r *Report) Limit(l Limits) {
	r.MaxErrors, r.MaxMissed, r.MaxP99MS = l.Errors, l.Missed, ms(l.P99)
}

// Shortfalls says which thresholds were missed, a phrase each.
func (r *Report) Shortfalls() (phrases []string) {
	if r.MaxErrors >= 0 && r.Errors > r.MaxErrors {
		phrases = append(phrases, fmt.Sprintf("%d errors, at most %d are allowed", r.Errors, r.MaxErrors))
	}
	if r.MaxMissed >= 0 && r.Missed > r.MaxMissed {
		phrases = append(phrases, fmt.Sprintf("%d missed operations, at most %d are allowed", r.Missed, r.MaxMissed))
	}
	if r.MaxP99MS > 0 && r.LatencyMS.P99 > r.MaxP99MS {
		phrases = append(phrases, fmt.Sprintf("a 99th percentile of %.3f ms, at most %.3f ms are allowed", r.LatencyMS.P99, r.MaxP99MS))
	}
	return phrases
}

// Measured fills in what a Recorder knows. Seconds, Missed and the thresholds must have been set.
func (r *Report) Measured(s measure.Snapshot) {
	r.Tally = tally(s.All)
	r.ErrorsByType = s.All.ErrorsByType
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

// The lines around the report in a log.
const (
	beginMark = "-----BEGIN LOAD REPORT-----"
	endMark   = "-----END LOAD REPORT-----"
)

// WriteMarked writes the report as one line of JSON between two marks, for whoever has nothing of the run but its log.
func (r *Report) WriteMarked(w io.Writer) error {
	text, err := json.Marshal(r)
	if err == nil {
		_, err = fmt.Fprintf(w, "\n%s\n%s\n%s\n", beginMark, text, endMark)
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
	return Tally{Operations: t.Operations, Errors: t.Errors, LatencyMS: percentiles(t.Latency)}
}

func percentiles(d measure.Distribution) Percentiles {
	return Percentiles{P50: ms(d.P50), P90: ms(d.P90), P99: ms(d.P99), P999: ms(d.P999), Max: ms(d.Max)}
}

// ms is milliseconds to the microsecond, which is all that the histogram tells apart.
func ms(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond)) / float64(time.Millisecond)
}
