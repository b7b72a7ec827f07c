package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// WriteText writes the report as text with a table. traceLink returns the URL of a
// trace, or "" if there is none; then WriteText prints the trace ID.
func (r *Report) WriteText(w io.Writer, traceLink func(id string) string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s in %s (%.1f/s of %s/s), %s, %d missed%s\n\n",
		count(r.Operations, "operation"), seconds(r.Seconds), r.Rate, trim(r.TargetRate),
		count(r.Errors, "error"), r.Missed, map[bool]string{true: ", interrupted"}[r.Interrupted])

	table := tabwriter.NewWriter(&b, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "command\toperations\terrors\tp50 ms\tp90 ms\tp99 ms\tp99.9 ms\tmax ms\t")
	for _, c := range r.order {
		if t := r.ByCommand[c]; t.Operations > 0 {
			row(table, c, t)
		}
	}
	row(table, "all", r.Tally)
	_ = table.Flush() // writing to a strings.Builder never fails

	fmt.Fprintf(&b, "\nLatency is measured from the scheduled time. Idle workers started %.3f ms (p50) and %.3f ms (p99) late.\n",
		r.WakeMS.P50, r.WakeMS.P99)
	if r.Missed > 0 {
		fmt.Fprintf(&b, "%s could not start in time because every worker was busy. Use more workers (-concurrency) or a lower -rate.\n",
			count(r.Missed, "operation"))
	}
	if r.Retried > 0 {
		fmt.Fprintf(&b, "%s took more than one attempt.\n", count(r.Retried, "operation"))
	}
	byType(&b, r.RetriesByType, "failed attempt")
	byType(&b, r.ErrorsByType, "error")
	fmt.Fprintf(&b, "\nrun id      %s\n", r.RunID)
	if r.LastTraceID != "" {
		last := r.LastTraceID
		if link := traceLink(last); link != "" {
			last = link
		}
		fmt.Fprintf(&b, "last trace  %s\n", last)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func byType(w io.Writer, counts map[string]int64, what string) {
	for _, typ := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(w, "%s: %s\n", count(counts[typ], what), typ)
	}
}

func row(w io.Writer, name string, t Tally) {
	l := t.LatencyMS
	fmt.Fprintf(w, "%s\t%d\t%d\t%.3f\t%.3f\t%.3f\t%.3f\t%.3f\t\n", name, t.Operations, t.Errors, l.P50, l.P90, l.P99, l.P999, l.Max)
}

func count(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func seconds(s float64) string {
	return time.Duration(s * float64(time.Second)).Round(10 * time.Millisecond).String()
}

// trim formats a rate without trailing zeros: 50, not 50.0.
func trim(rate float64) string { return fmt.Sprintf("%g", rate) }
