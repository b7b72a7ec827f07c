package measure

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Latencies outside of these bounds are recorded as the bound; the maximum is
// kept exactly beside the histogram.
const (
	lowest  = time.Microsecond
	highest = time.Minute
	digits  = 3
)

// tally sums up operations: how many, which errors, how long.
type tally struct {
	errors  map[string]int64
	latency *hdrhistogram.Histogram
	max     time.Duration
}

func newTally() *tally {
	return &tally{errors: map[string]int64{}, latency: hdrhistogram.New(int64(lowest), int64(highest), digits)}
}

func (t *tally) add(d time.Duration, errorType string) {
	// The only error is a value out of the bounds.
	_ = t.latency.RecordValue(int64(min(max(d, lowest), highest)))
	t.max = max(t.max, d)
	if errorType != "" {
		t.errors[errorType]++
	}
}

func (t *tally) merge(from *tally) {
	t.latency.Merge(from.latency)
	t.max = max(t.max, from.max)
	for typ, n := range from.errors {
		t.errors[typ] += n
	}
}

func (t *tally) summary(command string) Tally {
	s := Tally{Command: command, Operations: t.latency.TotalCount(), ErrorsByType: t.errors, Latency: t.distribution()}
	for _, n := range t.errors {
		s.Errors += n
	}
	return s
}

func (t *tally) distribution() Distribution {
	if t.latency.TotalCount() == 0 {
		return Distribution{}
	}
	at := t.latency.ValueAtPercentilesSlice([]float64{50, 90, 99, 99.9})
	// A histogram answers with the upper end of a bucket, which may be above what was seen.
	d := func(i int) time.Duration { return min(time.Duration(at[i]), t.max) }
	return Distribution{P50: d(0), P90: d(1), P99: d(2), P999: d(3), Max: t.max}
}
