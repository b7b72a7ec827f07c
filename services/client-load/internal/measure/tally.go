package measure

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Range and significant digits of the histograms. Latencies outside the range are
// recorded as its nearest bound. The exact maximum is stored separately.
const (
	lowest  = time.Microsecond
	highest = time.Minute
	digits  = 3
)

// tally accumulates the number, errors, retries and latencies of operations.
type tally struct {
	errors  map[string]int64
	retried int64            // operations that took more than one attempt
	retries map[string]int64 // failed attempts that were followed by another attempt
	latency *hdrhistogram.Histogram
	max     time.Duration
}

func newTally() *tally {
	return &tally{errors: map[string]int64{}, retries: map[string]int64{}, latency: hdrhistogram.New(int64(lowest), int64(highest), digits)}
}

func (t *tally) add(d time.Duration, errorType string) {
	// RecordValue only fails for a value outside the range.
	_ = t.latency.RecordValue(int64(min(max(d, lowest), highest)))
	t.max = max(t.max, d)
	if errorType != "" {
		t.errors[errorType]++
	}
}

func (t *tally) merge(from *tally) {
	t.latency.Merge(from.latency)
	t.max = max(t.max, from.max)
	t.retried += from.retried
	for typ, n := range from.errors {
		t.errors[typ] += n
	}
	for typ, n := range from.retries {
		t.retries[typ] += n
	}
}

// since returns the difference between t and before, an earlier state of the same
// tally. Its maximum comes from the histogram and has only the histogram's accuracy.
func (t *tally) since(before *tally) *tally {
	d := newTally()
	counts := t.latency.Export()
	for i, n := range before.latency.Export().Counts {
		counts.Counts[i] -= n
	}
	d.latency = hdrhistogram.Import(counts)
	d.max = time.Duration(d.latency.Max())
	d.retried = t.retried - before.retried
	d.errors, d.retries = increase(t.errors, before.errors), increase(t.retries, before.retries)
	return d
}

// increase returns how much each count has grown. It omits counts that have not grown.
func increase(now, before map[string]int64) map[string]int64 {
	grown := map[string]int64{}
	for typ, n := range now {
		if more := n - before[typ]; more > 0 {
			grown[typ] = more
		}
	}
	return grown
}

func (t *tally) summary(command string) Tally {
	s := Tally{
		Command: command, Operations: t.latency.TotalCount(), ErrorsByType: t.errors,
		Retried: t.retried, RetriesByType: t.retries, Latency: t.distribution(),
	}
	for _, n := range t.errors {
		s.Errors += n
	}
	for _, n := range t.retries {
		s.Retries += n
	}
	return s
}

func (t *tally) distribution() Distribution {
	if t.latency.TotalCount() == 0 {
		return Distribution{}
	}
	at := t.latency.ValueAtPercentilesSlice([]float64{50, 90, 99, 99.9})
	// The histogram returns the upper end of a bucket, which may be above the maximum.
	d := func(i int) time.Duration { return min(time.Duration(at[i]), t.max) }
	return Distribution{P50: d(0), P90: d(1), P99: d(2), P999: d(3), Max: t.max}
}
