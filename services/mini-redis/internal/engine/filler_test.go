package engine_test

import (
	"strconv"
	"strings"

	"mini-redis/services/mini-redis/internal/engine"
)

// filler makes the arguments of a request from the syntax of its command, so many that
// it has n words. What may be repeated is repeated.
type filler struct {
	words    [][]byte
	n        int
	distinct bool // different values, or the same one again and again
	optional bool // with the optional arguments that cannot be repeated
}

// String describes the arguments.
func (f filler) String() string {
	switch {
	case !f.distinct:
		return "equal arguments"
	case f.optional:
		return "repeated options"
	}
	return "distinct arguments"
}

// fillRequest returns a request of at least n words, if the syntax allows any number.
func (f filler) fillRequest(s *engine.Spec) [][]byte {
	f.words = toBytes(strings.ReplaceAll(s.Name, "|", " "))
	list, _ := s.Arguments()
	f.fillList(list)
	for i := 0; s.Arity < 0 && len(f.words) < f.n; i++ { // also what the syntax does not allow
		before := len(f.words)
		if f.optional {
			f.fillOptional(list)
		}
		if len(f.words) == before {
			f.words = append(f.words, f.value(&engine.Argument{Kind: "key"}))
		}
	}
	for !s.ArityOK(len(f.words)) && s.Arity < 0 {
		f.words = append(f.words, []byte("1"))
	}
	return f.words
}

func (f *filler) fillList(list []engine.Argument) {
	for i := range list {
		a := &list[i]
		for j := 0; j == 0 || a.Multiple && len(f.words) < f.n; j++ {
			before := len(f.words)
			if !a.Optional || a.Multiple {
				f.fillOne(a, j == 0)
			}
			if len(f.words) == before {
				break
			}
		}
	}
}

// once reports whether an argument is optional and may not be repeated.
func once(a engine.Argument) bool { return a.Optional && !a.Multiple }

func (f *filler) fillOptional(list []engine.Argument) {
	for i := range list {
		if once(list[i]) {
			f.fillOne(&list[i], true)
		}
	}
}

func (f *filler) fillOne(a *engine.Argument, first bool) {
	if a.Token != "" && (first || a.MultipleToken) {
		f.words = append(f.words, []byte(a.Token))
	}
	switch a.Kind {
	case "pure-token":
	case "oneof": // the last alternative is that with the most arguments
		f.fillOne(&a.Parts[len(a.Parts)-1], true)
		if last := &a.Parts[len(a.Parts)-1]; last.Multiple {
			for len(f.words) < f.n {
				f.fillOne(last, false)
			}
		}
	case "block":
		f.fillList(a.Parts)
	default:
		f.words = append(f.words, f.value(a))
	}
}

func (f *filler) value(a *engine.Argument) []byte {
	switch {
	case a.Name == "timeout":
		return []byte("0")
	case a.Name == "command-name", a.Name == "command":
		return []byte("client|list")
	case a.Kind == "integer", a.Kind == "unix-time":
		return []byte("10")
	case !f.distinct:
		return []byte("1")
	case a.Kind == "pattern":
		return strconv.AppendInt([]byte("*"), int64(len(f.words)), 10)
	}
	return strconv.AppendInt([]byte("key:"), int64(len(f.words)), 10)
}
