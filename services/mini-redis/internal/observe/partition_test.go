package observe

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// The cell of a duration belongs to the buckets whose bounds enclose it: at the bounds, beside
// them and between them.
func TestCellBelongsToBothBuckets(t *testing.T) {
	p := newPartition()
	check := func(ns int64) {
		t.Helper()
		cell := p.cell(ns)
		classic, _ := slices.BinarySearch(p.fixed, ns)
		if got := int(p.toFixed[cell]); got != classic {
			t.Fatalf("%d ns: fixed bucket %d, want %d", ns, got, classic)
		}
		native := int(p.toNative[cell])
		seconds := float64(ns) / 1e9
		lower, upper := math.Exp2(float64(native-1)/perOctave), math.Exp2(float64(native)/perOctave)
		switch {
		case ns == 0:
			if native != nativeLow {
				t.Fatalf("0 ns: exponential bucket %d, want the zero bucket", native)
			}
		case ns > nativeBound(nativeHigh):
			if native != nativeHigh+1 {
				t.Fatalf("%d ns: exponential bucket %d, want the last", ns, native)
			}
		case seconds <= lower || seconds > upper*(1+1e-15):
			t.Fatalf("%d ns: exponential bucket %d is (%g, %g]", ns, native, lower, upper)
		}
	}
	for ns := range int64(100_000) {
		check(ns)
	}
	for _, bound := range p.upper[:p.cells-1] {
		for d := int64(-2); d <= 2; d++ {
			check(max(bound+d, 0))
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200_000 {
		check(int64(math.Exp(rng.Float64() * math.Log(200e9))))
	}
	check(math.MaxInt64)
}

func TestCellOfANegativeDuration(t *testing.T) {
	if got := newPartition().cell(-5); got != 0 {
		t.Errorf("cell(-5) = %d, want 0", got)
	}
}

func TestPartitionSize(t *testing.T) {
	p := newPartition()
	if p.cells > maxCells {
		t.Fatalf("%d cells, more than %d", p.cells, maxCells)
	}
	if k := key(uint64(overflowNS)); k >= keyCount {
		t.Fatalf("the longest duration has key %d of %d", k, keyCount)
	}
	if !slices.IsSorted(p.upper[:p.cells]) {
		t.Fatal("the bounds are not ascending")
	}
}

func TestQuantile(t *testing.T) {
	p := newPartition()
	rng := rand.New(rand.NewPCG(3, 4))
	var count [maxCells]uint64
	var all []int64
	for range 10_000 {
		ns := int64(math.Exp(7 + 3*rng.NormFloat64()))
		all = append(all, ns)
		count[p.cell(ns)]++
	}
	slices.Sort(all)
	for _, q := range []float64{0.5, 0.99, 0.999, 1} {
		exact := all[int(math.Ceil(q*float64(len(all))))-1]
		got := p.quantile(q, &count)
		if got < exact || float64(got) > float64(exact)*1.0906+1 {
			t.Errorf("quantile %g = %d, the true value is %d", q, got, exact)
		}
	}
	var none [maxCells]uint64
	if got := p.quantile(0.5, &none); got != 0 {
		t.Errorf("quantile without durations = %d, want 0", got)
	}
}

func BenchmarkCell(b *testing.B) {
	p := newPartition()
	rng := rand.New(rand.NewPCG(1, 2))
	durations := make([]int64, 1024)
	for i := range durations {
		durations[i] = int64(math.Exp(7 + 2*rng.NormFloat64()))
	}
	var sum int
	for i := 0; b.Loop(); i++ {
		sum += p.cell(durations[i&1023])
	}
	_ = sum
}
