package observe

import (
	"math"
	"math/bits"
	"slices"
)

// A command's execution time is exposed in two histograms, one with fixed buckets and one
// with exponential buckets. The hot path counts it once, in a cell of the partition that
// the bounds of both histograms form together. Each bucket of either histogram is a sum of
// whole cells.
//
// The exponential buckets are those of a Prometheus native histogram, or of an
// OpenTelemetry exponential histogram of the same scale: bucket j holds the durations of
// more than base^(j-1) and at most base^j seconds, where base is 2^(1/8). Their relative
// width is 9 %.
const (
	nativeSchema = 3                      // 2^3 buckets for each power of two
	perOctave    = 1 << nativeSchema      // their number
	nativeLow    = -30 * perOctave        // 2^-30 s = 0.93 ns: the zero bucket ends here
	nativeHigh   = 7 * perOctave          // 2^7 s = 128 s
	nativeCount  = nativeHigh - nativeLow // buckets above the zero bucket
	zeroWidth    = 1.0 / float64(1<<30)   // upper bound of the zero bucket in seconds
	overflowNS   = int64(128e9)           // longer durations are in the last cell
	maxCells     = 320                    // at least nativeCount + len(fixedBounds) + 2
	linearKeys   = 32                     // durations below this number of nanoseconds have a key each
	keysPerBit   = 16                     // keys for each power of two above linearKeys
	keyCount     = linearKeys + 32*keysPerBit
)

// fixedBounds returns the upper bounds of the fixed buckets in nanoseconds. They begin
// below a microsecond, because most commands take less.
func fixedBounds() []int64 {
	return []int64{
		50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
		1_000_000, 2_500_000, 5_000_000, 10_000_000, 25_000_000, 50_000_000,
		100_000_000, 250_000_000, 1_000_000_000, 10_000_000_000,
	}
}

// partition maps a duration to its cell and a cell to its two buckets. It does not change
// after newPartition.
type partition struct {
	upper [maxCells]int64  // longest duration of each cell, ascending; the last cell has no bound
	start [keyCount]uint16 // cell of the shortest duration with a key
	cells int
	fixed []int64 // bounds of the fixed buckets
	// toFixed is the index in fixed of a cell's bucket, len(fixed) for +Inf.
	toFixed [maxCells]uint8
	// toNative is the exponential bucket of a cell; nativeLow stands for the zero bucket.
	toNative [maxCells]int16
}

func newPartition() *partition {
	p := &partition{fixed: fixedBounds()}
	bounds := slices.Clone(p.fixed)
	for j := nativeLow; j <= nativeHigh; j++ {
		bounds = append(bounds, nativeBound(j))
	}
	slices.Sort(bounds)
	bounds = slices.Compact(bounds) // below 8 ns several bounds are the same nanosecond
	p.cells = copy(p.upper[:], bounds)
	for i := p.cells; i < maxCells; i++ {
		p.upper[i] = math.MaxInt64
	}
	p.cells++ // the cell above all bounds
	native := nativeLow
	for cell := range p.cells {
		for native <= nativeHigh && nativeBound(native) < p.upper[cell] {
			native++
		}
		p.toNative[cell] = int16(native)
		i, _ := slices.BinarySearch(p.fixed, p.upper[cell])
		p.toFixed[cell] = uint8(i)
	}
	p.fillStart()
	return p
}

// nativeBound returns the upper bound of exponential bucket j in whole nanoseconds.
// Durations are whole nanoseconds, so rounding down moves none to another bucket.
func nativeBound(j int) int64 {
	return int64(math.Floor(math.Exp2(float64(j)/perOctave) * 1e9))
}

// fillStart sets start.
func (p *partition) fillStart() {
	shortest := func(k int) int64 {
		if k < linearKeys {
			return int64(k)
		}
		shift := (k-linearKeys)/keysPerBit + 1
		return int64(keysPerBit+(k-linearKeys)%keysPerBit) << shift
	}
	for k := range p.start {
		ns := shortest(k)
		i, _ := slices.BinarySearch(p.upper[:p.cells-1], ns)
		p.start[k] = uint16(i)
	}
}

// key returns the key of a duration: its power of two and its next four bits. Durations
// with the same key differ by less than 1/16, so few bounds lie between them.
func key(ns uint64) uint {
	if ns < linearKeys {
		return uint(ns)
	}
	shift := uint(bits.Len64(ns)) - 5
	return linearKeys + (shift-1)*keysPerBit + uint(ns>>shift) - keysPerBit
}

// cell returns the cell of a duration in nanoseconds; a negative one counts as zero.
func (p *partition) cell(ns int64) int {
	if uint64(ns) > uint64(overflowNS) {
		if ns < 0 {
			return 0
		}
		return p.cells - 1
	}
	i := int(p.start[key(uint64(ns))])
	for i < maxCells-1 && ns > p.upper[i] {
		i++
	}
	return i
}

// quantile returns the quantile q, from 0 to 1, of counted durations in nanoseconds: the
// longest duration of its cell, which is at most 9 % above the true value.
func (p *partition) quantile(q float64, count *[maxCells]uint64) int64 {
	var total uint64
	for _, n := range count {
		total += n
	}
	if total == 0 {
		return 0
	}
	rank := uint64(math.Ceil(q * float64(total)))
	var seen uint64
	for cell, n := range count[:p.cells-1] {
		if seen += n; seen >= max(rank, 1) {
			return p.upper[cell]
		}
	}
	return overflowNS
}
