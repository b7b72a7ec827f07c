// Package hdr counts durations in the buckets of an HdrHistogram and implements its uncompressed V2
// encoding, in which histograms are sent from a program to its viewers. The bucket arithmetic and
// the encoding follow HdrHistogram's reference implementation (org.HdrHistogram, "V2").
//
// A histogram stores only the buckets that contain values, in a hash table with 8 bytes per bucket,
// because a program may have one histogram per connection and records in it on its hot path. The
// widely used Go implementation, github.com/HdrHistogram/hdrhistogram-go, allocates all buckets and
// writes only the compressed form.
package hdr

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"math/bits"
	"slices"
)

// Histogram counts values of up to 63 bits. It is not safe for concurrent use. Create one with
// [New] or [Decode].
type Histogram struct {
	shape
	cells []cell // a hash table with linear probing; its length is a power of two
	used  int
	spill map[uint32]uint64 // per slot, the counts that exceed the 32 bits of its cell
	total uint64
	min   uint64 // of the recorded values; the lower end of a bucket if the histogram was decoded
	max   uint64

	// Outliers is the number of values above the highest, Outlier the largest of them.
	Outliers, Outlier uint64
}

// cell is a bucket of the hash table. slot is the bucket's slot plus one, so that the zero cell is
// free.
type cell struct{ slot, count uint32 }

// bucket is an element of the list that buckets returns.
type bucket struct {
	slot  uint32
	count uint64
}

// shape is the part of a histogram that determines the bucket of a value.
type shape struct {
	lowest, highest uint64
	digits          int
	unit            int // log2 of lowest
	half            int // log2 of half the sub-buckets
}

// New returns a histogram of values from 0 to highest with the given precision, in significant
// decimal digits (0 to 5). It panics if digits is out of range or highest is less than 2.
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

// slot returns the index of the bucket of v.
func (s *shape) slot(v uint64) uint32 {
	mask := (uint64(1)<<(s.half+1) - 1) << s.unit
	bucket := bits.Len64(v|mask) - s.unit - (s.half + 1)
	sub := int(v >> (bucket + s.unit))
	return uint32((bucket+1)<<s.half + sub - 1<<s.half)
}

// low returns the smallest value of a bucket, high the largest.
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

// Record counts a value. A value above the highest is counted as an outlier only.
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
	if 4*h.used >= 3*len(h.cells) {
		h.grow()
	}
	h.total += n
	c := h.cell(slot)
	if c.slot == 0 {
		c.slot = slot + 1
		h.used++
	}
	if sum := uint64(c.count) + n; sum <= math.MaxUint32 {
		c.count = uint32(sum)
		return
	}
	if h.spill == nil {
		h.spill = map[uint32]uint64{}
	}
	h.spill[slot] += n
}

// cell returns the cell of the slot, or the free cell in which to store it.
func (h *Histogram) cell(slot uint32) *cell {
	mask := uint32(len(h.cells) - 1)
	for i := slot * 0x9e3779b1 >> 7 & mask; ; i = (i + 1) & mask {
		if c := &h.cells[i]; c.slot == slot+1 || c.slot == 0 {
			return c
		}
	}
}

func (h *Histogram) grow() {
	old := h.cells
	h.cells = make([]cell, max(16, 2*len(old)))
	for _, c := range old {
		if c.slot != 0 {
			*h.cell(c.slot - 1) = c
		}
	}
}

// buckets returns the buckets that have counts, in ascending order of values.
func (h *Histogram) buckets() []bucket {
	list := make([]bucket, 0, h.used)
	for _, c := range h.cells {
		if c.slot != 0 {
			list = append(list, bucket{c.slot - 1, uint64(c.count) + h.spill[c.slot-1]})
		}
	}
	slices.SortFunc(list, func(a, b bucket) int { return cmp.Compare(a.slot, b.slot) })
	return list
}

// Clone returns a copy. It returns nil for a nil Histogram.
func (h *Histogram) Clone() *Histogram {
	if h == nil {
		return nil
	}
	c := *h
	c.cells, c.spill = slices.Clone(h.cells), maps.Clone(h.spill)
	return &c
}

// Highest returns the largest value that is not an outlier.
func (h *Histogram) Highest() uint64 { return h.highest }

// Total returns the number of values, without outliers.
func (h *Histogram) Total() uint64 { return h.total }

// Min and Max return the smallest and the largest value. They have the precision of the histogram
// if it was decoded, and are 0 if it is empty.
func (h *Histogram) Min() uint64 { return h.min }
func (h *Histogram) Max() uint64 { return h.max }

// Percentile returns the smallest value, to the precision of the histogram, that at least p percent
// of the values do not exceed. It returns 0 if the histogram is empty.
func (h *Histogram) Percentile(p float64) uint64 {
	if h.total == 0 {
		return 0
	}
	p = math.Nextafter(min(max(p, 0), 100), 0) // 99.9 % of 3000 must be 2997, in spite of rounding
	rank := max(uint64(math.Ceil(p*float64(h.total)/100)), 1)
	var seen uint64
	for _, b := range h.buckets() {
		if seen += b.count; seen >= rank {
			return h.high(b.slot)
		}
	}
	return h.max
}

// Bars distributes the counts over n bars of equal width from Min to Max. A bucket belongs to the
// bar that contains its lower end. Bars returns nil if n is less than 1 or the histogram is empty.
func (h *Histogram) Bars(n int) []uint64 {
	if n <= 0 || h.total == 0 {
		return nil
	}
	bars := make([]uint64, n)
	from, span := h.low(h.slot(h.min)), h.max-min(h.low(h.slot(h.min)), h.max)+1
	for _, b := range h.buckets() {
		hi, lo := bits.Mul64(h.low(b.slot)-from, uint64(n))
		q, _ := bits.Div64(hi, lo, span)
		bars[min(int(q), n-1)] += b.count
	}
	return bars
}
