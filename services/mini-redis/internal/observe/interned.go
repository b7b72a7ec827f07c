package observe

import (
	"strings"
	"sync/atomic"
)

// interned gives a bounded number of strings small numbers, so that a compact record can
// hold them. id is called under the execution lock, text on any goroutine.
type interned struct {
	max   int
	ids   map[string]int
	texts atomic.Pointer[[]string] // replaced, never changed: readers take no lock

	// The last string is likely to be the next one, often with the same pointer.
	last   string
	lastID int
}

// newInterned creates a set with one string, number 0. It stands for every string after
// the first max ones.
func newInterned(other string, max int) *interned {
	t := &interned{max: max, ids: map[string]int{other: 0}}
	t.texts.Store(&[]string{other})
	t.last = other
	return t
}

// id returns the number of s, 0 if the set is full.
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

// text returns the string with a number.
func (t *interned) text(id int) string { return (*t.texts.Load())[id] }
