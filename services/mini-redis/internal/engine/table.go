package engine

import (
	"slices"
	"strings"

	"mini-redis/internal/ascii"
	"mini-redis/resptrace/wire"
)

// Table is the command table. It does not change after it is built.
type Table struct {
	all    []*Spec // by ID, subcommands after their parents
	top    []*Spec // those that are not subcommands, sorted by name
	slots  []slot
	mask   uint32
	traced *Spec // nil if the table has no TRACED
}

// longestName bounds the length of a name, so that hashing an unknown long name
// costs nothing.
const longestName = 32

// slot is an entry of the hash table by name.
type slot struct {
	name string
	spec *Spec
}

// NewTable builds a table of rows. It completes the rows, which belong to the table
// afterwards. The same rows always get the same IDs.
func NewTable(rows []*Spec) *Table {
	t := &Table{top: slices.Clone(rows)}
	slices.SortFunc(t.top, func(a, b *Spec) int { return strings.Compare(a.Name, b.Name) })
	for _, s := range t.top {
		t.add(s, nil)
	}
	t.index()
	if t.traced = t.Find(strings.ToLower(wire.Command)); t.traced != nil {
		t.traced.FindKeys = t.tracedKeys
	}
	return t
}

// add adds a row and its subcommands.
func (t *Table) add(s, parent *Spec) {
	s.complete(len(t.all), parent)
	t.all = append(t.all, s)
	if s.Subs == nil {
		return
	}
	s.subs = map[string]*Spec{}
	for _, child := range s.Subs {
		s.subs[strings.TrimPrefix(child.Name, s.Name+"|")] = child
		t.add(child, s)
	}
}

// index builds the hash table, large enough that names hardly ever collide.
func (t *Table) index() {
	size := 64
	for size < 8*len(t.top) {
		size *= 2
	}
	t.slots, t.mask = make([]slot, size), uint32(size-1)
	for _, s := range t.top {
		i := hashName([]byte(s.Name)) & t.mask
		for t.slots[i].spec != nil {
			i = (i + 1) & t.mask
		}
		t.slots[i] = slot{s.Name, s}
	}
}

// All returns every command and subcommand by ID. The slice must not be changed.
func (t *Table) All() []*Spec { return t.all }

// Top returns the commands that are not subcommands, sorted by name. The slice must
// not be changed.
func (t *Table) Top() []*Spec { return t.top }

// Find returns a command by its lower-case name, a subcommand by "parent|child",
// nil if there is none.
func (t *Table) Find(name string) *Spec {
	parent, child, isSub := strings.Cut(name, "|")
	s := t.lookupTopLevel([]byte(parent))
	if s != nil && isSub {
		return s.subs[child]
	}
	return s
}

// FindFold is Find for a name in any case.
func (t *Table) FindFold(name []byte) *Spec {
	if len(name) > 2*longestName {
		return nil
	}
	var tmp [2 * longestName]byte
	return t.Find(string(ascii.AppendLower(tmp[:0], name)))
}

// Lookup returns the command of a request; the subcommand if the command has
// subcommands and the request names one; nil if either is unknown.
func (t *Table) Lookup(args [][]byte) *Spec {
	if len(args) == 0 {
		return nil
	}
	s := t.lookupTopLevel(args[0])
	if s == nil || s.subs == nil || len(args) == 1 {
		return s
	}
	var tmp [longestName]byte
	if len(args[1]) > len(tmp) {
		return nil
	}
	return s.subs[string(ascii.AppendLower(tmp[:0], args[1]))]
}

// lookupTopLevel finds a command that is not a subcommand, in any case.
func (t *Table) lookupTopLevel(name []byte) *Spec {
	if len(name) > longestName {
		return nil
	}
	for i := hashName(name) & t.mask; ; i = (i + 1) & t.mask {
		s := &t.slots[i]
		if s.spec == nil {
			return nil
		}
		if ascii.Is(name, s.name) {
			return s.spec
		}
	}
}

// hashName hashes a name, ignoring its case (FNV-1a).
func hashName(name []byte) uint32 {
	h := uint32(2166136261)
	for _, c := range name {
		h = (h ^ uint32(c|0x20)) * 16777619
	}
	return h ^ h>>15
}

// tracedKeys returns the keys of the command inside a TRACED request.
func (t *Table) tracedKeys(args [][]byte) [][]byte {
	_, inner, err := wire.Parse(args)
	if err != nil {
		return nil
	}
	spec := t.Lookup(inner)
	if spec == nil || !spec.ArityOK(len(inner)) {
		return nil
	}
	var keys [][]byte
	for _, k := range spec.RequestKeys(inner) {
		keys = append(keys, k.Key)
	}
	return keys
}

// IsTraced reports whether spec is TRACED, whose command is among its arguments.
func (t *Table) IsTraced(spec *Spec) bool { return spec != nil && spec == t.traced }
