// Package table implements a table for a terminal: its rows can be sorted by any column, filtered,
// arranged as a tree and scrolled, with one row selected. On a narrow screen it omits columns. It
// has no knowledge of the items that package ui shows in it.
package table

import (
	"cmp"
	"slices"
	"sort"
	"strings"
	"time"
)

// Tone is the semantic category of a cell. Package ui maps each tone to a color.
type Tone int

// The tones.
const (
	Plain Tone = iota
	Faint
	Good
	Warn
	Bad
	Key
	Nanos // a duration in nanoseconds; the following tones likewise
	Micros
	Millis
	Seconds
)

// Cell is the text of a cell and the value by which it is sorted.
type Cell struct {
	Text string
	Num  float64 // first sort key, before Text; equal in all rows of a text column
	Tone Tone
}

// Row is an item. Rows with equal ID are the same item at different times.
type Row struct {
	ID         any
	Parent     any // ID of the parent row in a tree, or nil
	Cells      []Cell
	TieBreak   [2]uint64 // sort key of rows that are equal in the sort column
	Done       bool      // the item has ended and is drawn faint
	SearchText string    // additional text that the filter matches and that is not shown

	depth int // in the tree, 0 for a root
}

// Column describes a column.
type Column struct {
	Title string
	Right bool // align to the right, as numbers are
	Max   int  // maximum width; 0: no limit
	// Rank determines the order in which columns are omitted on a narrow screen: the highest rank
	// first. Columns of rank 0 are never omitted.
	Rank int
	// Descending is the initial sort direction: largest value first.
	Descending bool
	// Unit is the unit of a number without a unit in a filter, as in "total>5".
	Unit time.Duration
}

// Table is the state of a table. The zero value with Columns set is ready to use.
type Table struct {
	Columns  []Column
	SortBy   int
	Inverted bool // sort opposite to the column's initial direction
	Tree     bool
	TreeCol  int // the column that shows the tree
	Filter   Filter

	rows     []Row // filtered and sorted
	total    int   // number of rows before filtering
	selected any   // ID of the selected row
	cursor   int
	offset   int
	height   int
}

// SetRows filters, sorts and shows these rows. The selected row stays selected if it still exists.
func (t *Table) SetRows(rows []Row) {
	t.total = len(rows)
	matched := map[any]bool{}
	if t.Filter.Active() {
		for i := range rows {
			matched[rows[i].ID] = t.Filter.match(t.Columns, &rows[i])
		}
		if !t.Tree {
			rows = slices.DeleteFunc(rows, func(r Row) bool { return !matched[r.ID] })
		}
	}
	t.sort(rows)
	if t.Tree {
		rows = arrangeTree(rows, matched)
	}
	t.rows = rows
	t.restoreCursor()
}

// restoreCursor moves the cursor to the selected row, or leaves it at its index if that row is
// gone.
func (t *Table) restoreCursor() {
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
			c = slices.Compare(rows[i].TieBreak[:], rows[j].TieBreak[:])
		}
		return c < 0
	})
}

func compare(a, b *Cell) int {
	if c := cmp.Compare(a.Num, b.Num); c != 0 {
		return c
	}
	return compareNatural(a.Text, b.Text)
}

// compareNatural compares texts, and the numbers in them by value.
func compareNatural(a, b string) int {
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

// number splits the leading number off s, without its leading zeros.
func number(s string) (digits, rest string) {
	n := 0
	for n < len(s) && digit(s[n]) {
		n++
	}
	return strings.TrimLeft(s[:n], "0"), s[n:]
}

// arrangeTree puts rows below their parents and keeps the order of siblings. With a filter it keeps
// the matching rows and their ancestors.
func arrangeTree(rows []Row, matched map[any]bool) []Row {
	known := map[any]bool{}
	for i := range rows {
		known[rows[i].ID] = true
	}
	children := map[any][]int{}
	for i := range rows {
		p := rows[i].Parent
		if p != nil && (!known[p] || p == rows[i].ID) {
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
	for i := range rows { // rows whose parents form a cycle, which a program could send
		place(i, 0)
	}
	return out
}

// Len returns the number of rows after filtering.
func (t *Table) Len() int { return len(t.rows) }

// Total returns the number of rows before filtering.
func (t *Table) Total() int { return t.total }

// Rows returns the filtered and sorted rows.
func (t *Table) Rows() []Row { return t.rows }

// Selected returns the ID of the selected row, or nil if there are no rows.
func (t *Table) Selected() any {
	if len(t.rows) == 0 {
		return nil
	}
	return t.rows[t.cursor].ID
}

// Select selects the row with the ID, also if it is added only later.
func (t *Table) Select(id any) {
	t.selected = id
	t.restoreCursor()
}

// Move moves the selection by n rows. With wrap it continues at the other end.
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

// First selects the first row, Last the last row, and Page moves the selection by n screens.
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

// NextColumn changes the sort column by n, with effect from the next SetRows.
func (t *Table) NextColumn(n int) {
	t.SortBy = (t.SortBy + n + len(t.Columns)) % len(t.Columns)
	t.Inverted = false
}

// Invert inverts the sort direction, with effect from the next SetRows.
func (t *Table) Invert() { t.Inverted = !t.Inverted }

func (t *Table) scroll() {
	if t.height <= 0 {
		return
	}
	t.offset = min(t.offset, t.cursor)
	t.offset = max(t.offset, t.cursor-t.height+1)
	t.offset = max(min(t.offset, len(t.rows)-t.height), 0)
}
