package summary

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"mini-redis/services/stack/internal/display"
)

// Text formats the summary as a table.
func (f Figures) Text() string {
	var rows [][]string
	row := func(name, format string, args ...any) {
		rows = append(rows, []string{name, fmt.Sprintf(format, args...)})
	}
	if l := f.Load; l != nil {
		row("operations", "%d in %.1f s (%.1f/s), %d errors%s", l.Operations, l.Seconds, l.Rate, l.Errors, missed(l.Missed))
		row("latency", "p50 %s, p99 %s, max %s", milliseconds(l.LatencyMS.P50), milliseconds(l.LatencyMS.P99), milliseconds(l.LatencyMS.Max))
	}
	row("spans", "%d accepted by the collector, %d stored by Jaeger", f.Spans.Accepted, f.Spans.Stored)
	if f.Load != nil {
		row("traces", "%d found in Jaeger%s", f.Traces.Found, f.tracesNote())
	}
	row("redis_commands_total", "%d in Prometheus%s", f.Total(), f.counterNote())
	if total, parts := f.memory(); total > 0 {
		row("memory", "%d MiB peak (%s)", total>>20, parts)
	}
	return display.Table(rows)
}

func missed(n int64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(", %d could not start in time", n)
}

func (f Figures) tracesNote() string {
	switch {
	case f.Traces.Sampled:
		return ", sampled by OTEL_TRACES_SAMPLER"
	case f.Load.Operations > int64(f.Traces.Keeps):
		return fmt.Sprintf(", which keeps the newest %d", f.Traces.Keeps)
	}
	return ""
}

// counterNote lists the load's commands. The server also counts commands of connection setup and of
// other clients.
func (f Figures) counterNote() string {
	if f.Load == nil {
		return ""
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(f.Load.ByCommand)) {
		if n := f.Counter[strings.ToLower(name)]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", name, n))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ", and connection setup)"
}

func (f Figures) memory() (total int64, parts string) {
	var each []string
	for _, m := range f.Memory {
		total += m.Bytes
		each = append(each, fmt.Sprintf("%s %d", m.Name, m.Bytes>>20))
	}
	return total, strings.Join(each, ", ")
}

func milliseconds(ms float64) string {
	if ms < 1 {
		return fmt.Sprintf("%.0f µs", ms*1000)
	}
	return fmt.Sprintf("%.3g ms", ms)
}
