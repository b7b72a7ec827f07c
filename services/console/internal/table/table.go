// Package table is a table on a screen: rows that are sorted by any column,
// filtered, arranged as a tree, and scrolled with one of them selected; columns
// that are left out where the screen is narrow. It knows nothing of what the
// rows are about; package ui fills it.
package table

import (
	"cmp"
	"slices"
	"sort"
	"strings"
	"time"
)

// Tone is what a cell is like; the styles of package ui give each a colour.
type Tone int

// The tones.
const (
	Plain Tone = iota
	Faint
	Good
	Warn
	Bad
	Key
	Nanos // durations, by their unit
	Micros
	Millis
	Seconds
)

// Cell is a value as text and as what it is sorted by.
type Cell struct {
	Text string
	Num  float64 // sorts before Text; equal everywhere in a column of text
	Tone Tone
}

// Row is an item. Rows of equal ID are the same item at different times.
type Row struct {
	ID     any
	Parent any // ID of the row above it in a tree; nil: none
	Cells  []Cell
	Order  [2]uint64 // decides between rows that are equal in the sorted column
	Done   bool      // it has ended: drawn faintly
	Hidden string    // text that the filter sees and the reader does not

	depth int
}

// Column is a column.
type Column struct {
	Title string
	Right bool // numbers stand right
	Max   int  // width, beyond which text is cut; 0: none
	// Rank says which columns are left out first where there is no room: those of
	// the highest rank. Columns of rank 0 stay.
	Rank int
	// Largest first is how the column is sorted when it is chosen.
	Descending bool
	// Unit of a plain number in a filter: what "total>5" means.
	Unit time.Duration
}

// Table is the state of a table. The zero Table with Columns set is ready.
type Table struct {
	Columns  []Column
	SortBy   int
	Inverted bool // the other way than the column's own
	Tree     bool
	TreeCol  int // the column that shows the tree
	Filter   Filter

	rows     []Row // as they are shown
	total    int   // before the filter
	selected any   // ID
	cursor   int
	offset   int
	height   int
}

// SetRows shows these rows: filtered, sorted, the selected one still selected
// if it is there.
func (t *Table) SetRows(rows []Row) {
	t.total = len(rows)
	matched := map[any]bool{}
	if t.Filter.Any() {
		for i := range rows {
			matched[rows[i].ID] = t.Filter.match(t.Columns, &rows[i])
		}
		if !t.Tree {
			rows = slices.DeleteFunc(rows, func(r Row) bool { return !matched[r.ID] })
		}
	}
	t.sort(rows)
	if t.Tree {
		rows = arrange(rows, matched)
	}
	t.rows = rows
	t.follow()
}

// follow keeps the cursor on the selected row, or where it was.
func (t *Table) follow() {
	if t.selected != nil {
		for i := range t.rows {
			if t.rows[i].ID == t.selected {
				t.cursor = i
				t.scroll()
				return
			}
		}
	}
	t.cursor = min(max(t.cursor, 0), max(len(t.rows)-1, 0))
	t.scroll()
}

func (t *Table) sort(rows []Row) {
	desc := t.Columns[t.SortBy].Descending != t.Inverted
	sort.SliceStable(rows, func(i, j int) bool {
		c := compare(&rows[i].Cells[t.SortBy], &rows[j].Cells[t.SortBy])
		if desc {
			c = -c
		}
		if c == 0 {
			c = slices.Compare(rows[i].Order[:], rows[j].Order[:])
		}
		return c < 0
	})
}

func compare(a, b *Cell) int {
	if c := cmp.Compare(a.Num, b.Num); c != 0 {
		return c
	}
	return natural(a.Text, b.Text)
}

// natural compares texts, numbers in them by their value.
func natural(a, b string) int {
	for a != "" && b != "" {
		if digit(a[0]) && digit(b[0]) {
			x, ra := number(a)
			y, rb := number(b)
			if len(x) != len(y) {
				return len(x) - len(y)
			}
			if c := strings.Compare(x, y); c != 0 {
				return c
			}
			a, b = ra, rb
			continue
		}
		if a[0] != b[0] {
			return int(a[0]) - int(b[0])
		}
		a, b = a[1:], b[1:]
	}
	return len(a) - len(b)
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// number splits the number, without leading zeros, off the front.
func number(s string) (digits, rest string) {
	n := 0
	for n < len(s) && digit(s[n]) {
		n++
	}
	return strings.TrimLeft(s[:n], "0"), s[n:]
}

// arrange puts rows below their parents, in the order they have. With a filter,
// what matches is kept, and what leads to it.
func arrange(rows []Row, matched map[any]bool) []Row {
	here := map[any]bool{}
	for i := range rows {
		here[rows[i].ID] = true
	}
	children := map[any][]int{}
	for i := range rows {
		p := rows[i].Parent
		if p != nil && (!here[p] || p == rows[i].ID) {
			p = nil
		}
		children[p] = append(children[p], i)
	}
	out := make([]Row, 0, len(rows))
	placed := map[any]bool{}
	var place func(i, depth int) bool
	place = func(i, depth int) bool {
		id := rows[i].ID
		if placed[id] {
			return false
		}
		placed[id] = true
		at := len(out)
		row := rows[i]
		row.depth = depth
		out = append(out, row)
		wanted := len(matched) == 0 || matched[id]
		for _, c := range children[id] {
			wanted = place(c, depth+1) || wanted
		}
		if !wanted {
			out = out[:at]
		}
		return wanted
	}
	for _, i := range children[nil] {
		place(i, 0)
	}
	for i := range rows { // parents in a circle, if a program says so
		place(i, 0)
	}
	return out
}

// Len is how many rows are shown, Total how many there are.
func (t *Table) Len() int { return len(t.rows) }

// Total is how many rows there are, with those that the filter hides.
func (t *Table) Total() int { return t.total }

// Rows are the rows as they are shown.
func (t *Table) Rows() []Row { return t.rows }

// Selected is the ID of the selected row, nil where there is none.
func (t *Table) Selected() any {
	if len(t.rows) == 0 {
		return nil
	}
	return t.rows[t.cursor].ID
}

// Select selects the row with the ID, now or when it comes.
func (t *Table) Select(id any) {
	t.selected = id
	t.follow()
}

// Move moves the selection by n rows; past an end it goes on at the other when
// wrap is set.
func (t *Table) Move(n int, wrap bool) {
	if len(t.rows) == 0 {
		return
	}
	to := t.cursor + n
	switch {
	case wrap && to < 0:
		to = len(t.rows) - 1
	case wrap && to >= len(t.rows):
		to = 0
	}
	t.goTo(to)
}

// First and Last select the ends, Page moves by a screen.
func (t *Table) First()     { t.goTo(0) }
func (t *Table) Last()      { t.goTo(len(t.rows) - 1) }
func (t *Table) Page(n int) { t.Move(n*max(t.height-1, 1), false) }

func (t *Table) goTo(i int) {
	if len(t.rows) == 0 {
		return
	}
	t.cursor = min(max(i, 0), len(t.rows)-1)
	t.selected = t.rows[t.cursor].ID
	t.scroll()
}

// NextColumn chooses another column to sort by, from the next SetRows on.
func (t *Table) NextColumn(n int) {
	t.SortBy = (t.SortBy + n + len(t.Columns)) % len(t.Columns)
	t.Inverted = false
}

// Invert turns the order round, from the next SetRows on.
func (t *Table) Invert() { t.Inverted = !t.Inverted }

func (t *Table) scroll() {
	if t.height <= 0 {
		return
	}
	t.offset = min(t.offset, t.cursor)
	t.offset = max(t.offset, t.cursor-t.height+1)
	t.offset = max(min(t.offset, len(t.rows)-t.height), 0)
}
