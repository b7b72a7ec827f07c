// Package report writes the report of a load run, as JSON or as a table, and
// compares the results with thresholds.
//
// services/client-load fills a [Report] with the results of packages pace and
// measure and compares it with its [Thresholds].
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

// Report describes a load run. Every operation that was due is counted either in
// Operations or in Missed.
type Report struct {
	RunID       string    `json:"run_id"`
	Address     string    `json:"address"`
	Started     time.Time `json:"started"`
	Interrupted bool      `json:"interrupted"` // ended early by a signal
	Seconds     float64   `json:"seconds"`     // from the start of the schedule to the last reply or, if later, the end of the schedule
	TargetRate  float64   `json:"target_rate"` // scheduled operations per second
	Rate        float64   `json:"rate"`        // finished operations per second
	Thresholds
	Passed bool  `json:"passed"` // no threshold was violated
	Missed int64 `json:"missed"` // were due and could not start in time
	Tally
	ErrorsByType  map[string]int64 `json:"errors_by_type"`
	RetriesByType map[string]int64 `json:"retries_by_type"` // by the type of the error that caused the retry
	ByCommand     map[string]Tally `json:"by_command"`
	// WakeMS is the delay of idle workers after the scheduled time, in milliseconds.
	// The load generator and its machine, not the server, add it to the latency.
	WakeMS      Percentiles `json:"wake_ms"`
	LastTraceID string      `json:"last_trace_id,omitempty"` // of the last sampled operation

	order []string // keys of ByCommand in the order of the table
}

// Tally summarizes the operations of one command or of all commands. Operations +
// Retries is the number of attempts. Each attempt is one trace. A redirection by
// a node of a Redis Cluster adds a trace.
type Tally struct {
	Operations int64       `json:"operations"` // succeeded or failed
	Errors     int64       `json:"errors"`     // operations whose last attempt failed
	Retried    int64       `json:"retried"`    // operations that took more than one attempt
	Retries    int64       `json:"retries"`    // failed attempts that were followed by another attempt
	LatencyMS  Percentiles `json:"latency_ms"` // from the scheduled time, in milliseconds
}

// Percentiles of a set of durations, in milliseconds.
type Percentiles struct {
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
	Max  float64 `json:"max"`
}

// SetMeasurements sets the fields that come from a Recorder, and Rate and Passed.
// Seconds, Missed and Thresholds must be set before.
func (r *Report) SetMeasurements(s measure.Snapshot) {
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
	r.Passed = len(r.Violations()) == 0
}

// The lines before and after the report that [Report.WriteMarked] writes.
const (
	BeginMark = "-----BEGIN LOAD REPORT-----"
	EndMark   = "-----END LOAD REPORT-----"
)

// WriteMarked writes the report as one line of JSON between [BeginMark] and
// [EndMark], so that a program can extract it from the log of the run.
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

// WriteFile writes the report as JSON. It writes a temporary file in the same
// directory and renames it, so that a reader never sees a partial report.
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
		err = os.Chmod(f.Name(), 0o644) // CreateTemp uses 0600; other users must be able to read the report
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

// ms converts d to milliseconds, rounded to 1 us, which is the histogram's lower bound.
func ms(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond)) / float64(time.Millisecond)
}
