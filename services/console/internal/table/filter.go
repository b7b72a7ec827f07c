package table

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Filter selects the rows that match all of its terms.
type Filter struct {
	Text  string
	terms []term
}

// term is one condition.
type term struct {
	not    bool
	column string // lower-case prefix of the title; "": any column
	op     byte   // '=', '<' or '>'; 0: contains
	text   string
	num    float64
	isNum  bool
	isDur  bool // num is in nanoseconds
}

// ParseFilter parses a filter. Each word is a term, matched without regard to case:
//
//	word            a cell contains the word
//	column:text     the column contains the text
//	column>value    compares with a number or a duration such as 10ms; also < and =
//	!term           the negation of a term
//
// A prefix of the column's title is sufficient.
func ParseFilter(text string) (Filter, error) {
	f := Filter{Text: strings.TrimSpace(text)}
	for _, word := range strings.Fields(f.Text) {
		x := term{}
		word, x.not = cutPrefix(word, "!")
		if i := strings.IndexAny(word, ":<>="); i > 0 && isLetters(word[:i]) {
			x.column, x.text = strings.ToLower(word[:i]), word[i+1:]
			if word[i] != ':' {
				x.op = word[i]
			}
		} else {
			x.text = word
		}
		if x.text == "" {
			continue // an incomplete term, while the user types
		}
		if err := x.number(); err != nil {
			return f, err
		}
		x.text = strings.ToLower(x.text)
		f.terms = append(f.terms, x)
	}
	return f, nil
}

func (x *term) number() error {
	if n, err := strconv.ParseFloat(x.text, 64); err == nil {
		x.num, x.isNum = n, true
	} else if d, err := time.ParseDuration(x.text); err == nil {
		x.num, x.isNum, x.isDur = float64(d), true, true
	} else if x.op == '<' || x.op == '>' {
		return fmt.Errorf("%q is neither a number nor a duration", x.text)
	}
	return nil
}

func cutPrefix(s, prefix string) (string, bool) {
	rest, ok := strings.CutPrefix(s, prefix)
	return rest, ok
}

func isLetters(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r|0x20 < 'a' || r|0x20 > 'z' }) < 0
}

// Active reports whether the filter has terms.
func (f Filter) Active() bool { return len(f.terms) > 0 }

func (f Filter) match(columns []Column, r *Row) bool {
	for i := range f.terms {
		if f.terms[i].match(columns, r) == f.terms[i].not {
			return false
		}
	}
	return true
}

func (x *term) match(columns []Column, r *Row) bool {
	if x.column == "" {
		for i := range r.Cells {
			if strings.Contains(strings.ToLower(r.Cells[i].Text), x.text) {
				return true
			}
		}
		return strings.Contains(strings.ToLower(r.SearchText), x.text)
	}
	for i := range columns {
		if !strings.HasPrefix(strings.ToLower(columns[i].Title), x.column) {
			continue
		}
		return x.matchCell(&columns[i], &r.Cells[i])
	}
	// No such column: the term is a word that contains a colon, for example an address.
	plain := term{text: x.column + ":" + x.text}
	return x.op == 0 && plain.match(columns, r)
}

func (x *term) matchCell(c *Column, cell *Cell) bool {
	if x.op == 0 {
		return strings.Contains(strings.ToLower(cell.Text), x.text)
	}
	num := x.num
	if x.isNum && !x.isDur && c.Unit > 0 {
		num *= float64(c.Unit)
	}
	switch x.op {
	case '<':
		return cell.Num < num
	case '>':
		return cell.Num > num
	}
	if x.isNum && cell.Num == num {
		return true
	}
	return strings.EqualFold(cell.Text, x.text)
}
