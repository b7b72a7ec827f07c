package table

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
)

var plain = Theme{
	Cell:   func(text string, _ Tone, _, _ bool) string { return text },
	Header: func(text string, _ bool) string { return text },
	Marker: "> ", Up: "^", Down: "v", Branch: "- ", Ellipsis: "~",
}

// people returns a table with columns of text, numbers and durations.
func people(rows ...Row) *Table {
	t := &Table{Columns: []Column{{Title: "Name", Max: 10}, {Title: "Age", Right: true, Descending: true, Rank: 1}, {Title: "Time", Right: true, Unit: time.Second, Rank: 2}, {Title: "Note", Rank: 3}}}
	t.SetRows(rows)
	return t
}

func person(name string, age int, d time.Duration, note string) Row {
	return Row{ID: name, Cells: []Cell{{Text: name}, {Text: fmt.Sprint(age), Num: float64(age)}, {Text: d.String(), Num: float64(d)}, {Text: note}}}
}

func some() []Row {
	return []Row{person("bob 10", 30, 2*time.Second, "x:y"), person("bob 9", 4, 1500*time.Millisecond, "b"), person("alice", 100, time.Millisecond, "C")}
}

func names(t *Table) string {
	var list []string
	for _, r := range t.Rows() {
		list = append(list, r.Cells[0].Text)
	}
	return strings.Join(list, ", ")
}

func TestSortByEachColumn(t *testing.T) {
	f := func(column int, inverted bool, want string) {
		t.Helper()
		x := people(some()...)
		x.SortBy, x.Inverted = column, inverted
		x.SetRows(some())
		if got := names(x); got != want {
			t.Errorf("by %s: %s, want %s", x.Columns[column].Title, got, want)
		}
	}
	f(0, false, "alice, bob 9, bob 10")
	f(0, true, "bob 10, bob 9, alice")
	f(1, false, "alice, bob 10, bob 9") // by value, not by text
	f(1, true, "bob 9, bob 10, alice")
	f(2, false, "alice, bob 9, bob 10")
	f(3, false, "alice, bob 9, bob 10")
}

func TestSelectionStaysOnItsRow(t *testing.T) {
	x := people(some()...)
	x.First()
	x.Move(1, true)
	if x.Selected() != "bob 9" {
		t.Fatalf("selected %v, want bob 9", x.Selected())
	}
	x.NextColumn(1)
	x.SetRows(append(some(), person("carol", 50, 0, "")))
	if x.Selected() != "bob 9" {
		t.Errorf("selected %v after another sort, want bob 9", x.Selected())
	}
	x.SetRows(some()[:1])
	if x.Selected() != "bob 10" {
		t.Errorf("selected %v after the row was removed, want bob 10", x.Selected())
	}
	x.SetRows(nil)
	x.Move(1, true)
	x.First()
	x.Last()
	if x.Selected() != nil {
		t.Errorf("selected %v in an empty table", x.Selected())
	}
	x.SetRows(some())
	x.Last()
	x.Move(1, true)
	if x.Selected() != x.Rows()[0].ID {
		t.Error("Move with wrap does not continue at the other end")
	}
	x.Move(-1, true)
	x.Move(1, false)
	if x.Selected() != x.Rows()[2].ID {
		t.Error("Move without wrap continues at the other end")
	}
	x.NextColumn(-1)
	x.NextColumn(-1)
	if x.SortBy != 3 {
		t.Errorf("sorted by column %d, want 3", x.SortBy)
	}
}

func TestFilters(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		x := people()
		var err error
		if x.Filter, err = ParseFilter(text); err != nil {
			t.Fatal(err)
		}
		x.SetRows(some())
		if got := names(x); got != want {
			t.Errorf("filter %q: rows %s, want %s", text, got, want)
		}
		if x.Total() != 3 {
			t.Errorf("%d rows before filtering, want 3", x.Total())
		}
	}
	f("", "alice, bob 9, bob 10")
	f("BOB", "bob 9, bob 10")
	f("bob 9", "bob 9")
	f("!bob", "alice")
	f("name:ali", "alice")
	f("note:c", "alice")
	f("na:bob !ag:30", "bob 9")
	f("age>4", "alice, bob 10")
	f("age<31", "bob 9, bob 10")
	f("age=4", "bob 9")
	f("name=alice", "alice")
	f("time>1s", "bob 9, bob 10")
	f("time>1.5", "bob 10")
	f("time<1500ms", "alice")
	f("x:y", "bob 10") // no such column, so it is a word that contains a colon
	f("age>", "alice, bob 9, bob 10")
	if _, err := ParseFilter("age>soon"); err == nil {
		t.Error("an invalid number is accepted")
	}
	x := people()
	x.Filter, _ = ParseFilter("secret")
	row := person("x", 1, 0, "")
	row.SearchText = "SECRET"
	x.SetRows([]Row{row})
	if x.Len() != 1 {
		t.Error("the filter does not match SearchText")
	}
}

func tree(text string) (*Table, []Row) {
	x := people()
	x.Tree = true
	x.Filter, _ = ParseFilter(text)
	rows := []Row{person("leaf", 1, 0, ""), person("root", 2, 0, ""), person("branch", 3, 0, ""), person("orphan", 4, 0, "")}
	rows[0].Parent, rows[2].Parent, rows[3].Parent = "branch", "root", "unknown"
	return x, rows
}

func TestTree(t *testing.T) {
	x, rows := tree("")
	x.SetRows(rows)
	got := x.Draw(40, 10, plain)
	want := []string{"  Name^     Age  Time Note", "> orphan      4    0s", "  root        2    0s", "  - branch    3    0s", "    - leaf    1    0s"}
	for i, w := range want {
		if strings.TrimRight(got[i], " ") != w {
			t.Errorf("line %d is %q, want %q", i, got[i], w)
		}
	}
	x, rows = tree("leaf")
	x.SetRows(rows)
	if got := names(x); got != "root, branch, leaf" {
		t.Errorf("filtered rows and their ancestors: %s", got)
	}
	x, rows = tree("")
	rows[1].Parent = "leaf" // a cycle
	x.SetRows(rows)
	if x.Len() != 4 {
		t.Errorf("%d of 4 rows shown if parents form a cycle", x.Len())
	}
}

func TestLineWidth(t *testing.T) {
	rows := append(some(), person("日本語の名前です", 7, 0, "wide \x1b[31m and\tcontrolling"))
	for width := 1; width < 90; width++ {
		for column := range 4 {
			x := people()
			x.SortBy = column
			x.SetRows(slices.Clone(rows))
			lines := x.Draw(width, 4, plain)
			if len(lines) != 4 {
				t.Fatalf("%d lines", len(lines))
			}
			for _, line := range lines {
				if w := ansi.StringWidth(line); width >= 12 && w != width {
					t.Errorf("width %d, by column %d: %q is %d wide", width, column, line, w)
				}
				if strings.ContainsAny(line, "\x1b\t") {
					t.Errorf("%q contains control characters", line)
				}
			}
			if width >= 12 && !strings.Contains(lines[0], x.Columns[column].Title[:2]) {
				t.Errorf("width %d: the sort column is not shown: %q", width, lines[0])
			}
		}
	}
}

func TestNarrowTableOmitsColumnsByRank(t *testing.T) {
	x := people(some()...)
	f := func(width int, want string) {
		t.Helper()
		if got := strings.Join(strings.Fields(x.Draw(width, 4, plain)[0]), " "); got != want {
			t.Errorf("width %d: columns %q, want %q", width, got, want)
		}
	}
	f(60, "Name^ Age Time Note")
	f(22, "Name^ Age Time")
	f(14, "Name^ Age")
	f(8, "Name^")
}

func TestScrollingKeepsTheSelectionVisible(t *testing.T) {
	var rows []Row
	for i := range 100 {
		rows = append(rows, person(fmt.Sprintf("n%d", i), i, 0, ""))
	}
	x := people(rows...)
	mustShow := func(name string) {
		t.Helper()
		if lines := x.Draw(40, 11, plain); !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, "> "+name+" ") }) {
			t.Errorf("selected row %s is not visible: %q", name, lines)
		}
	}
	x.Draw(40, 11, plain)
	mustShow("n0")
	x.Last()
	mustShow("n99")
	x.Page(-1)
	mustShow("n90")
	x.First()
	mustShow("n0")
	for range 15 {
		x.Move(1, true)
	}
	mustShow("n15")
	x.Move(-3, true)
	mustShow("n12")
}

// If truncating the last column is sufficient, no other column is truncated.
func TestOnlyTheLastColumnIsTruncated(t *testing.T) {
	x := &Table{Columns: []Column{{Title: "Trace", Rank: 1}, {Title: "Attributes", Rank: 6}}}
	x.SetRows([]Row{{ID: 1, Cells: []Cell{{Text: strings.Repeat("t", 32)}, {Text: strings.Repeat("a", 100)}}}})
	line := x.Draw(60, 3, plain)[1]
	if !strings.Contains(line, strings.Repeat("t", 32)+" aaa") {
		t.Errorf("unexpected line: %q", line)
	}
}
