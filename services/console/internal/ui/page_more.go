package ui

import (
	"fmt"
	"strconv"
	"strings"

	"mini-redis/console/hdr"
	"mini-redis/services/console/internal/model"
	"mini-redis/services/console/internal/table"
)

// resourcePage shows a resource and the operations on it.
type resourcePage struct {
	key      key
	resource *model.Resource
	ops      *list
}

func newResourcePage(k key, r *model.Resource) *resourcePage {
	p := &resourcePage{key: k, resource: r}
	p.ops = &list{kind: kindOp, columns: opColumns, rows: func(a *App) []table.Row { return opRows(a, k) }}
	p.ops.table.SortBy = 4
	return p
}

func (p *resourcePage) table() *table.Table { return &p.ops.table }
func (p *resourcePage) scroll(int)          {}

func (p *resourcePage) refresh(a *App) {
	if r := a.target(p.key).Resources[p.key.id]; r != nil {
		p.resource = r
	}
	p.ops.fill(a)
}

func (p *resourcePage) draw(a *App, width, height int) []string {
	r, f, attrs := p.resource, fieldList{a: a}, []string{}
	f.add("Kind", r.Kind+"  "+r.Type)
	f.time("Total", a.styles.time(r.Total()), "")
	f.add("Target", r.Module)
	f.add("Location", r.Location)
	if r.Parent != 0 {
		f.add("Parent", strconv.FormatUint(r.Target.ResourceNumber(r.Parent), 10))
	}
	for _, x := range r.Attributes {
		value := x.Value + x.Unit
		if taskAttributes[x.Name] {
			value = "task " + r.Target.TaskTitle(x.Number)
		}
		attrs = append(attrs, a.styles.Tone(clean(x.Name), table.Key)+"="+clean(value))
	}
	lines := append([]string{a.styles.Heading(fmt.Sprintf("Resource %d  %s", r.ID, clean(resourceTitle(r))))}, a.sideBySide(f.lines, attrs, width)...)
	for _, w := range a.findings.ForResource(r) {
		lines = append(lines, a.warning(w.Text, width)...)
	}
	lines = append(lines, "", a.styles.Heading(fmt.Sprintf("Async ops (%d)", p.ops.table.Len())))
	return append(lines, p.ops.table.Draw(width, max(height-len(lines), 2), a.styles.theme())...)
}

// barHeight is the height of a histogram's bars in lines.
const barHeight = 4

// histogram draws a histogram with its percentiles.
func (a *App) histogram(title string, h *hdr.Histogram, width int) []string {
	lines := []string{a.styles.Heading(title)}
	if h == nil || h.Total() == 0 && h.Outliers == 0 {
		return append(lines, "none recorded yet")
	}
	var p strings.Builder
	for _, x := range []float64{10, 25, 50, 75, 90, 95, 99} {
		txt, tone := a.styles.duration(timeOf(h.Percentile(x)))
		fmt.Fprintf(&p, "%s %s  ", a.styles.Bold(fmt.Sprintf("p%g", x)), a.styles.Tone(txt, tone))
	}
	lines = append(lines, wrap(p.String(), "  ", width)...)
	lines = append(lines, a.bars(h, width)...)
	if h.Outliers > 0 {
		longest, _ := a.styles.duration(timeOf(h.Outlier))
		lines = append(lines, a.styles.Tone(fmt.Sprintf("%s above the range, longest %s", plural(int(h.Outliers), "duration"), longest), table.Warn))
	}
	return lines
}

// bars draws the counts over the range from the smallest to the largest value.
func (a *App) bars(h *hdr.Histogram, width int) []string {
	if h.Total() == 0 {
		return nil
	}
	counts := h.Bars(max(min(width-2, 120), 10))
	var most uint64
	for _, n := range counts {
		most = max(most, n)
	}
	glyphs := a.styles.bars()
	var lines []string
	for row := barHeight - 1; row >= 0; row-- {
		var b strings.Builder
		for _, n := range counts {
			eighths := int(n * barHeight * 8 / most)
			if n > 0 {
				eighths = max(eighths, 1) // a count above 0 is always visible
			}
			b.WriteString(glyphs[min(max(eighths-8*row, 0), 8)])
		}
		lines = append(lines, b.String())
	}
	low, _ := a.styles.duration(timeOf(h.Min()))
	high, _ := a.styles.duration(timeOf(h.Max()))
	space := max(len(counts)-len([]rune(low))-len([]rune(high)), 1)
	return append(lines, low+strings.Repeat(" ", space)+high, fmt.Sprintf("%d total, at most %d per bar", h.Total(), most))
}
