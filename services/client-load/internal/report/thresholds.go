package report

import (
	"fmt"
	"time"
)

// Thresholds are the limits that a run must not violate in order to pass.
type Thresholds struct {
	MaxErrors int64   `json:"max_errors"` // -1 means no limit
	MaxMissed int64   `json:"max_missed"` // -1 means no limit
	MaxP99MS  float64 `json:"max_p99_ms"` // 99th percentile of the latency in milliseconds; 0 means no limit
	MinRate   float64 `json:"min_rate"`   // finished operations per second; 0 means no limit
}

// Violations returns one phrase for each threshold that the run violated.
func (r *Report) Violations() []string {
	var phrases []string
	if r.MaxErrors >= 0 && r.Errors > r.MaxErrors {
		phrases = append(phrases, fmt.Sprintf("%s, at most %d allowed", count(r.Errors, "error"), r.MaxErrors))
	}
	if r.MaxMissed >= 0 && r.Missed > r.MaxMissed {
		phrases = append(phrases, fmt.Sprintf("%s missed, at most %d allowed", count(r.Missed, "operation"), r.MaxMissed))
	}
	if r.MaxP99MS > 0 && r.LatencyMS.P99 > r.MaxP99MS {
		phrases = append(phrases, fmt.Sprintf("p99 is %.3f ms, at most %s allowed", r.LatencyMS.P99, duration(r.MaxP99MS)))
	}
	if r.MinRate > 0 && r.Rate < r.MinRate {
		phrases = append(phrases, fmt.Sprintf("%.1f operations per second, at least %s required", r.Rate, trim(r.MinRate)))
	}
	return phrases
}

// duration formats milliseconds as a flag value: 5ms, 1m30s.
func duration(ms float64) string { return time.Duration(ms * float64(time.Millisecond)).String() }
