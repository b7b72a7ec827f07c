package observe

import (
	"math"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// histogramMetric is one series of a histogram for one scrape. The histograms of the
// client library count each value themselves; this one is rendered from existing counters.
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

// dual renders a command's execution times as a histogram with both fixed and exponential
// buckets; a reader uses those that it knows. Exemplars are part of the fixed buckets, and
// also listed for the exponential ones.
func (p *partition) dual(n *counts, exemplars []exemplar, created, now time.Time) *dto.Histogram {
	fixed := make([]uint64, len(p.fixed)+1)
	native := make([]uint64, nativeCount+2)
	for cell, k := range n.cells[:p.cells] {
		fixed[p.toFixed[cell]] += k
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
		case i < len(p.fixed):
			h.Bucket = append(h.Bucket, &dto.Bucket{
				UpperBound: new(float64(p.fixed[i]) / 1e9), CumulativeCount: new(sum), Exemplar: shown,
			})
		case shown != nil: // without an exemplar the bucket +Inf is implied
			h.Bucket = append(h.Bucket, infBucket(sum, shown))
		}
	}
	h.SampleCount = new(sum)
	return h
}

// spansOf encodes the counts of exponential buckets; low is the number of the first one.
// The encoding consists of runs of buckets (spans) and of the differences between
// successive counts. A gap of one or two empty buckets is shorter within a run than
// between two runs.
func spansOf(count []uint64, low int) (spans []*dto.BucketSpan, deltas []int64) {
	const gap = 2
	end := 0 // number of the bucket after the last one written
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

// histogram renders the numbers of commands in a batch.
func (b *batches) histogram(created time.Time) *dto.Histogram {
	h := &dto.Histogram{
		SampleCount: new(b.count), SampleSum: new(float64(b.total)),
		CreatedTimestamp: timestamppb.New(created),
	}
	var sum uint64
	for i, k := range b.sizes[:batchSizes-1] {
		sum += k
		h.Bucket = append(h.Bucket, &dto.Bucket{
			UpperBound: new(float64(uint64(1) << i)), CumulativeCount: new(sum),
		})
	}
	return h
}

// infBucket returns the bucket without a bound.
func infBucket(count uint64, shown *dto.Exemplar) *dto.Bucket {
	return &dto.Bucket{UpperBound: new(math.Inf(1)), CumulativeCount: new(count), Exemplar: shown}
}
