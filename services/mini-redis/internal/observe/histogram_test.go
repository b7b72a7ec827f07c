package observe

import (
	"math"
	"testing"

	dto "github.com/prometheus/client_model/go"
)

// The fixed and the exponential buckets hold the same calls as the counters.
func TestExecutionTimesAreADualHistogram(t *testing.T) {
	r := newRig(t)
	turn := turnAt(1000)
	times := []int64{0, 1, 400, 500, 501, 1000, 1001, 20_000, 3_000_000, 11_000_000_000, 200_000_000_000}
	var sum int64
	for _, ns := range times {
		call := callIn(turn, specGet)
		call.End = call.Start + ns
		sum += ns
		r.run(turn, call)
	}
	h := series(t, r.gather(t), "mini_redis_command_duration_seconds", "get").GetHistogram()
	if h.GetSampleCount() != uint64(len(times)) || math.Abs(h.GetSampleSum()-float64(sum)/1e9) > 1e-9 {
		t.Errorf("%d calls with a sum of %v s", h.GetSampleCount(), h.GetSampleSum())
	}
	for _, b := range h.GetBucket() {
		var want uint64
		for _, ns := range times {
			if float64(ns)/1e9 <= b.GetUpperBound() {
				want++
			}
		}
		if b.GetCumulativeCount() != want {
			t.Errorf("%d calls of at most %v s, want %d", b.GetCumulativeCount(), b.GetUpperBound(), want)
		}
	}
	native := decodeNative(t, h)
	want := map[int]int64{}
	for _, ns := range times {
		switch {
		case ns == 0:
		case ns > nativeBound(nativeHigh):
			want[nativeHigh+1]++
		default:
			want[int(math.Ceil(math.Log2(float64(ns)/1e9)*perOctave))]++
		}
	}
	if len(native) != len(want) {
		t.Errorf("exponential buckets %v, want %v", native, want)
	}
	for bucket, n := range want {
		if native[bucket] != n {
			t.Errorf("exponential bucket %d has %d calls, want %d", bucket, native[bucket], n)
		}
	}
	if h.GetZeroCount() != 1 || h.GetSchema() != 3 {
		t.Errorf("%d in the zero bucket, schema %d", h.GetZeroCount(), h.GetSchema())
	}
}

// decodeNative decodes the exponential buckets of a histogram.
func decodeNative(t testing.TB, h *dto.Histogram) map[int]int64 {
	t.Helper()
	buckets := map[int]int64{}
	number, i, count := 0, 0, int64(0)
	for _, span := range h.GetPositiveSpan() {
		number += int(span.GetOffset())
		for range span.GetLength() {
			count += h.GetPositiveDelta()[i]
			if count != 0 {
				buckets[number] = count
			}
			i++
			number++
		}
	}
	if i != len(h.GetPositiveDelta()) {
		t.Fatalf("%d differences for %d buckets", len(h.GetPositiveDelta()), i)
	}
	return buckets
}
