package command

import (
	"math"
	"strconv"
	"strings"
	"testing"
)

// FuzzParseFloat compares the numbers of INCRBYFLOAT and of timeouts with strconv, where
// both know the notation.
func FuzzParseFloat(f *testing.F) {
	for _, s := range []string{"1.5", "-.5e10", "0x1p-3", "inf", "1e-4000", "1e99999", "", "+", "1_0", "nan"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, ok := parseFloat(text)
		s := string(text)
		want, err := strconv.ParseFloat(s, 64)
		switch {
		case ok && !got.IsInf() && len(formatFloat(got)) > 5000:
			t.Errorf("%q has %d digits", text, len(formatFloat(got)))
		case err != nil || math.IsInf(want, 0) || want == 0, strings.ContainsAny(s, "xX_nN"), len(s) > 40:
			return // a long double holds more, and strconv knows other notations
		case !ok:
			t.Fatalf("%q is refused, want %v", text, want)
		}
		if near, _ := got.Float64(); math.Abs(near-want) > 1e-15*math.Abs(want) {
			t.Errorf("%q is %v, want %v", text, near, want)
		}
	})
}
