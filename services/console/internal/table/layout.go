package table

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// Theme defines how a table is drawn. Its functions may add escape sequences but must not change
// the width of the text.
type Theme struct {
	Cell     func(text string, tone Tone, done, selected bool) string
	Header   func(text string, chosen bool) string
	Marker   string // prefix of the selected row
	Up       string // suffix of the sort column's title in ascending order
	Down     string // suffix of the sort column's title in descending order
	Branch   string // prefix of a child row in a tree
	Ellipsis string // ellipsis of truncated text
}

// gap is the number of spaces between two cells.
const gap = 1

// Draw returns the header and the rows that fit into height lines. Each line is exactly width
// terminal cells wide.
func (t *Table) Draw(width, height int, theme Theme) []string {
	t.height = max(height-1, 0)
	t.scroll()
	marker := ansi.StringWidth(theme.Marker)
	widths := t.widths(max(width-marker, 1), theme)
	lines := []string{strings.Repeat(" ", marker) + t.line(widths, width-marker, func(i, w int) string {
		return theme.Header(fit(t.title(i, theme), w, t.Columns[i].Right, theme.Ellipsis), i == t.SortBy)
	})}
	for i := t.offset; i < len(t.rows) && i < t.offset+t.height; i++ {
		row, chosen := &t.rows[i], i == t.cursor
		lead := strings.Repeat(" ", marker)
		if chosen {
			lead = theme.Marker
		}
		lines = append(lines, lead+t.line(widths, width-marker, func(c, w int) string {
			cell := row.Cells[c]
			return theme.Cell(fit(t.text(row, c, theme), w, t.Columns[c].Right, theme.Ellipsis), cell.Tone, row.Done, chosen)
		}))
	}
	return lines
}

func (t *Table) text(row *Row, c int, theme Theme) string {
	text := row.Cells[c].Text
	if t.Tree && c == t.TreeCol && row.depth > 0 {
		text = strings.Repeat("  ", min(row.depth-1, 10)) + theme.Branch + text
	}
	return text
}

func (t *Table) title(i int, theme Theme) string {
	title := t.Columns[i].Title
	if i != t.SortBy {
		return title
	}
	if t.Columns[i].Descending != t.Inverted {
		return title + theme.Down
	}
	return title + theme.Up
}

// line joins the cells and pads the line to the width.
func (t *Table) line(widths []int, width int, cell func(i, w int) string) string {
	var b strings.Builder
	used := 0
	for i, w := range widths {
		if w == 0 {
			continue
		}
		if used > 0 {
			b.WriteString(strings.Repeat(" ", gap))
			used += gap
		}
		b.WriteString(cell(i, w))
		used += w
	}
	b.WriteString(strings.Repeat(" ", max(width-used, 0)))
	return b.String()
}

// widths returns the width of each column, 0 for an omitted one. The last column gets the remaining
// width.
func (t *Table) widths(width int, theme Theme) []int {
	want := make([]int, len(t.Columns))
	for i := range t.Columns {
		want[i] = ansi.StringWidth(t.Columns[i].Title) + ansi.StringWidth(theme.Down)
	}
	// Rows outside the screen count as well, so that the widths do not change while scrolling.
	// Their number is limited to 500 on each side, because there may be many thousands.
	from := max(t.offset-500, 0)
	for r := from; r < len(t.rows) && r < t.offset+t.height+500; r++ {
		for i := range t.Columns {
			w := ansi.StringWidth(t.text(&t.rows[r], i, theme))
			if m := t.Columns[i].Max; m > 0 {
				w = min(w, max(m, ansi.StringWidth(t.Columns[i].Title)+1))
			}
			want[i] = max(want[i], w)
		}
	}
	shown := make([]bool, len(want))
	for i := range shown {
		shown[i] = true
	}
	for {
		over := total(want, shown) - width
		if over <= 0 {
			break
		}
		i := t.nextOmitted(shown)
		if i < 0 {
			t.shrink(want, shown, over)
			break
		}
		if t.lastFits(want, shown, i, over) {
			want[i] -= over
			break
		}
		if t.Columns[i].Rank <= protectedRank && t.slack(want, shown) >= over {
			t.shrinkTexts(want, shown, over)
			break
		}
		shown[i] = false
	}
	last := -1
	for i := range want {
		if !shown[i] {
			want[i] = 0
		} else {
			last = i
		}
	}
	if last >= 0 && !t.Columns[last].Right {
		want[last] += max(width-total(want, shown), 0)
	}
	return want
}

// Before a column of rank protectedRank or lower is omitted, texts in other columns are truncated,
// down to minText.
const (
	protectedRank = 2
	minText       = 12
)

// slack returns the width that truncating texts can save.
func (t *Table) slack(want []int, shown []bool) (n int) {
	for i, c := range t.Columns {
		if shown[i] && !c.Right && c.Max > minText {
			n += max(want[i]-minText, 0)
		}
	}
	return n
}

func (t *Table) shrinkTexts(want []int, shown []bool, over int) {
	for ; over > 0; over-- {
		widest := -1
		for i, c := range t.Columns {
			if shown[i] && !c.Right && c.Max > minText && want[i] > minText && (widest < 0 || want[i] > want[widest]) {
				widest = i
			}
		}
		want[widest]--
	}
}

func total(want []int, shown []bool) int {
	sum := -gap
	for i, w := range want {
		if shown[i] {
			sum += w + gap
		}
	}
	return sum
}

// nextOmitted returns the column to omit next, or -1 if none may be omitted.
func (t *Table) nextOmitted(shown []bool) int {
	least := -1
	for i, c := range t.Columns {
		if shown[i] && i != t.SortBy && c.Rank > 0 && (least < 0 || c.Rank >= t.Columns[least].Rank) {
			least = i
		}
	}
	return least
}

// minLast is the minimum width to which the last column is truncated before it is omitted.
const minLast = 12

// lastFits reports whether i is the last column and truncating its text by over is sufficient.
func (t *Table) lastFits(want []int, shown []bool, i, over int) bool {
	last := len(want) - 1
	for last >= 0 && !shown[last] {
		last--
	}
	return i == last && want[i]-over >= minLast && !t.Columns[i].Right
}

// shrink reduces the widest columns until over columns are saved.
func (t *Table) shrink(want []int, shown []bool, over int) {
	for ; over > 0; over-- {
		widest := -1
		for i, w := range want {
			if shown[i] && w > 1 && (widest < 0 || w > want[widest] || w == want[widest] && !t.Columns[i].Right) {
				widest = i
			}
		}
		if widest < 0 {
			return
		}
		want[widest]--
	}
}

// fit truncates or pads a text to a width.
func fit(text string, w int, right bool, cut string) string {
	text = sanitize(text)
	n := ansi.StringWidth(text)
	if n > w {
		text = ansi.Truncate(text, w, cut)
		n = ansi.StringWidth(text)
	}
	if right {
		return strings.Repeat(" ", w-n) + text
	}
	return text + strings.Repeat(" ", w-n)
}

// sanitize replaces control characters, because a program's text must not control the terminal.
func sanitize(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n':
			return ' '
		case r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069:
			return '\uFFFD'
		}
		return r
	}, s)
}
