package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// figure collects one quantity over the rounds.
type figure []float64

// median is the middle value, 0 of none.
func (f figure) median() float64 {
	if len(f) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(f))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}

// String is the median with the least and the largest value.
func (f figure) String() string {
	if len(f) == 0 {
		return "-"
	}
	return fmt.Sprintf("%s (%s-%s)", short(f.median()), short(slices.Min(f)), short(slices.Max(f)))
}

func short(v float64) string {
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
	cpu      float64 // microseconds an operation
	rate     float64 // operations a second
	p50, p99 float64 // milliseconds
}

// series are a server's samples over the rounds.
type series []sample

func (s series) pick(f func(sample) float64) figure {
	var out figure
	for _, v := range s {
		out = append(out, f(v))
	}
	return out
}

func cpuOf(s sample) float64  { return s.cpu }
func rateOf(s sample) float64 { return s.rate }
func p50Of(s sample) float64  { return s.p50 }
func p99Of(s sample) float64  { return s.p99 }

// ratios are the quotients to another's samples, round by round.
func (s series) ratios(to series, f func(sample) float64) figure {
	var out figure
	for i := range min(len(s), len(to)) {
		if d := f(to[i]); d > 0 {
			out = append(out, f(s[i])/d)
		}
	}
	return out
}

// table prints rows under a header, aligned.
func table(w io.Writer, title string, rows [][]string) {
	fmt.Fprintf(w, "\n%s\n", title)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		fmt.Fprintln(tw, "  "+strings.Join(r, "\t"))
	}
	_ = tw.Flush()
}
