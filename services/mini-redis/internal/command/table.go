package command

import (
	"slices"
	"strings"

	"mini-redis/resptrace/wire"
)

// Table is all commands. It never changes once it is made.
type Table struct {
	all    []*Spec // by ID, subcommands behind their parents
	top    []*Spec // those that are not subcommands
	slots  []slot
	mask   uint32
	traced *Spec
}

// longestName bounds the length of a name, so that a stranger's long one costs nothing.
const longestName = 32

// slot is a place of the hash table that dispatch looks names up in.
type slot struct {
	name string
	spec *Spec
}

// NewTable makes the table of every command this server has. Equal programs get
// equal IDs.
func NewTable() *Table {
	t := &Table{}
	for _, group := range [][]*Spec{
		connectionCommands(), clientCommands(), serverCommands(), introspectCommands(),
		keyCommands(), expireCommands(), scanCommands(), objectCommands(),
		stringCommands(), setCommands(), counterCommands(), listCommands(), blockingCommands(),
		txCommands(), pubsubCommands(), tracedCommands(),
	} {
		t.top = append(t.top, group...)
	}
	slices.SortFunc(t.top, func(a, b *Spec) int { return strings.Compare(a.Name, b.Name) })
	for _, s := range t.top {
		t.number(s, nil)
	}
	t.index()
	t.traced = t.Find(strings.ToLower(wire.Command))
	t.traced.KeysOf = t.tracedKeys
	return t
}

// number completes a row and its subcommands.
func (t *Table) number(s, parent *Spec) {
	s.ID, s.Parent = len(t.all), parent
	s.Operation = strings.ToUpper(strings.Replace(s.Name, "|", " ", 1))
	s.Keys = spanOf(s.KeySpecs)
	s.ACL = s.ACL.implied(s.Flags)
	t.all = append(t.all, s)
	if s.Subs == nil {
		return
	}
	s.sub = map[string]*Spec{}
	for _, child := range s.Subs {
		s.sub[strings.TrimPrefix(child.Name, s.Name+"|")] = child
		t.number(child, s)
	}
}

// index builds the hash table: so large that hardly any two names collide.
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

// All returns every command and subcommand by ID. It is not to be changed.
func (t *Table) All() []*Spec { return t.all }

// Find returns a command by its lower-case name, a subcommand by "parent|child",
// nil when there is none.
func (t *Table) Find(name string) *Spec {
	parent, child, isSub := strings.Cut(name, "|")
	s := t.top1([]byte(parent))
	if s != nil && isSub {
		return s.sub[child]
	}
	return s
}

// find returns the command of a request, with its subcommand when it has those;
// nil when the command or the subcommand is unknown.
func (t *Table) find(args [][]byte) *Spec {
	if len(args) == 0 {
		return nil
	}
	s := t.top1(args[0])
	if s == nil || s.sub == nil || len(args) == 1 {
		return s
	}
	var tmp [longestName]byte
	if len(args[1]) > len(tmp) {
		return nil
	}
	return s.sub[string(appendLower(tmp[:0], args[1]))]
}

// top1 finds a command that is not a subcommand, in any letter case.
func (t *Table) top1(name []byte) *Spec {
	if len(name) > longestName {
		return nil
	}
	for i := hashName(name) & t.mask; ; i = (i + 1) & t.mask {
		s := &t.slots[i]
		if s.spec == nil {
			return nil
		}
		if equalFold(name, s.name) {
			return s.spec
		}
	}
}

// hashName hashes a name without regard to its case (FNV-1a).
func hashName(name []byte) uint32 {
	h := uint32(2166136261)
	for _, c := range name {
		h = (h ^ uint32(c|0x20)) * 16777619
	}
	return h ^ h>>15
}
