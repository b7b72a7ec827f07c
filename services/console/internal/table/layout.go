package table

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// Look is how a table is drawn; the functions add colour, and no width.
type Look struct {
	Cell   func(text string, tone Tone, done, selected bool) string
	Header func(text string, chosen bool) string
	Marker string // before the selected row
	Up     string // beside the title of the column it is sorted by, smallest first
	Down   string
	Branch string // before a row below another
	Cut    string // where text is cut
}

// gap is between two columns.
const gap = 1

// Draw returns the header and the rows that fit, each line exactly width wide.
func (t *Table) Draw(width, height int, look Look) []string {
	t.height = max(height-1, 0)
	t.scroll()
	marker := ansi.StringWidth(look.Marker)
	widths := t.widths(max(width-marker, 1), look)
	lines := []string{strings.Repeat(" ", marker) + t.line(widths, width-marker, func(i, w int) string {
		return look.Header(fit(t.title(i, look), w, t.Columns[i].Right, look.Cut), i == t.SortBy)
	})}
	for i := t.offset; i < len(t.rows) && i < t.offset+t.height; i++ {
		row, chosen := &t.rows[i], i == t.cursor
		lead := strings.Repeat(" ", marker)
		if chosen {
			lead = look.Marker
		}
		lines = append(lines, lead+t.line(widths, width-marker, func(c, w int) string {
			cell := row.Cells[c]
			return look.Cell(fit(t.text(row, c, look), w, t.Columns[c].Right, look.Cut), cell.Tone, row.Done, chosen)
		}))
	}
	return lines
}

func (t *Table) text(row *Row, c int, look Look) string {
	text := row.Cells[c].Text
	if t.Tree && c == t.TreeCol && row.depth > 0 {
		text = strings.Repeat("  ", min(row.depth-1, 10)) + look.Branch + text
	}
	return text
}

func (t *Table) title(i int, look Look) string {
	title := t.Columns[i].Title
	if i != t.SortBy {
		return title
	}
	if t.Columns[i].Descending != t.Inverted {
		return title + look.Down
	}
	return title + look.Up
}

// line joins cells and fills up to the width.
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

// widths gives each column its width, 0 for one that is left out. The last
// column takes what is left.
func (t *Table) widths(width int, look Look) []int {
	want := make([]int, len(t.Columns))
	for i := range t.Columns {
		want[i] = ansi.StringWidth(t.Columns[i].Title) + ansi.StringWidth(look.Down)
	}
	// What is off the screen counts, too, or the columns would jump; but not all
	// of ten thousand.
	from := max(t.offset-500, 0)
	for r := from; r < len(t.rows) && r < t.offset+t.height+500; r++ {
		for i := range t.Columns {
			w := ansi.StringWidth(t.text(&t.rows[r], i, look))
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
		i := t.leastWanted(shown)
		if i < 0 {
			t.shrink(want, shown, over)
			break
		}
		if t.shrinks(want, shown, i, over) {
			want[i] -= over
			break
		}
		if t.Columns[i].Rank <= cherished && t.slack(want, shown) >= over {
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

// cherished is the rank of columns for whose sake texts are cut, down to minText.
const (
	cherished = 2
	minText   = 12
)

// slack is how much could be cut from texts.
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

// leastWanted is the column to leave out next, -1 where all must stay.
func (t *Table) leastWanted(shown []bool) int {
	least := -1
	for i, c := range t.Columns {
		if shown[i] && i != t.SortBy && c.Rank > 0 && (least < 0 || c.Rank >= t.Columns[least].Rank) {
			least = i
		}
	}
	return least
}

// minLast is how narrow the last column may become before it is left out.
const minLast = 12

// shrinks reports whether it is enough to cut the last column's text.
func (t *Table) shrinks(want []int, shown []bool, i, over int) bool {
	last := len(want) - 1
	for last >= 0 && !shown[last] {
		last--
	}
	return i == last && want[i]-over >= minLast && !t.Columns[i].Right
}

// shrink takes what is too much from the widest texts.
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

// fit cuts or fills a text to a width.
func fit(text string, w int, right bool, cut string) string {
	text = printable(text)
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

// printable takes control characters out: what a program says must not drive
// the terminal.
func printable(s string) string {
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
