// Package hdr counts durations in the buckets of an HdrHistogram and speaks its
// V2 encoding, uncompressed: the form in which histograms travel between a
// program and its console. The bucket arithmetic and the encoding follow
// HdrHistogram's reference implementation (org.HdrHistogram, "V2").
//
// A histogram keeps only the buckets that something fell into, a dozen bytes
// each: a program may have one for every connection. The well-known
// implementation for Go keeps all buckets, and writes only the compressed form.
package hdr

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
)

// Histogram counts values of up to 63 bits. Not for concurrent use. Make one
// with [New] or [Decode].
type Histogram struct {
	shape
	index []uint32 // buckets that have counts, ascending
	count []uint64
	total uint64
	min   uint64 // of what was recorded; a decoded histogram knows the bucket's lower end
	max   uint64

	// Outliers is how many values were too large, Outlier the largest of them.
	Outliers, Outlier uint64
}

// shape is the part of a histogram that decides which value belongs where.
type shape struct {
	lowest, highest uint64
	digits          int
	unit            int // log2 of lowest
	half            int // log2 of half the sub-buckets
}

// New returns a histogram of values from 0 to highest, told apart to so many
// significant decimal digits (0 to 5). It panics on other digits, or when
// highest is under 2.
func New(highest uint64, digits int) *Histogram {
	s, err := newShape(1, highest, digits)
	if err != nil {
		panic("hdr: " + err.Error())
	}
	return &Histogram{shape: s}
}

func newShape(lowest, highest uint64, digits int) (shape, error) {
	switch {
	case digits < 0 || digits > 5:
		return shape{}, fmt.Errorf("%d significant digits", digits)
	case lowest < 1 || highest < 2*lowest || highest > math.MaxInt64:
		return shape{}, fmt.Errorf("a range from %d to %d", lowest, highest)
	}
	subBuckets := bits.Len64(uint64(2*math.Pow10(digits)) - 1) // log2, rounded up
	s := shape{lowest: lowest, highest: highest, digits: digits, unit: bits.Len64(lowest) - 1, half: max(subBuckets, 1) - 1}
	if s.unit+s.half > 61 {
		return shape{}, fmt.Errorf("%d significant digits from %d on", digits, lowest)
	}
	return s, nil
}

// slot is the index of the bucket of v.
func (s *shape) slot(v uint64) uint32 {
	mask := (uint64(1)<<(s.half+1) - 1) << s.unit
	bucket := bits.Len64(v|mask) - s.unit - (s.half + 1)
	sub := int(v >> (bucket + s.unit))
	return uint32((bucket+1)<<s.half + sub - 1<<s.half)
}

// low is the smallest value of a bucket, high the largest.
func (s *shape) low(slot uint32) uint64 {
	bucket := int(slot)>>s.half - 1
	sub := uint64(slot) & (1<<s.half - 1)
	if bucket < 0 {
		return sub << s.unit
	}
	return (sub + 1<<s.half) << (bucket + s.unit)
}

func (s *shape) high(slot uint32) uint64 {
	bucket := max(int(slot)>>s.half-1, 0)
	return s.low(slot) + 1<<(bucket+s.unit) - 1
}

// Record counts a value. One above the highest is an outlier.
func (h *Histogram) Record(v uint64) {
	if v > h.highest {
		h.Outliers++
		h.Outlier = max(h.Outlier, v)
		return
	}
	h.add(h.slot(v), 1)
	if h.total == 1 {
		h.min = v
	}
	h.min, h.max = min(h.min, v), max(h.max, v)
}

func (h *Histogram) add(slot uint32, n uint64) {
	i, found := slices.BinarySearch(h.index, slot)
	if !found {
		h.index = slices.Insert(h.index, i, slot)
		h.count = slices.Insert(h.count, i, 0)
	}
	h.count[i] += n
	h.total += n
}

// Clone returns a copy, or nil of nil.
func (h *Histogram) Clone() *Histogram {
	if h == nil {
		return nil
	}
	c := *h
	c.index, c.count = slices.Clone(h.index), slices.Clone(h.count)
	return &c
}

// Highest is the largest value that is no outlier.
func (h *Histogram) Highest() uint64 { return h.highest }

// Total is how many values were counted, without outliers.
func (h *Histogram) Total() uint64 { return h.total }

// Min and Max are the smallest and the largest value, to the precision of the
// histogram when it was decoded. Both are 0 without values.
func (h *Histogram) Min() uint64 { return h.min }
func (h *Histogram) Max() uint64 { return h.max }

// Percentile returns the value that p percent of the counted ones do not
// exceed, to the precision of the histogram; 0 without values.
func (h *Histogram) Percentile(p float64) uint64 {
	if h.total == 0 {
		return 0
	}
	p = math.Nextafter(min(max(p, 0), 100), 0) // 99.9 % of 3000 is 2997, and not a hair more
	rank := max(uint64(math.Ceil(p*float64(h.total)/100)), 1)
	var seen uint64
	for i, slot := range h.index {
		if seen += h.count[i]; seen >= rank {
			return h.high(slot)
		}
	}
	return h.max
}

// Bars shares the counts out over n bars of equal width from Min to Max. A
// bucket belongs to the bar of its lower end.
func (h *Histogram) Bars(n int) []uint64 {
	if n <= 0 || h.total == 0 {
		return nil
	}
	bars := make([]uint64, n)
	from, span := h.low(h.slot(h.min)), h.max-min(h.low(h.slot(h.min)), h.max)+1
	for i, slot := range h.index {
		hi, lo := bits.Mul64(h.low(slot)-from, uint64(n))
		q, _ := bits.Div64(hi, lo, span)
		bars[min(int(q), n-1)] += h.count[i]
	}
	return bars
}
