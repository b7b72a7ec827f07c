package observe

import (
	"math"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// histogramMetric is one series of a histogram, made for one scrape. The client
// library's own histograms observe each value by themselves; these are written
// from counters that already exist.
type histogramMetric struct {
	desc      *prometheus.Desc
	labels    []*dto.LabelPair
	histogram *dto.Histogram
}

var _ prometheus.Metric = (*histogramMetric)(nil)

// Desc implements prometheus.Metric.
func (m *histogramMetric) Desc() *prometheus.Desc { return m.desc }

// Write implements prometheus.Metric.
func (m *histogramMetric) Write(out *dto.Metric) error {
	out.Label, out.Histogram = m.labels, m.histogram
	return nil
}

// dual renders a command's durations as a histogram with both fixed and
// exponential buckets; a reader takes the ones it knows. Exemplars stand in
// the fixed buckets, and once more in a list for the exponential ones.
func (p *partition) dual(n *counts, exemplars []exemplar, created, now time.Time) *dto.Histogram {
	fixed := make([]uint64, len(p.classic)+1)
	native := make([]uint64, nativeCount+2)
	for cell, k := range n.cells[:p.cells] {
		fixed[p.toClassic[cell]] += k
		native[int(p.toNative[cell])-nativeLow] += k
	}
	h := &dto.Histogram{
		SampleSum:        new(float64(n.ns) / 1e9),
		Schema:           new(int32(nativeSchema)),
		ZeroThreshold:    new(zeroWidth),
		ZeroCount:        new(native[0]),
		CreatedTimestamp: timestamppb.New(created),
	}
	h.PositiveSpan, h.PositiveDelta = spansOf(native[1:], nativeLow+1)
	var sum uint64
	for i, k := range fixed {
		sum += k
		var shown *dto.Exemplar
		if i < len(exemplars) {
			shown = exemplars[i].encode(now)
		}
		if shown != nil {
			h.Exemplars = append(h.Exemplars, shown) // ascending, as the buckets are
		}
		switch {
		case i < len(p.classic):
			h.Bucket = append(h.Bucket, &dto.Bucket{
				UpperBound: new(float64(p.classic[i]) / 1e9), CumulativeCount: new(sum), Exemplar: shown,
			})
		case shown != nil: // the bucket +Inf is implied unless it has an exemplar
			h.Bucket = append(h.Bucket, infBucket(sum, shown))
		}
	}
	h.SampleCount = new(sum)
	return h
}

// spansOf encodes exponential buckets, of which the first has the number low:
// runs of buckets, each count as the difference to the one before. Gaps of one or
// two empty buckets are cheaper within a run than between two.
func spansOf(count []uint64, low int) (spans []*dto.BucketSpan, deltas []int64) {
	const gap = 2
	end := 0 // number after the last bucket written
	var previous int64
	put := func(k uint64) {
		deltas = append(deltas, int64(k)-previous)
		previous = int64(k)
		*spans[len(spans)-1].Length++
	}
	for i, k := range count {
		if k == 0 {
			continue
		}
		number := low + i
		if len(spans) == 0 || number-end > gap {
			spans = append(spans, &dto.BucketSpan{Offset: new(int32(number - end)), Length: new(uint32(0))})
		} else {
			for range number - end {
				put(0)
			}
		}
		put(k)
		end = number + 1
	}
	return spans, deltas
}

// histogram renders the number of commands in a batch.
func (b *batches) histogram(created time.Time) *dto.Histogram {
	h := &dto.Histogram{
		SampleCount: new(b.count), SampleSum: new(float64(b.total)), CreatedTimestamp: timestamppb.New(created),
	}
	var sum uint64
	for i, k := range b.sizes[:batchSizes-1] {
		sum += k
		h.Bucket = append(h.Bucket, &dto.Bucket{UpperBound: new(float64(uint64(1) << i)), CumulativeCount: new(sum)})
	}
	return h
}

// infBucket is the bucket without a bound.
func infBucket(count uint64, shown *dto.Exemplar) *dto.Bucket {
	return &dto.Bucket{UpperBound: new(math.Inf(1)), CumulativeCount: new(count), Exemplar: shown}
}
