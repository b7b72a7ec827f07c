package engine

// KeySpan describes which arguments are keys: Args[First], then every Step-th up to
// Last. A negative Last counts from the end. First == 0 means none.
type KeySpan struct{ First, Last, Step int }

// KeySpec describes one group of a command's keys: where it is and what the command
// does to it. A group begins at a fixed argument and has a fixed step.
type KeySpec struct {
	Flags KeyFlags
	Begin int // index of the first key
	Last  int // of the last one relative to Begin; negative: from the end of the arguments
	Step  int
}

// KeyFlags describe what a command does to its keys.
type KeyFlags uint16

// The flags of key specifications, in the order in which COMMAND INFO names them.
const (
	KeyRO         KeyFlags = 1 << iota // reads the value
	KeyRW                              // reads and changes the value
	KeyOW                              // overwrites it without reading it
	KeyRM                              // deletes it without reading it
	KeyAccess                          // returns or uses its contents
	KeyUpdate                          // changes existing contents
	KeyInsert                          // adds contents
	KeyDelete                          // removes contents
	KeyNot                             // is not a key
	KeyIncomplete                      // there may be more keys
	KeyVariable                        // depends on the other arguments
)

var keyFlagNames = [...]string{
	"RO", "RW", "OW", "RM", "access", "update", "insert", "delete", "not_key", "incomplete", "variable_flags",
}

// Names returns the flags as COMMAND INFO writes them.
func (f KeyFlags) Names() []string { return namesOf(uint32(f), keyFlagNames[:]) }

// spanOf converts key specifications to the three numbers of older clients.
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

// RequestKey is a key of a request, and what the request does to it.
type RequestKey struct {
	Key   []byte
	Flags KeyFlags
}

// RequestKeys returns the keys of a request whose arity is right.
func (s *Spec) RequestKeys(args [][]byte) []RequestKey {
	var keys []RequestKey
	if s.FindKeys != nil {
		for _, key := range s.FindKeys(args) {
			keys = append(keys, RequestKey{Key: key})
		}
		return keys
	}
	for _, k := range s.KeySpecs {
		if s.KeyFlagsOf != nil {
			k.Flags = s.KeyFlagsOf(args)
		}
		last := k.Begin + k.Last
		if k.Last < 0 {
			last = len(args) + k.Last
		}
		for i := k.Begin; i <= last && i < len(args); i += k.Step {
			keys = append(keys, RequestKey{args[i], k.Flags})
		}
	}
	return keys
}
