package observe

import (
	"math"
	"math/bits"
	"slices"
)

// A command's duration is shown in two histograms, one with a few fixed bounds
// and one with exponential buckets. Counting it in both would cost a hot path
// twice, so it is counted once, in a cell of the partition that both sets of
// bounds make together; either histogram is a sum of whole cells.
//
// The exponential bounds are those of a Prometheus native histogram (an
// OpenTelemetry exponential histogram of the same scale): bucket j holds the
// durations of more than base^(j-1) and at most base^j seconds, where base is
// 2^(1/8). That is a relative width of 9 %.
const (
	nativeSchema = 3                      // of 2^3 buckets for each power of two
	perOctave    = 1 << nativeSchema      // these
	nativeLow    = -30 * perOctave        // 2^-30 s = 0.93 ns: what is not above it is the zero bucket
	nativeHigh   = 7 * perOctave          // 2^7 s = 128 s
	nativeCount  = nativeHigh - nativeLow // finite buckets above the zero bucket
	zeroWidth    = 1.0 / float64(1<<30)   // seconds: the bound of nativeLow
	overflowNS   = int64(128e9)           // more is in the last cell
	maxCells     = 320                    // at least nativeCount + len(classicBounds) + 2
	linearKeys   = 32                     // durations below this many ns have a key each
	keysPerBit   = 16                     // keys for each power of two above
	keyCount     = linearKeys + 32*keysPerBit
)

// classicBounds are the upper bounds of the fixed buckets in nanoseconds. They
// begin far below a microsecond, which is where most commands are done.
func classicBounds() []int64 {
	return []int64{
		50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
		1_000_000, 2_500_000, 5_000_000, 10_000_000, 25_000_000, 50_000_000,
		100_000_000, 250_000_000, 1_000_000_000, 10_000_000_000,
	}
}

// partition maps a duration to its cell and a cell to its two buckets. It does
// not change after newPartition.
type partition struct {
	upper   [maxCells]int64  // largest duration of a cell, ascending; the last cell has no bound
	start   [keyCount]uint16 // cell of the smallest duration with that key
	cells   int
	classic []int64 // bounds of the fixed buckets
	// toClassic is the index in classic of a cell's bucket, len(classic) for +Inf.
	toClassic [maxCells]uint8
	// toNative is the exponential bucket of a cell; nativeLow is the zero bucket.
	toNative [maxCells]int16
}

func newPartition() *partition {
	p := &partition{classic: classicBounds()}
	bounds := slices.Clone(p.classic)
	for j := nativeLow; j <= nativeHigh; j++ {
		bounds = append(bounds, nativeBound(j))
	}
	slices.Sort(bounds)
	bounds = slices.Compact(bounds) // below 8 ns several bounds fall into one nanosecond
	p.cells = copy(p.upper[:], bounds)
	for i := p.cells; i < maxCells; i++ {
		p.upper[i] = math.MaxInt64
	}
	p.cells++ // the one above all bounds
	native := nativeLow
	for cell := range p.cells {
		for native <= nativeHigh && nativeBound(native) < p.upper[cell] {
			native++
		}
		p.toNative[cell] = int16(native)
		i, _ := slices.BinarySearch(p.classic, p.upper[cell])
		p.toClassic[cell] = uint8(i)
	}
	p.fillStart()
	return p
}

// nativeBound is the upper bound of exponential bucket j in whole nanoseconds.
// Durations are whole, so rounding down moves none into another bucket.
func nativeBound(j int) int64 {
	return int64(math.Floor(math.Exp2(float64(j)/perOctave) * 1e9))
}

// fillStart computes start: for each key the cell of the smallest duration that has it.
func (p *partition) fillStart() {
	smallest := func(k int) int64 {
		if k < linearKeys {
			return int64(k)
		}
		shift := (k-linearKeys)/keysPerBit + 1
		return int64(keysPerBit+(k-linearKeys)%keysPerBit) << shift
	}
	for k := range p.start {
		ns := smallest(k)
		i, _ := slices.BinarySearch(p.upper[:p.cells-1], ns)
		p.start[k] = uint16(i)
	}
}

// key is a duration's power of two and its next four bits: durations of one key
// differ by less than 1/16, so few bounds lie between them.
func key(ns uint64) uint {
	if ns < linearKeys {
		return uint(ns)
	}
	shift := uint(bits.Len64(ns)) - 5
	return linearKeys + (shift-1)*keysPerBit + uint(ns>>shift) - keysPerBit
}

// cell returns the cell of a duration of ns nanoseconds; below zero counts as zero.
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

// quantile returns the largest duration in nanoseconds of the cell that holds
// the q-th part (0 to 1) of the counted ones: at most 9 % above the true value.
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
