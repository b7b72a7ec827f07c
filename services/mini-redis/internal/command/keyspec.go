package command

// KeySpan says which arguments are keys: Args[First], then every Step-th up to
// Last; a negative Last counts from the end. First == 0: none.
type KeySpan struct{ First, Last, Step int }

// KeySpec tells where one group of a command's keys is and what is done to them.
// Here a group always begins at a fixed argument and has a fixed step.
type KeySpec struct {
	Flags KeyFlags
	Begin int // index of the first key
	Last  int // of the last one relative to Begin; negative: from the end of the arguments
	Step  int
}

// KeyFlags say what a command does to its keys.
type KeyFlags uint16

// The flags of key specifications, in the order in which COMMAND INFO names them.
const (
	KeyRO         KeyFlags = 1 << iota // reads the value
	KeyRW                              // reads and changes it
	KeyOW                              // overwrites it without a look
	KeyRM                              // deletes it without a look
	KeyAccess                          // returns or uses its contents
	KeyUpdate                          // changes contents that are there
	KeyInsert                          // adds contents
	KeyDelete                          // removes contents
	KeyNot                             // only looks like a key
	KeyIncomplete                      // there may be more keys
	KeyVariable                        // depends on the other arguments
)

var keyFlagNames = [...]string{
	"RO", "RW", "OW", "RM", "access", "update", "insert", "delete", "not_key", "incomplete", "variable_flags",
}

// Names returns the flags as COMMAND INFO writes them.
func (f KeyFlags) Names() []string { return namesOf(uint32(f), keyFlagNames[:]) }

// oneKey is the specification of commands whose first argument is their key.
func oneKey(f KeyFlags) []KeySpec { return []KeySpec{{f, 1, 0, 1}} }

// allKeys is that of commands whose every step-th argument is a key.
func allKeys(f KeyFlags, step int) []KeySpec { return []KeySpec{{f, 1, -1, step}} }

// spanOf translates key specifications for those who know three numbers only.
func spanOf(specs []KeySpec) KeySpan {
	if len(specs) == 0 {
		return KeySpan{}
	}
	s := specs[0]
	last := s.Last
	if last >= 0 {
		last += s.Begin
	}
	for _, next := range specs[1:] { // adjoining single keys make a range: RENAME's
		if next.Begin == last+1 && next.Last >= 0 && next.Step == s.Step {
			last = next.Begin + next.Last
		}
	}
	return KeySpan{First: s.Begin, Last: last, Step: s.Step}
}

// foundKey is a key of a request, and what is done to it.
type foundKey struct {
	key   []byte
	flags KeyFlags
}

// keysOf finds the keys of a request whose arity is right.
func (s *Spec) keysOf(args [][]byte) []foundKey {
	var keys []foundKey
	if s.KeysOf != nil {
		for _, key := range s.KeysOf(args) {
			keys = append(keys, foundKey{key: key})
		}
		return keys
	}
	for _, k := range s.KeySpecs {
		if s.keyFlags != nil {
			k.Flags = s.keyFlags(args)
		}
		last := k.Begin + k.Last
		if k.Last < 0 {
			last = len(args) + k.Last
		}
		for i := k.Begin; i <= last && i < len(args); i += k.Step {
			keys = append(keys, foundKey{args[i], k.Flags})
		}
	}
	return keys
}
