package report

import (
	"fmt"
	"time"
)

// Thresholds are what a run must keep to for it to have gone well.
type Thresholds struct {
	MaxErrors int64   `json:"max_errors"` // -1 is no limit
	MaxMissed int64   `json:"max_missed"` // -1 is no limit
	MaxP99MS  float64 `json:"max_p99_ms"` // of the latency, in milliseconds; 0 is no limit
	MinRate   float64 `json:"min_rate"`   // operations a second that were answered or failed; 0 is no limit
}

// Shortfalls says which thresholds the run missed, a phrase each.
func (r *Report) Shortfalls() []string {
	var phrases []string
	if r.MaxErrors >= 0 && r.Errors > r.MaxErrors {
		phrases = append(phrases, fmt.Sprintf("%s, at most %d are allowed", count(r.Errors, "error"), r.MaxErrors))
	}
	if r.MaxMissed >= 0 && r.Missed > r.MaxMissed {
		phrases = append(phrases, fmt.Sprintf("%s missed, at most %d are allowed", count(r.Missed, "operation"), r.MaxMissed))
	}
	if r.MaxP99MS > 0 && r.LatencyMS.P99 > r.MaxP99MS {
		phrases = append(phrases, fmt.Sprintf("a p99 of %.3f ms, at most %s is allowed", r.LatencyMS.P99, duration(r.MaxP99MS)))
	}
	if r.MinRate > 0 && r.Rate < r.MinRate {
		phrases = append(phrases, fmt.Sprintf("%.1f operations a second, at least %s are asked for", r.Rate, trim(r.MinRate)))
	}
	return phrases
}

// duration writes milliseconds as a flag has them: 5ms, 1m30s.
func duration(ms float64) string { return time.Duration(ms * float64(time.Millisecond)).String() }
