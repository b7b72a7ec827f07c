package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// values holds one quantity, with one value per round.
type values []float64

// median returns the median, or 0 if there are no values.
func (f values) median() float64 {
	if len(f) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(f))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}

// String returns the median, the minimum and the maximum: "2.00 (1.00-3.00)".
func (f values) String() string {
	if len(f) == 0 {
		return "-"
	}
	return fmt.Sprintf("%s (%s-%s)", format(f.median()), format(slices.Min(f)), format(slices.Max(f)))
}

// format formats v with two decimals, with one from 100 and with none from 1000.
func format(v float64) string {
	switch {
	case v >= 1000:
		return fmt.Sprintf("%.0f", v)
	case v >= 100:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// sample is one measurement of one server under one load.
type sample struct {
	cpu      float64 // microseconds per operation
	rate     float64 // operations per second
	p50, p99 float64 // milliseconds
}

// series holds the samples of one server, one per round.
type series []sample

// pick returns one quantity of all samples.
func (s series) pick(f func(sample) float64) values {
	var out values
	for _, v := range s {
		out = append(out, f(v))
	}
	return out
}

func cpuOf(s sample) float64  { return s.cpu }
func rateOf(s sample) float64 { return s.rate }
func p50Of(s sample) float64  { return s.p50 }
func p99Of(s sample) float64  { return s.p99 }

// ratios returns the ratios to the samples of another series, round by round. It omits rounds in
// which the other value is not above 0.
func (s series) ratios(to series, f func(sample) float64) values {
	var out values
	for i := range min(len(s), len(to)) {
		if d := f(to[i]); d > 0 {
			out = append(out, f(s[i])/d)
		}
	}
	return out
}

// table prints a title and aligned rows. The first row is the header.
func table(w io.Writer, title string, rows [][]string) {
	fmt.Fprintf(w, "\n%s\n", title)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		fmt.Fprintln(tw, "  "+strings.Join(r, "\t"))
	}
	_ = tw.Flush()
}
