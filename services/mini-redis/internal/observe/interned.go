package observe

import (
	"strings"
	"sync/atomic"
)

// interned gives a bounded number of texts small numbers, so that a compact
// record can carry them. Numbers are given out under the execution lock; any
// goroutine may turn one back into its text.
type interned struct {
	max   int
	ids   map[string]int
	texts atomic.Pointer[[]string] // replaced, never changed: readers hold no lock

	// What was asked for last is likely to be asked for next, by the same pointer.
	last   string
	lastID int
}

// newInterned knows one text, with number 0: the one that stands for all that
// come after max others.
func newInterned(other string, max int) *interned {
	t := &interned{max: max, ids: map[string]int{other: 0}}
	t.texts.Store(&[]string{other})
	t.last = other
	return t
}

// id returns the number of s, 0 when there is no room for another.
func (t *interned) id(s string) int {
	if s == t.last {
		return t.lastID
	}
	id := t.find(s)
	if id > 0 {
		t.last, t.lastID = t.text(id), id
	}
	return id
}

func (t *interned) find(s string) int {
	if id, ok := t.ids[s]; ok {
		return id
	}
	old := *t.texts.Load()
	if len(old) > t.max {
		return 0
	}
	s = strings.Clone(s) // s may be a part of a request
	texts := append(old[:len(old):len(old)], s)
	t.texts.Store(&texts)
	t.ids[s] = len(old)
	return len(old)
}

// text returns the text of a number.
func (t *interned) text(id int) string { return (*t.texts.Load())[id] }
