package scenario

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestMixReadRatio(t *testing.T) {
	const n = 10000
	f := func(ratio float64) {
		t.Helper()
		mix, err := NewMix(MixOptions{ReadRatio: ratio, Keys: 10, ValueSize: 4})
		if err != nil {
			t.Fatal(err)
		}
		source := rand.New(rand.NewPCG(1, 2))
		reads := 0
		for range n {
			if mix.Next(source).Command == get {
				reads++
			}
		}
		if got := float64(reads) / n; math.Abs(got-ratio) > 0.02 {
			t.Errorf("the fraction of reads is %v, want %v", got, ratio)
		}
		if (ratio == 0 && reads != 0) || (ratio == 1 && reads != n) {
			t.Errorf("%d of %d operations are reads at a read ratio of %v", reads, n, ratio)
		}
	}
	f(0)
	f(0.5)
	f(0.9)
	f(1)
}

func TestInvalidMixOptions(t *testing.T) {
	f := func(o MixOptions) {
		t.Helper()
		if _, err := NewMix(o); err == nil {
			t.Errorf("NewMix(%+v) returned no error", o)
		}
	}
	f(MixOptions{ReadRatio: 1.1, Keys: 1})
	f(MixOptions{ReadRatio: math.NaN(), Keys: 1})
	f(MixOptions{Keys: 0})
	f(MixOptions{Keys: 1, ValueSize: -1})
	f(MixOptions{Keys: 1, ValueSize: maxValueSize + 1})
}
